import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers";
import type { ByteStream } from "./byte_stream.ts";
import { concatBytes } from "./bytes.ts";

/** Called when what was written is on its way, or failed. */
export type WriteCallback = (error: Error | null | undefined) => void;

const MIN_READ_BYTES = 4 * 1024;
const MAX_READ_BYTES = 64 * 1024;

/** HTTP/2 of the platform (Deno 2.9.6) says two turns late that an answer is over. */
const GATHER_TURNS = 3;
const GATHER_BYTES = 16 * 1024;

/** What happens to the bytes of a stream on their way. */
export interface StreamDuplexOptions {
  /** Takes something out of what comes; default: nothing. The end of the stream then destroys the duplex. */
  readonly filter?: { push(chunk: Uint8Array): Uint8Array } | null;
}

/**
 * A byte stream as the socket of `node:stream` that the platform's HTTP takes, on either end. When HTTP is over, as after
 * CONNECT, {@link StreamDuplex.detach} gives the stream back.
 */
export class StreamDuplex extends Duplex {
  /** Called at each arrival of bytes. */
  onBytes: () => void = () => {};
  readonly #stream: ByteStream;
  readonly #filter: { push(chunk: Uint8Array): Uint8Array } | null;
  #buffer = new Uint8Array(MIN_READ_BYTES);
  #pending: Promise<number | null> | null = null;
  #detached = false;
  /** Until what was written goes out; 0: nothing waits. */
  #turnsLeft = 0;

  // What HTTP asks of a socket.
  /** Says that it goes over TLS. */
  readonly encrypted = true;

  /**
   * Takes over a stream.
   *
   * @param stream owned by the duplex until it is detached: destroying the duplex closes it
   */
  constructor(stream: ByteStream, { filter = null }: StreamDuplexOptions = {}) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
    this.#filter = filter;
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

  /**
   * Takes the stream out of the HTTP layer.
   *
   * @param head bytes that the HTTP parser had read beyond its message; the stream gives them out first
   * @returns the stream, which the caller closes
   */
  detach(head: Uint8Array): ByteStream {
    this.#gather(0);
    this.#detached = true;
    const early: Uint8Array[] = head.length > 0 ? [head] : [];
    for (let chunk = this.read() as Uint8Array | null; chunk !== null; chunk = this.read()) early.push(chunk);
    const stream = this.#stream;
    const buffer = this.#buffer;
    let pending = this.#pending;
    return {
      async read(into) {
        if (early.length === 0 && pending !== null) {
          const count = await pending;
          pending = null;
          if (count === null) return null;
          early.push(buffer.slice(0, count));
        }
        const first = early.shift();
        if (first === undefined) return await stream.read(into);
        const count = Math.min(into.length, first.length);
        into.set(first.subarray(0, count));
        if (count < first.length) early.unshift(first.subarray(count));
        return count;
      },
      write: (bytes) => stream.write(bytes),
      closeWrite: () => stream.closeWrite(),
      close: () => stream.close(),
    };
  }

  /** Waits for bytes of the stream, one read at a time, and pushes them. */
  override _read(): void {
    if (this.#pending !== null || this.#detached) return;
    this.#pending = this.#stream.read(this.#buffer);
    this.#pending.then((count) => {
      if (this.#detached) return;
      this.#pending = null;
      this.onBytes();
      const bytes = count === null ? null : this.#received(this.#buffer.subarray(0, count));
      if (count === this.#buffer.length && count < MAX_READ_BYTES) this.#buffer = new Uint8Array(count * 2);
      if (bytes?.length === 0) return this._read();
      this.push(bytes);
      // Nothing goes on after the end of an HTTP/2 connection, whose session would wait for it.
      if (bytes === null && this.#filter !== null) this.destroy();
    }, (error) => {
      if (!this.#detached) this.destroy(error);
    });
  }

  /**
   * What is written in a few turns of the event loop goes out in one piece, such as the head of an answer, its body and its
   * end: the platform leaves Nagle's algorithm on for accepted TLS sockets, and a second small piece would wait until the
   * peer has acknowledged the first.
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

  #received(bytes: Uint8Array): Buffer {
    return Buffer.from(this.#filter === null ? bytes : this.#filter.push(bytes));
  }

  /** Sends one chunk; `done` once the stream has taken it. */
  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#stream.write(chunk).then(() => done(), done);
  }

  /**
   * Everything that waits goes out in one piece: one TLS record instead of many, and one segment, which matters because
   * the platform leaves Nagle's algorithm on for accepted TLS sockets.
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

  /** Says that no more bytes will be sent (FIN); does nothing once detached. */
  override _final(done: (error?: Error | null) => void): void {
    if (this.#detached) return done();
    this.#stream.closeWrite().then(() => done(), () => done());
  }

  /** Closes the stream, unless it is detached: then it belongs to whoever has it. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#detached) this.#stream.close();
    done(error);
  }
}
