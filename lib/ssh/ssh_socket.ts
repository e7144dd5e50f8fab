import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { ByteStream } from "../base/byte_stream.ts";
import { Scratch } from "./scratch.ts";

const MIN_READ_BYTES = 4 * 1024;
const MAX_READ_BYTES = 128 * 1024;
const MAX_WRITE_BYTES = 256 * 1024;

/** Called when what was written is on its way, or failed. */
export type Done = (error?: Error | null) => void;

/** A byte stream as the socket that ssh2 takes, at either end, which makes few buffers. Destroying it closes the stream. */
export class SshSocket extends Duplex {
  /** Whether who listens to `data` has done with a chunk when it returns: then the next chunk takes its place in memory. */
  lends = false;
  readonly #stream: ByteStream;
  readonly #input = new Scratch();
  readonly #output = new Scratch();
  /** How much the next read may bring. */
  #expected = MIN_READ_BYTES;
  #isReading = false;
  #isGathering = false;

  /** Takes over a stream. */
  constructor(stream: ByteStream) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
  }

  /** Waits for bytes of the stream, one read at a time, and pushes them. */
  override _read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    const room = this.#input.room(this.#expected);
    this.#stream.read(room).then((count) => {
      this.#isReading = false;
      if (count === null) return this.push(null);
      // More may wait than there was room for.
      this.#expected = Math.min(
        Math.max(count === room.length ? count * 2 : count, MIN_READ_BYTES),
        MAX_READ_BYTES,
      );
      this.push(this.#chunk(room, count));
    }, (error) => this.destroy(error));
  }

  #chunk(room: Uint8Array<ArrayBuffer>, count: number): Buffer {
    const isTakenAtOnce = this.readableFlowing === true && this.readableLength === 0 &&
      this.listenerCount("data") > 0;
    return this.lends && isTakenAtOnce
      ? Buffer.from(room.buffer, 0, count)
      : Buffer.from(room.subarray(0, count));
  }

  /** What is written without waiting in between goes out in one piece. */
  override write(
    chunk: Uint8Array | string,
    encoding?: BufferEncoding | Done,
    done?: Done,
  ): boolean {
    if (!this.#isGathering) {
      this.#isGathering = true;
      this.cork();
      queueMicrotask(() => {
        this.#isGathering = false;
        this.uncork();
      });
    }
    return typeof encoding === "string"
      ? super.write(chunk, encoding, done)
      : super.write(chunk, encoding ?? done);
  }

  /** Sends one chunk; `done` once the stream has taken it. */
  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    this.#stream.write(chunk).then(() => done(), done);
  }

  /** Sends what waits, in few pieces. */
  override _writev(chunks: { chunk: Uint8Array; encoding: string }[], done: Done): void {
    this.#writeAll(chunks.map(({ chunk }) => chunk)).then(() => done(), done);
  }

  async #writeAll(chunks: readonly Uint8Array[]): Promise<void> {
    const total = chunks.reduce((sum, { length }) => sum + length, 0);
    const room = this.#output.room(Math.min(total, MAX_WRITE_BYTES));
    let used = 0;
    for (const chunk of chunks) {
      if (used > 0 && used + chunk.length > room.length) {
        await this.#stream.write(room.subarray(0, used));
        used = 0;
      }
      if (chunk.length > room.length) {
        await this.#stream.write(chunk);
      } else {
        room.set(chunk, used);
        used += chunk.length;
      }
    }
    if (used > 0) await this.#stream.write(room.subarray(0, used));
  }

  /** Says that no more bytes will be sent (FIN). */
  override _final(done: Done): void {
    this.#stream.closeWrite().then(() => done(), () => done());
  }

  /** Closes the stream. */
  override _destroy(error: Error | null, done: Done): void {
    this.#stream.close();
    done(error);
  }
}
