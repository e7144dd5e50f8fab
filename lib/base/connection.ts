import type { ByteStream } from "./byte_stream.ts";

/** What an acceptor knows about a connection before the first request. */
export interface ConnectionFacts {
  /** IP address and port of the client. */
  readonly peer: { readonly address: string; readonly port: number };
  /** IP address of the gateway that it came in on. */
  readonly localAddress: string;
  /** The port it came in on. */
  readonly localPort: number;
  /** What the handshake agreed on (RFC 7301): `h2`, `http/1.1`, or `null` when the client asked for nothing. */
  readonly alpn: string | null;
  /** The server name that the client asked for (RFC 6066 section 3), in lower case; `null` when it did not or nobody looked. */
  readonly serverName: string | null;
  /**
   * The certificates that the client presented, in DER, its own first; empty when it presented none, and `null` when it
   * was not asked. That it holds the key was proven in the handshake; nothing else of them has been checked.
   */
  readonly clientCertificates: readonly Uint8Array<ArrayBuffer>[] | null;
}

/** A connection whose handshake is over. Whoever receives it closes it. */
export interface Connection {
  /** What the acceptor knows of it. */
  readonly facts: ConnectionFacts;
  /** Its bytes, decrypted. */
  readonly stream: ByteStream;
}
