import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { concatBytes } from "../../lib/base/bytes.ts";
import { Http2Connection, type Http2ServerOptions } from "../../lib/carrier/http2_connection.ts";
import { encodeFieldBlock } from "../../lib/codec/hpack.ts";
import {
  CLIENT_PREFACE,
  encodeHttp2Frame,
  HTTP2_FRAME,
  Http2FrameDecoder,
  uint32At,
} from "../../lib/codec/http2_frame.ts";
import { encodeHttp2Settings } from "../../lib/codec/http2_settings.ts";
import type { Field } from "../../lib/codec/qpack.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { memoryPair } from "../base/_memory_stream.ts";

export const GET: readonly Field[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "a.test"],
  [":path", "/"],
];
export const POST: readonly Field[] = [[":method", "POST"], ...GET.slice(1)];
export const CONNECT: readonly Field[] = [[":method", "CONNECT"], [":authority", "a.test:7"]];

/** Flags of HEADERS. */
export const END_STREAM = 1;
export const END_HEADERS = 4;

/** A frame of any type. */
export function frame(
  type: number,
  streamId: number,
  payload: readonly number[] | Uint8Array = [],
  flags = 0,
): Uint8Array {
  return encodeHttp2Frame({ type, flags, streamId }, Uint8Array.from(payload));
}

/** A whole head. */
export function head(
  streamId: number,
  fields: readonly Field[],
  flags = END_HEADERS | END_STREAM,
): Uint8Array {
  return frame(HTTP2_FRAME.headers, streamId, encodeFieldBlock(fields), flags);
}

/** A server in memory, whose requests get no answer unless `onRequest` gives one. */
export function serveInMemory({ onRequest, ...options }: Partial<Http2ServerOptions> = {}) {
  const [far, near] = memoryPair();
  const clock = new ManualClock();
  const server = Http2Connection.serve(near, {
    // What a test does when its connection ends is of no interest.
    onRequest: async (head, stream) => await onRequest?.(head, stream).catch(() => {}),
    maxStreams: 10,
    maxHeadBytes: 16 * 1024,
    headTimeoutMs: () => 1000,
    clock,
    ...options,
  });
  return { far, server, clock };
}

/** A client in memory, and the server of its connection. */
export function connectInMemory(options: Partial<Http2ServerOptions> = {}) {
  const { far, server, clock } = serveInMemory(options);
  return { client: Http2Connection.connect(far), server, clock };
}

/** A client that sends frames as they are, and notes those that come. */
export class FrameClient {
  /** Such as `RST_STREAM 1 8`: type, stream, and the code of resets and farewells. */
  readonly seen: string[] = [];
  readonly ended: Promise<void>;
  readonly #stream: ByteStream;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.ended = this.#read().catch(() => {});
  }

  /** Sends the preface, SETTINGS and frames; what is not taken any more is lost. */
  async hello(...frames: Uint8Array[]): Promise<void> {
    await this.send(CLIENT_PREFACE, encodeHttp2Settings({}), ...frames);
  }

  async send(...frames: Uint8Array[]): Promise<void> {
    await this.#stream.write(concatBytes(frames)).catch(() => {});
  }

  close(): void {
    this.#stream.close();
  }

  async #read(): Promise<void> {
    const names = new Map(Object.entries(HTTP2_FRAME).map(([name, type]) => [type as number, name]));
    const decoder = new Http2FrameDecoder({
      beginData: (id, length) => void this.seen.push(`data ${id} ${length}`),
      data: () => {},
      endData: (id, { isLast }) => isLast && void this.seen.push(`end ${id}`),
      frame: ({ type, streamId, flags }, payload) => {
        const code = type === HTTP2_FRAME.rstStream ? ` ${uint32At(payload, 0)}` : "";
        const reason = type === HTTP2_FRAME.goaway ? ` ${uint32At(payload, 4)}` : "";
        this.seen.push(`${names.get(type)} ${streamId}${code}${reason}`);
        if (type === HTTP2_FRAME.headers && (flags & END_STREAM) !== 0) this.seen.push(`end ${streamId}`);
      },
    }, { from: "server" });
    const buffer = new Uint8Array(64 * 1024);
    for (
      let count = await this.#stream.read(buffer);
      count !== null;
      count = await this.#stream.read(buffer)
    ) {
      decoder.push(buffer.subarray(0, count));
    }
    this.#stream.close();
  }
}
