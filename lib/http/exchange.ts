/** Header fields as they came or will go: name, value, name, value, in order and with duplicates; no pseudo-headers. */
export type RawHeaders = readonly string[];

/** The head of an answer. */
export interface ResponseHead {
  /** 200 to 599; informational answers are for {@link Exchange.inform}. */
  readonly status: number;
  /** Without fields that concern one connection only (RFC 9110 section 7.6.1): framing is the edge's. */
  readonly headers: RawHeaders;
  /** Nothing follows: neither body nor trailers. */
  readonly isLast: boolean;
  /** Something follows at once, so that the head may wait for it; default `false`. */
  readonly more?: boolean;
}

/**
 * A request and its answer as they are on the wire, whatever the version of HTTP: for what goes through `Request` and
 * `Response` badly, such as order of fields, informational answers, trailers and backpressure.
 */
export interface Exchange {
  /** As received. */
  readonly method: string;
  /** As received. */
  readonly headers: RawHeaders;
  /** Whether a body may follow the head. */
  readonly hasBody: boolean;
  /** The trailers of the request; complete once {@link Exchange.read} has said that the body is over. */
  readonly trailers: RawHeaders;
  /** Aborted when the client gives up or the exchange is over. */
  readonly signal: AbortSignal;
  /**
   * Waits for more of the body; a client that asked for it is told to go on (100) at the first call.
   *
   * @returns at least one byte, good until the next call, or `null` at the end of the body; rejects when the client breaks
   * off, and with a `CodecError` for what is no body
   */
  read(): Promise<Uint8Array | null>;
  /**
   * Sends an informational answer, to a client that understands it.
   *
   * @param status 102 to 199, but not 101; 100 is sent by itself
   */
  inform(status: number, headers: RawHeaders): void;
  /** Sends the head of the answer; once. */
  respond(head: ResponseHead): void;
  /**
   * Sends a piece of the body.
   *
   * @param bytes not to be changed before this resolves; @param options `more`: something follows at once, so that a short
   * piece may wait for it; default `false`
   * @returns when there is room for the next; rejects when the client has gone
   */
  write(bytes: Uint8Array, options?: { readonly more?: boolean }): Promise<void>;
  /** Ends the answer. Resolves once it has been sent; rejects when the client has gone. */
  end(trailers: RawHeaders): Promise<void>;
  /** Breaks the answer off so that the client cannot take it for complete. Safe to call at any time. */
  abort(): void;
}

/** Goes on with a request that bypasses `Response`. Answers or aborts it, and does not reject. */
export type Forward = (exchange: Exchange) => Promise<void>;
