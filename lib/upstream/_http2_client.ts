import type { Buffer } from "node:buffer";
import {
  type ClientHttp2Session,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { ByteStream } from "../base/byte_stream.ts";
import { concatBytes } from "../base/bytes.ts";
import { StreamDuplex } from "../base/stream_duplex.ts";
import { GoawayFilter } from "../codec/goaway_filter.ts";

/** A whole answer. */
export interface Http2Answer {
  /** With `:status`. */
  readonly headers: IncomingHttpHeaders;
  /** Empty when there are none. */
  readonly trailers: IncomingHttpHeaders;
  /** At most 64 KiB. */
  readonly body: Uint8Array;
}

const MAX_BODY_BYTES = 64 * 1024;

/** An HTTP/2 connection (RFC 9113) for small requests of our own. */
export class Http2Client {
  readonly #duplex: StreamDuplex;
  readonly #session: ClientHttp2Session;
  #isRetired = false;

  /** @param stream owned from now on */
  constructor(stream: ByteStream) {
    const filter = new GoawayFilter({ from: "server", onGoaway: () => this.#isRetired = true });
    this.#duplex = new StreamDuplex(stream, { filter });
    this.#session = connect("http://upstream", { createConnection: () => this.#duplex });
    this.#duplex.on("error", () => {});
    this.#session.on("error", () => {});
  }

  /** Whether another request can be made. */
  get isOpen(): boolean {
    return !this.#isRetired && !this.#session.destroyed && !this.#duplex.destroyed;
  }

  /** Makes one request. Rejects when the stream or the connection breaks, or the answer is longer than 64 KiB. */
  request(headers: OutgoingHttpHeaders, body: Uint8Array | null): Promise<Http2Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Http2Answer>();
    const stream = this.#session.request(headers, { endStream: body === null });
    const chunks: Buffer[] = [];
    let answer: IncomingHttpHeaders | null = null;
    let trailers: IncomingHttpHeaders = {};
    let bytes = 0;
    stream.on("response", (headers) => answer = headers);
    stream.on("trailers", (headers) => trailers = headers);
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) reject(new Error("the answer is too long"));
      else chunks.push(chunk);
    });
    stream.on("error", reject);
    stream.on("close", () => {
      if (answer === null) return reject(new Error("it gave no answer"));
      resolve({ headers: answer, trailers, body: concatBytes(chunks) });
    });
    if (body !== null) stream.end(body);
    return promise;
  }

  /** Ends the connection. Not through the session, which would send GOAWAY: that can fail an assertion of the platform. */
  close(): void {
    this.#duplex.destroy();
  }
}
