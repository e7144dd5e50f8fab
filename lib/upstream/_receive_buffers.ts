/** The longest datagram there is; a shorter buffer would cut datagrams off without a word. */
const DATAGRAM_BYTES = 65_535;
/** Begins each buffer on a page of its own. */
const SLOT_BYTES = 65_536;
const SLOTS = 16;

/**
 * Buffers for receiving datagrams, several in one piece of memory. Pages of such a piece that nobody has written to take no
 * memory, so a buffer takes about as much as the longest datagram that it has held, not 64 KiB.
 */
export class ReceiveBuffers {
  #free: Uint8Array<ArrayBuffer>[] = [];
  #lent = 0;

  /** A buffer of nobody else, which is given back once nothing can be received into it any more. */
  lend(): Uint8Array<ArrayBuffer> {
    if (this.#free.length === 0) {
      const slab = new ArrayBuffer(SLOTS * SLOT_BYTES);
      this.#free = Array.from(
        { length: SLOTS },
        (_, slot) => new Uint8Array(slab, slot * SLOT_BYTES, DATAGRAM_BYTES),
      );
    }
    this.#lent++;
    return this.#free.pop()!;
  }

  /** Takes a buffer back. When none is lent, all memory is freed. */
  giveBack(buffer: Uint8Array<ArrayBuffer>): void {
    this.#free.push(buffer);
    if (--this.#lent === 0) this.#free = [];
  }
}
