import type { Http3Error } from "../codec/http3_error.ts";

/** Sends the datagrams of all streams of a connection. */
export interface DatagramSender {
  /** Longest datagram that the path takes now, in bytes; 0 when the peer takes none. */
  readonly maxBytes: number;
  /** Sends `prefix` and `payload` as one datagram, or drops them. Keeps neither. @returns whether it was sent */
  send(prefix: Uint8Array, payload: Uint8Array): boolean;
}

/** What a stream needs of its connection. */
export interface StreamHost {
  /** Who is at the other end. */
  readonly peer: "client" | "server";
  /** Bytes of a field section, counted as RFC 9114 section 4.2.2 does. */
  readonly maxHeadBytes: number;
  /** Sends datagrams. */
  readonly datagrams: DatagramSender;
  /** Whether the connection is closed. */
  readonly isClosed: boolean;
  /** The first stream that the peer does not act upon (RFC 9114 section 5.2). */
  readonly goawayId: number;
  /** Closes the connection, because of what the peer did. */
  fail(error: Http3Error): void;
}
