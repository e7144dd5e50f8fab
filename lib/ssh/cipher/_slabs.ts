import { Buffer } from "node:buffer";

/** Four of the largest packets that OpenSSH makes, a little less than 128 KiB. */
const SLAB_BYTES = 4 * (32 * 1024 - 64);
const MIN_ROOM_BYTES = 16 * 1024;

/** Memory for large packets of one direction, of which the platform is asked for several at once: that costs a third. */
export class Slabs {
  #slab = new Uint8Array(0);
  #used = 0;

  /** Memory with anything in it. */
  room(bytes: number): Buffer {
    // A small packet that is kept would keep a slab of which nothing else is needed any more.
    if (bytes < MIN_ROOM_BYTES || bytes > SLAB_BYTES) return Buffer.allocUnsafe(bytes);
    if (this.#used + bytes > this.#slab.length) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += bytes;
    return Buffer.from(this.#slab.buffer, at, bytes);
  }
}
