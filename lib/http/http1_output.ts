import type { ByteStream } from "../base/byte_stream.ts";
import { putLatin1 } from "../codec/http1_encode.ts";

const MIN_BYTES = 4 * 1024;
/** What is longer is not held back. */
const MAX_HELD_BYTES = 16 * 1024;
const EMPTY = new Uint8Array(0);

/**
 * What goes out on a connection of HTTP/1.1. A head, a short body and their end go out in one piece: one TLS record and one
 * segment, and one system call.
 */
export class Http1Output {
  readonly #stream: Pick<ByteStream, "write">;
  #held = EMPTY;
  #length = 0;
  #sending: Promise<void> | null = null;

  /** Nothing is sent yet. @param stream stays the caller's */
  constructor(stream: Pick<ByteStream, "write">) {
    this.#stream = stream;
  }

  /** Holds text back until the next piece is sent, one byte for each character. */
  put(text: string): void {
    this.#makeRoom(text.length);
    this.#length = putLatin1(text, this.#held, this.#length);
  }

  /**
   * Sends bytes behind what is held back.
   *
   * @param options `more`: something follows at once, so that little may be held back
   * @returns when the transport has taken them; rejects when it is broken
   */
  async write(bytes: Uint8Array, { more }: { more: boolean }): Promise<void> {
    if (this.#length === 0 && (bytes.length > MAX_HELD_BYTES || !more)) {
      await this.#sending;
      return await this.#stream.write(bytes);
    }
    this.#makeRoom(bytes.length);
    this.#held.set(bytes, this.#length);
    this.#length += bytes.length;
    if (!more || this.#length > MAX_HELD_BYTES) await this.flush();
  }

  /** Sends what is held back. @returns when the transport has taken it; rejects when it is broken */
  async flush(): Promise<void> {
    if (this.#length === 0) return await this.#sending ?? undefined;
    const before = this.#sending;
    const bytes = this.#held.subarray(0, this.#length);
    // What is put meanwhile must not overwrite it.
    const held = this.#held;
    this.#held = EMPTY;
    this.#length = 0;
    const sending = before === null
      ? this.#stream.write(bytes)
      : before.then(() => this.#stream.write(bytes));
    this.#sending = sending;
    await sending;
    if (this.#sending === sending) this.#sending = null;
    if (this.#held === EMPTY && held.length <= MAX_HELD_BYTES) this.#held = held;
  }

  #makeRoom(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#held.length) return;
    // Room for what is written as text costs no second step.
    const held = new Uint8Array(Math.max(MIN_BYTES, needed * 2));
    held.set(this.#held.subarray(0, this.#length));
    this.#held = held;
  }
}
