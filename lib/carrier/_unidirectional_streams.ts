import { Http3Error } from "../codec/http3_error.ts";
import { ControlStreamDecoder, type ControlStreamSink, HTTP3_STREAM } from "../codec/http3_frame.ts";
import { checkQpackEncoderStream, QpackDecoderStreamChecker } from "../codec/qpack_streams.ts";
import { MAX_VARINT_BYTES, varintAt, varintLengthAt } from "../codec/varint.ts";
import { QuicReader } from "./_quic_reader.ts";

const READ_BYTES = 1024;
/** Streams of unknown types over the life of a connection; they have no use here. */
const MAX_UNKNOWN = 64;

/** What becomes of the unidirectional streams of the peer. */
export interface UnidirectionalOptions {
  /** Who opens them. */
  readonly peer: "client" | "server";
  /** Hears of its SETTINGS and GOAWAY. */
  readonly control: ControlStreamSink;
  /** The peer broke a rule of the connection. */
  readonly onError: (error: Http3Error) => void;
}

/** Reads the control and QPACK streams of the peer (RFC 9114 section 6.2, RFC 9204 section 4.2), and lets others be. */
export class UnidirectionalStreams {
  readonly #options: UnidirectionalOptions;
  readonly #seen = new Set<number>();
  #unknown = 0;

  constructor(options: UnidirectionalOptions) {
    this.#options = options;
  }

  /** Reads one stream to its end. Never rejects. */
  async read(readable: Deno.QuicReceiveStream): Promise<void> {
    const reader = new QuicReader(readable);
    try {
      const type = await readType(reader);
      const consume = type === null ? null : this.#consumer(type);
      if (consume === null) return reader.cancel();
      await this.#readCritical(reader, consume);
    } catch (error) {
      // A connection that broke is noticed elsewhere.
      if (error instanceof Http3Error) this.#options.onError(error);
    }
  }

  async #readCritical(reader: QuicReader, consume: (chunk: Uint8Array) => void): Promise<never> {
    for (;;) {
      const chunk = await reader.read(READ_BYTES).catch(() => null);
      if (chunk === null) {
        throw new Http3Error("H3_CLOSED_CRITICAL_STREAM", "Cannot go on: a critical stream was closed");
      }
      consume(chunk);
    }
  }

  /** What takes the bytes of a stream of `type`; `null` when they are of no interest. @throws {Http3Error} */
  #consumer(type: number): ((chunk: Uint8Array) => void) | null {
    const { peer, control } = this.#options;
    if (type === HTTP3_STREAM.push) throw pushed(peer);
    if (type > HTTP3_STREAM.qpackDecoder) {
      if (++this.#unknown > MAX_UNKNOWN) {
        throw new Http3Error("H3_EXCESSIVE_LOAD", "Cannot take more streams of unknown types");
      }
      return null;
    }
    if (this.#seen.has(type)) {
      throw new Http3Error("H3_STREAM_CREATION_ERROR", `Cannot take a second stream of type ${type}`);
    }
    this.#seen.add(type);
    if (type === HTTP3_STREAM.qpackEncoder) return checkQpackEncoderStream;
    const decoder = type === HTTP3_STREAM.qpackDecoder
      ? new QpackDecoderStreamChecker()
      : new ControlStreamDecoder(control, { peer });
    return (chunk) => decoder.push(chunk);
  }
}

/** @returns `null` when the stream ended before its type, which is allowed */
async function readType(reader: QuicReader): Promise<number | null> {
  const head = new Uint8Array(MAX_VARINT_BYTES);
  for (let size = 0; size === 0 || size < varintLengthAt(head, 0); size++) {
    const byte = await reader.read(1);
    if (byte === null) return null;
    head.set(byte, size);
  }
  return varintAt(head, 0);
}

function pushed(peer: "client" | "server"): Http3Error {
  return peer === "client"
    ? new Http3Error("H3_STREAM_CREATION_ERROR", "Cannot take a push from a client")
    : new Http3Error("H3_ID_ERROR", "Cannot take a push as none was allowed");
}
