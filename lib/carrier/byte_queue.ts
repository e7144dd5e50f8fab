/** For small pieces, which share a block, so that they take little more than they hold. */
const SMALL_BLOCK_BYTES = 4 * 1024;
/** For large ones. */
const BLOCK_BYTES = 16 * 1024;
/** As much as one stream may have waiting. */
const MAX_SPARE_BLOCKS = 64;
/** So many small pieces in a row, and no large block is kept. */
const SMALL_PIECES = 16;

/** Blocks that the queues of one connection use again: new ones cost more than all else that is done with the bytes. */
export class SpareBlocks {
  #blocks: Uint8Array<ArrayBuffer>[] = [];
  #smallPieces = 0;

  /** A block for `bytes` or the beginning of them. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    if (bytes > SMALL_BLOCK_BYTES) {
      this.#smallPieces = 0;
      return this.#blocks.pop() ?? new Uint8Array(BLOCK_BYTES);
    }
    if (++this.#smallPieces === SMALL_PIECES) this.#blocks = [];
    return new Uint8Array(SMALL_BLOCK_BYTES);
  }

  /** Takes a block back that nobody uses any more. */
  giveBack(block: Uint8Array<ArrayBuffer>): void {
    const isSpare = block.length === BLOCK_BYTES && this.#smallPieces < SMALL_PIECES;
    if (isSpare && this.#blocks.length < MAX_SPARE_BLOCKS) this.#blocks.push(block);
  }
}

/** Bytes that have come and are not read yet. */
export class ByteQueue {
  readonly #spare: SpareBlocks;
  #blocks: Uint8Array<ArrayBuffer>[] = [];
  /** Of the first block, read already. */
  #start = 0;
  /** Of the last block, filled. */
  #end = 0;
  #length = 0;

  /** Holds nothing. @param spare where memory comes from */
  constructor(spare: SpareBlocks) {
    this.#spare = spare;
  }

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds a copy of `part`. */
  push(part: Uint8Array): void {
    this.#length += part.length;
    for (let at = 0; at < part.length;) {
      const last = this.#blocks.at(-1);
      if (last === undefined || this.#end === last.length) {
        this.#blocks.push(this.#spare.take(part.length - at));
        this.#end = 0;
        continue;
      }
      const piece = part.subarray(at, at + last.length - this.#end);
      last.set(piece, this.#end);
      this.#end += piece.length;
      at += piece.length;
    }
  }

  /** Moves as many as there are and fit. @returns how many */
  take(into: Uint8Array): number {
    let count = 0;
    while (count < into.length && this.#length > 0) {
      const first = this.#blocks[0]!;
      const end = this.#blocks.length === 1 ? this.#end : first.length;
      const part = first.subarray(this.#start, Math.min(end, this.#start + into.length - count));
      into.set(part, count);
      count += part.length;
      this.#length -= part.length;
      this.#start += part.length;
      if (this.#start === end) this.#drop();
    }
    return count;
  }

  /** Drops all. @returns how many there were */
  clear(): number {
    const { length } = this;
    while (this.#blocks.length > 0) this.#drop();
    this.#end = this.#length = 0;
    return length;
  }

  /** The first block is not used any more. */
  #drop(): void {
    this.#spare.giveBack(this.#blocks.shift()!);
    this.#start = 0;
  }
}
