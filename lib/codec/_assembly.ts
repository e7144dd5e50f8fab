const FIRST_BYTES = 2048;

/**
 * Puts a message of known length together from the chunks that it comes in. Its memory grows with what has come, not with
 * what was announced, and is used again for the next one.
 */
export class Assembly {
  #buffer = new Uint8Array(0);
  #size = 0;
  #length = 0;

  /** Begins a message of `length` bytes, and forgets the last one. */
  begin(length: number): void {
    this.#size = 0;
    this.#length = length;
  }

  /** Whether all of it has come. */
  get complete(): boolean {
    return this.#size === this.#length;
  }

  /** Takes as much of `chunk` as belongs to the message. @returns the offset after it */
  take(chunk: Uint8Array, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#length - this.#size);
    const size = this.#size + end - offset;
    if (size > this.#buffer.length) this.#grow(size);
    this.#buffer.set(chunk.subarray(offset, end), this.#size);
    this.#size = size;
    return end;
  }

  /** What has come, until the next {@link begin} or {@link take}. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#size);
  }

  #grow(size: number): void {
    const buffer = new Uint8Array(
      Math.min(this.#length, Math.max(size, 2 * this.#buffer.length, FIRST_BYTES)),
    );
    buffer.set(this.bytes);
    this.#buffer = buffer;
  }
}
