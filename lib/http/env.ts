import type { ByteStream } from "../base/byte_stream.ts";
import type { ConnectionFacts } from "../base/connection.ts";
import type { DatagramFlow } from "../base/datagram_flow.ts";
import type { CertificateVerdict } from "../identity/client_certificates.ts";
import type { Caller } from "../identity/resolve_caller.ts";
import type { Forward } from "./exchange.ts";

/**
 * Goes on with the bytes of a request that became a tunnel, for which nobody waits: the request is over. `datagrams` are those of its HTTP/3 stream (RFC 9297 section
 * 2.1), to be closed too; `null` on HTTP/1.1 and HTTP/2, where they travel in capsules.
 */
export type TakeOver = (stream: ByteStream, datagrams: DatagramFlow | null) => void;

/** What the edge tells the application about a request, beside the request itself. */
export interface EdgeBindings {
  /** The connection that the request came on. */
  readonly connection: ConnectionFacts;
  /** The request target of a CONNECT as it came (RFC 9112 section 3.2.3); `null` for every other method. */
  readonly connectTarget: string | null;
  /**
   * The protocol that the request asks to go over to, in lower case: `:protocol` of an extended CONNECT (RFC 8441, RFC
   * 9220) or the only `Upgrade` of an HTTP/1.1 request whose `Connection` says so; `null` for every other request.
   */
  readonly upgrade: string | null;
  /** Path and query as they came; empty for a CONNECT that asks for no protocol. The URL of the request has them normalized. */
  readonly requestTarget: string;
  /** `1.0`, `1.1`, `2` or `3`. */
  readonly httpVersion: string;
  /**
   * Asks the edge to hand over the stream once the answer is on its way: a 200 to CONNECT and to extended CONNECT, a 101
   * or 200 to an upgrade. `run` closes the stream and does not fail.
   */
  takeOver(run: TakeOver): void;
  /**
   * Asks the edge to let `run` answer instead, once the application has returned a 200, whose head and body are dropped.
   * For every request but a CONNECT that asks for no protocol.
   */
  forward(run: Forward): void;
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
    /** What was made of the certificate of the client, once a route has asked. */
    clientCertificate: CertificateVerdict | undefined;
    /**
     * Says that the request became a tunnel or goes on to a service; what it returns is called once with the figures when
     * that ends. `status`: that of the service.
     */
    tunnelOpened: () => (figures: { bytesDown: number; durationMs: number; status?: number }) => void;
  };
}
