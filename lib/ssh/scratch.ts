const SMALLEST_BYTES = 64;
const USES = 16;

/**
 * Memory that is used again and again: as large as the largest of what it was used for, and smaller again after 16 uses in a row
 * of which none needs more than a quarter of it.
 */
export class Scratch {
  #memory = new Uint8Array(0);
  #uses = 0;
  #most = 0;

  /** So many bytes or more, with anything in them. What was given out before may be the same, or is left. */
  room(bytes: number): Uint8Array<ArrayBuffer> {
    this.#most = Math.max(this.#most, bytes);
    if (bytes > this.#memory.length) {
      this.#replace(bytes);
    } else if (++this.#uses === USES) {
      if (this.#most * 4 <= this.#memory.length) this.#replace(this.#most);
      this.#uses = 0;
      this.#most = 0;
    }
    return this.#memory;
  }

  #replace(bytes: number): void {
    let length = SMALLEST_BYTES;
    while (length < bytes) length *= 2;
    if (length !== this.#memory.length) this.#memory = new Uint8Array(length);
    this.#uses = 0;
    this.#most = bytes;
  }
}
