import { varintAt, varintLength, varintLengthAt, writeVarint } from "./varint.ts";

/**
 * Decodes the head of a capsule (RFC 9297 section 3.2) or frame (RFC 9114 section 7.1), however it is divided over
 * chunks: its type and the length of what follows, both variable-length integers.
 */
export class TypeLengthDecoder {
  /** Of the last head that was complete. Above 2^53-1 rounded, and at least 2^53. */
  type = 0;
  /** Of the last head that was complete, in bytes; rounded like {@link type}. */
  length = 0;
  /** Whether {@link take} came to the end of the head. */
  complete = false;
  readonly #partial = new Uint8Array(16);
  #size = 0;

  /** Whether a head has begun that is not complete. */
  get begun(): boolean {
    return this.#size > 0;
  }

  /**
   * Takes as much of `chunk` as belongs to the head. When {@link complete}, the next call begins another one.
   *
   * @returns the offset after it
   */
  take(chunk: Uint8Array, offset: number): number {
    this.complete = false;
    if (this.#size === 0) {
      const size = this.#read(chunk, offset);
      if (size > 0) return offset + size;
    }
    let at = offset;
    while (at < chunk.length && !this.complete) {
      this.#partial[this.#size++] = chunk[at++]!;
      this.#read(this.#partial.subarray(0, this.#size), 0);
    }
    if (this.complete) this.#size = 0;
    return at;
  }

  /** The bytes of a whole head at `offset`, or 0 when it ends early. */
  #read(bytes: Uint8Array, offset: number): number {
    const type = varintAt(bytes, offset);
    if (type < 0) return 0;
    const lengthOffset = offset + varintLengthAt(bytes, offset);
    const length = varintAt(bytes, lengthOffset);
    if (length < 0) return 0;
    this.type = type;
    this.length = length;
    this.complete = true;
    return lengthOffset + varintLengthAt(bytes, lengthOffset) - offset;
  }
}

/** A whole capsule or frame. @throws {RangeError} when `type` is not an integer from 0 to 2^53-1 */
export function encodeTypeLengthValue(type: number, value: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(varintLength(type) + varintLength(value.length) + value.length);
  bytes.set(value, writeVarint(bytes, value.length, writeVarint(bytes, type)));
  return bytes;
}
