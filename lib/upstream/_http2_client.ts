import type { ByteStream } from "../base/byte_stream.ts";
import { concatBytes } from "../base/bytes.ts";
import { Http2Connection } from "../carrier/http2_connection.ts";
import type { Http2Stream } from "../carrier/http2_stream.ts";
import type { Field } from "../codec/qpack.ts";

/** A whole answer. */
export interface Http2Answer {
  /** 200 to 599. */
  readonly status: number;
  /** By lower-case name; of a repeated field, the last. */
  readonly headers: ReadonlyMap<string, string>;
  /** Empty when there are none. */
  readonly trailers: ReadonlyMap<string, string>;
  /** At most 64 KiB. */
  readonly body: Uint8Array;
}

const MAX_BODY_BYTES = 64 * 1024;
const READ_BYTES = 4 * 1024;

/** An HTTP/2 connection (RFC 9113) for small requests of our own. */
export class Http2Client {
  readonly #connection: Http2Connection;

  /** @param stream owned from now on */
  constructor(stream: ByteStream) {
    this.#connection = Http2Connection.connect(stream);
  }

  /** Whether another request can be made. */
  get isOpen(): boolean {
    return !this.#connection.isGoingAway && !this.#connection.isClosed;
  }

  /** Makes one request. Rejects when the stream or the connection breaks, or the answer is longer than 64 KiB. */
  async request(fields: readonly Field[], body: Uint8Array | null): Promise<Http2Answer> {
    const stream = await this.#connection.request(fields);
    try {
      if (body !== null) await stream.write(body);
      await stream.closeWrite();
      const { status, headers } = await stream.readAnswer();
      const content = await readContent(stream);
      return { status, headers: new Map(headers), trailers: new Map(stream.trailers), body: content };
    } finally {
      stream.close();
    }
  }

  /** Ends the connection. */
  close(): void {
    this.#connection.close();
  }
}

async function readContent(stream: Http2Stream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const buffer = new Uint8Array(READ_BYTES);
  let bytes = 0;
  for (let count = await stream.read(buffer); count !== null; count = await stream.read(buffer)) {
    bytes += count;
    if (bytes > MAX_BODY_BYTES) throw new Error("the answer is too long");
    chunks.push(buffer.slice(0, count));
  }
  return concatBytes(chunks);
}
