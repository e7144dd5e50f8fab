import type { ByteStream } from "../base/byte_stream.ts";
import { streamWith } from "../base/stream_with.ts";
import type { Http1Body } from "../codec/http1_body.ts";

const MIN_BYTES = 4 * 1024;
const MAX_BYTES = 64 * 1024;
const NOTHING = new Uint8Array(0);

/** What comes on a connection of HTTP/1.1, one message after the other, read into one buffer that grows with the traffic. */
export class Http1Input {
  readonly #stream: Pick<ByteStream, "read">;
  #buffer = new Uint8Array(MIN_BYTES);
  #start = 0;
  #end = 0;
  #pending: Promise<boolean> | null = null;
  /** Of a read that is under way. */
  #reading: Promise<number | null> | null = null;
  #isDetached = false;

  /** Nothing is read yet. @param stream stays the caller's */
  constructor(stream: Pick<ByteStream, "read">) {
    this.#stream = stream;
  }

  /** What has come and was not taken yet; good until the next {@link Http1Input.fill}. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** How many bytes that is. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Whether there is no room for more: 64 KiB wait. */
  get isFull(): boolean {
    return this.length >= MAX_BYTES;
  }

  /** Takes bytes off the beginning. */
  skip(count: number): void {
    this.#start += count;
  }

  /**
   * Waits for more bytes. While it does, others may ask for the same.
   *
   * @returns `false` at the end of the connection; rejects when it breaks
   */
  fill(): Promise<boolean> {
    if (this.#pending !== null) return this.#pending;
    if (this.#isDetached) return Promise.reject(new Error("The connection is somebody else's"));
    this.#makeRoom();
    const reading = this.#stream.read(this.#end === 0 ? this.#buffer : this.#buffer.subarray(this.#end));
    this.#reading = reading;
    const pending = reading.then((count) => {
      this.#pending = this.#reading = null;
      if (this.#isDetached) throw new Error("The connection is somebody else's");
      if (count === null) return false;
      this.#end += count;
      return true;
    });
    this.#pending = pending;
    return pending;
  }

  /**
   * A piece of a body, good until the next call.
   *
   * @returns `null` at its end; rejects when the connection breaks or ends before it, and with a `CodecError`
   */
  async read(body: Http1Body): Promise<Uint8Array | null> {
    for (;;) {
      const piece = this.take(body);
      if (piece !== null) return piece;
      if (body.isOver) return null;
      if (await this.fill()) continue;
      if (body.mayEnd) return null;
      throw new Error("The body was broken off");
    }
  }

  /** A piece of a body that has come already; `null` when none has. @throws {CodecError} */
  take(body: Http1Body): Uint8Array | null {
    if (body.isOver || this.length === 0) return null;
    const { content, taken } = body.take(this.bytes);
    this.#start += taken;
    return content;
  }

  /**
   * Gives the rest of the connection to somebody else.
   *
   * @param stream that which is read here
   * @returns a stream that gives out what has come and is on its way first; `stream` itself when that is nothing
   */
  detach(stream: ByteStream): ByteStream {
    const ahead = { early: this.bytes, reading: this.#reading, rest: this.#buffer, end: this.#end };
    this.#buffer = NOTHING;
    this.#start = this.#end = 0;
    this.#isDetached = true;
    const isNothing = ahead.early.length === 0 && ahead.reading === null;
    return isNothing ? stream : streamWith(stream, { read: readerAfter(ahead, stream) });
  }

  #makeRoom(): void {
    const { length } = this;
    const wasFilled = this.#end === this.#buffer.length;
    if (length === 0) {
      this.#start = this.#end = 0;
      if (wasFilled && this.#buffer.length < MAX_BYTES) {
        this.#buffer = new Uint8Array(this.#buffer.length * 2);
      }
      return;
    }
    if (!wasFilled) return;
    const old = this.#buffer;
    if (length > old.length / 2) this.#buffer = new Uint8Array(old.length * 2);
    this.#buffer.set(old.subarray(this.#start, this.#end));
    this.#start = 0;
    this.#end = length;
  }

  /** Gives a large buffer up, before a time in which nothing is expected. */
  rest(): void {
    if (this.length > 0 || this.#pending !== null || this.#buffer.length === MIN_BYTES) return;
    this.#buffer = new Uint8Array(MIN_BYTES);
    this.#start = this.#end = 0;
  }
}

interface Ahead {
  early: Uint8Array;
  reading: Promise<number | null> | null;
  /** What it reads into, from `end`. A quiet tunnel does not hold on to it. */
  rest: Uint8Array;
  readonly end: number;
}

function readerAfter(ahead: Ahead, stream: ByteStream): ByteStream["read"] {
  return async (into) => {
    if (ahead.early.length === 0 && ahead.reading !== null) {
      const count = await ahead.reading;
      ahead.reading = null;
      if (count === null) return null;
      ahead.early = ahead.rest.subarray(ahead.end, ahead.end + count);
    }
    const { early } = ahead;
    if (early.length === 0) return await stream.read(into);
    const count = Math.min(into.length, early.length);
    into.set(early.subarray(0, count));
    ahead.early = count < early.length ? early.subarray(count) : NOTHING;
    if (ahead.early.length === 0 && ahead.reading === null) ahead.rest = NOTHING;
    return count;
  };
}
