import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers";
import type { ByteStream } from "./byte_stream.ts";
import { concatBytes } from "./bytes.ts";

/** Called when what was written is on its way, or failed. */
export type WriteCallback = (error: Error | null | undefined) => void;

const MIN_READ_BYTES = 4 * 1024;
const MAX_READ_BYTES = 64 * 1024;

/** Turns of the event loop in which more may come to be sent along. */
const GATHER_TURNS = 3;
const GATHER_BYTES = 16 * 1024;

/** A byte stream as the socket of `node:stream` that the platform's TLS and HTTP take, on either end. */
export class StreamDuplex extends Duplex {
  readonly #stream: ByteStream;
  #buffer = new Uint8Array(MIN_READ_BYTES);
  #pending: Promise<number | null> | null = null;
  /** Until what was written goes out; 0: nothing waits. */
  #turnsLeft = 0;

  // What HTTP asks of a socket.
  /** Says that it goes over TLS. */
  readonly encrypted = true;

  /** Takes over a stream. @param stream owned by the duplex: destroying that closes it */
  constructor(stream: ByteStream) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
  }

  /** Part of a socket; timers of ours limit a connection. */
  setTimeout(): this {
    return this;
  }

  /** Part of a socket; nothing to do. */
  setNoDelay(): this {
    return this;
  }

  /** Part of a socket; nothing to do. */
  setKeepAlive(): this {
    return this;
  }

  /** Part of a socket; nothing to do. */
  ref(): this {
    return this;
  }

  /** Part of a socket; nothing to do. */
  unref(): this {
    return this;
  }

  /** Waits for bytes of the stream, one read at a time, and pushes them. */
  override _read(): void {
    if (this.#pending !== null) return;
    this.#pending = this.#stream.read(this.#buffer);
    this.#pending.then((count) => {
      this.#pending = null;
      const bytes = count === null ? null : Buffer.from(this.#buffer.subarray(0, count));
      if (count === this.#buffer.length && count < MAX_READ_BYTES) this.#buffer = new Uint8Array(count * 2);
      this.push(bytes);
    }, (error) => this.destroy(error));
  }

  /**
   * What is written in a few turns of the event loop goes out in one piece, such as the head of an answer, its body and its
   * end: one TLS record and one segment instead of several.
   */
  override write(
    chunk: Uint8Array | string,
    encoding?: BufferEncoding | WriteCallback,
    callback?: WriteCallback,
  ): boolean {
    if (this.#turnsLeft === 0) {
      this.cork();
      this.#gather(GATHER_TURNS);
    }
    const hasRoom = typeof encoding === "string"
      ? super.write(chunk, encoding, callback)
      : super.write(chunk, encoding ?? callback);
    if (this.writableLength >= GATHER_BYTES) this.#gather(0);
    return hasRoom;
  }

  #gather(turns: number): void {
    const wasGathering = this.#turnsLeft > 0;
    this.#turnsLeft = turns;
    if (turns > 0) setImmediate(() => this.#turnsLeft > 0 && this.#gather(this.#turnsLeft - 1));
    else if (wasGathering) this.uncork();
  }

  /** Sends one chunk; `done` once the stream has taken it. */
  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#stream.write(chunk).then(() => done(), done);
  }

  /**
   * Everything that waits goes out in one piece: one TLS record instead of many, and one segment.
   */
  override _writev(
    chunks: { chunk: Uint8Array; encoding: string }[],
    done: (error?: Error | null) => void,
  ): void {
    this._write(
      chunks.length === 1 ? chunks[0]!.chunk : concatBytes(chunks.map(({ chunk }) => chunk)),
      "",
      done,
    );
  }

  /** Says that no more bytes will be sent (FIN). */
  override _final(done: (error?: Error | null) => void): void {
    this.#stream.closeWrite().then(() => done(), () => done());
  }

  /** Closes the stream. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#stream.close();
    done(error);
  }
}
