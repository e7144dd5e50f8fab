import type { ByteStream } from "../base/byte_stream.ts";
import type { ConnectionFacts } from "../base/connection.ts";
import type { Caller } from "../identity/resolve_caller.ts";

/** What the edge tells the application about a request, beside the request itself. */
export interface EdgeBindings {
  /** The connection that the request came on. */
  readonly connection: ConnectionFacts;
  /** The request target of a CONNECT as it came (RFC 9112 section 3.2.3); `null` for every other method. */
  readonly connectTarget: string | null;
  /** `1.1` or `2`. */
  readonly httpVersion: string;
  /**
   * Asks the edge to hand over the connection once a 200 to CONNECT is on its way. `run` closes the stream and does
   * not reject.
   */
  takeOver(run: (stream: ByteStream) => Promise<void>): void;
}

/** The type of the Hono application. */
export interface HttpEnv {
  /** What the edge gives with each request. */
  Bindings: EdgeBindings;
  /** What handlers of one request tell each other. */
  Variables: {
    /** Ties the answer to the log. */
    requestId: string;
    /** Address of the client, without port. */
    ip: string;
    /** Who is calling, once somebody has asked. */
    caller: Caller | undefined;
    /** Says that the request became a tunnel; what it returns is called once with the figures when the tunnel ends. */
    tunnelOpened: () => (figures: { bytesDown: number; durationMs: number }) => void;
  };
}
