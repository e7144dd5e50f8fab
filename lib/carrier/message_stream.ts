import type { ByteStream } from "../base/byte_stream.ts";
import type { DatagramFlow } from "../base/datagram_flow.ts";
import type { Field } from "../codec/qpack.ts";

/**
 * One request and its answer on a connection that carries many, as HTTP/2 and HTTP/3 do. What is read and written as a
 * {@link ByteStream} is the content: after a CONNECT the bytes of the tunnel.
 */
export interface MessageStream extends ByteStream {
  /** Settles when both directions have ended, or the stream was given up; never rejects. */
  readonly gone: Promise<void>;
  /** Whether anything was sent on it. */
  readonly hasSent: boolean;
  /** Whether content follows the head that was read; `null` when that is not known. */
  readonly hasContent: boolean | null;
  /** What came after the content, once that has been read. */
  readonly trailers: readonly Field[];
  /** The datagrams of the request; `null` unless they have a way of their own. To be closed with the stream. */
  readonly datagrams: DatagramFlow | null;
  /** Sends a message head, or trailers. Rejects when the peer has gone. */
  sendFields(fields: readonly Field[]): Promise<void>;
  /** Reads no more; sending goes on. Safe to call twice. */
  stopReading(): void;
  /** Gives up the stream so that the peer finds its message broken. Safe to call twice. */
  abort(): void;
}
