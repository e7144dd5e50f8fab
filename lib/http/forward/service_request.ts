import type { RawHeaders } from "../exchange.ts";

/** A request to a service. */
export interface ServiceRequest {
  /** As the caller sent it. */
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** For `Host` or `:authority`. */
  readonly host: string;
  /** Without `Host`, and without framing other than `Content-Length`. */
  readonly headers: RawHeaders;
  /** `null`: there is none. */
  readonly body: {
    /** {@inheritDoc Exchange.read} */
    read(): Promise<Uint8Array | null>;
    /** Complete at the end of the body. */
    readonly trailers: RawHeaders;
    /** Whether it is sent only once the service asks for it (RFC 9110 section 10.1.1). */
    readonly waits: boolean;
  } | null;
  /** Breaks it off, whatever has come of it. */
  readonly signal: AbortSignal;
  /** Hears of informational answers. */
  readonly onInform: (status: number, headers: RawHeaders) => void;
  /** Hears of the bytes of the body that were sent. */
  readonly onSent: (count: number) => void;
  /** Called when nothing more comes of the request, and all of it was sent unless the service did not take it. */
  readonly onComplete: () => void;
}

/** What a service answers. */
export interface ServiceResponse {
  /** 200 to 599. */
  readonly status: number;
  /** As received. */
  readonly headers: RawHeaders;
  /** Nothing follows the head. */
  readonly isLast: boolean;
  /** Whether {@link ServiceResponse.read} would not wait. */
  readonly isReady: boolean;
  /** More of the body, good until the next call; `null` at its end; rejects when the service breaks off. */
  read(): Promise<Uint8Array | null>;
  /** Complete at the end of the body. */
  readonly trailers: RawHeaders;
}

/** A service broke the connection, or spoke something that is not HTTP, before it answered. */
export class ServiceBroken extends Error {
  /** An error of this cause. */
  constructor(
    cause: unknown,
    /** Whether nobody can have acted on the request, so that it may be sent again. */
    readonly isSafe: boolean,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "ServiceBroken";
  }
}
