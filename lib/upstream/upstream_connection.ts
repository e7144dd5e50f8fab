import type { ByteStream } from "../base/byte_stream.ts";
import type { Upstream } from "../config/config.ts";
import type { UpstreamTls } from "../config/upstream_settings.ts";
import type { ProxyRequest } from "./dial_proxy.ts";

/** A connection to a service. The caller closes the stream. */
export interface UpstreamConnection {
  /** Its bytes, decrypted. */
  readonly stream: ByteStream;
  /** The one of the route that was reached. */
  readonly upstream: Upstream;
  /** The IP address and port that answered, or the path of the Unix socket. */
  readonly address: string;
  /** The protocol that the service chose (RFC 7301); `null` without TLS, or when it chose none. */
  readonly alpn: string | null;
}

/** How to reach a service. */
export interface OpenOptions {
  /** Of the route. */
  readonly tls: UpstreamTls;
  /** Protocols to offer where TLS is spoken (RFC 7301); default: none. */
  readonly alpn?: readonly string[];
  /**
   * Sent before anything else, TLS included, such as a PROXY header; through a proxy, to the destination. A service that
   * does not take it counts as not reached.
   */
  readonly preface?: Uint8Array | null;
  /** What a service that is a proxy, `http://` or `https://`, is asked for; default: nothing is a proxy. */
  readonly proxy?: ProxyRequest | null;
  /** Gives up. */
  readonly signal: AbortSignal;
}
