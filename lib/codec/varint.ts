/** The longest form of a variable-length integer (RFC 9000 section 16). */
export const MAX_VARINT_BYTES = 8;

/**
 * Bytes that `value` takes in its shortest form (RFC 9000 section 16).
 *
 * @param value an integer from 0 to 2^53-1
 * @throws {RangeError} when it is not
 */
export function varintLength(value: number): 1 | 2 | 4 | 8 {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`Cannot write a variable-length integer: it is ${value}`);
  }
  return value < 2 ** 6 ? 1 : value < 2 ** 14 ? 2 : value < 2 ** 30 ? 4 : 8;
}

/**
 * Writes `value` in its shortest form. Three arguments, as this is called for each packet: an options object would be
 * allocated each time.
 *
 * @param value an integer from 0 to 2^53-1
 * @param offset where in `into`, which must have room for it
 * @returns the offset after it
 * @throws {RangeError} when `value` is out of bounds
 */
export function writeVarint(into: Uint8Array, value: number, offset = 0): number {
  const length = varintLength(value);
  if (length === 8) {
    const high = Math.floor(value / 2 ** 32);
    writeUint32(into, 0xc000_0000 + high, offset);
    writeUint32(into, value % 2 ** 32, offset + 4);
  } else if (length === 4) writeUint32(into, 0x8000_0000 + value, offset);
  else if (length === 2) {
    into[offset] = 0x40 | (value >> 8);
    into[offset + 1] = value;
  } else into[offset] = value;
  return offset + length;
}

/** The shortest form of `value`, an integer from 0 to 2^53-1. @throws {RangeError} when it is not */
export function encodeVarint(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(varintLength(value));
  writeVarint(bytes, value);
  return bytes;
}

/**
 * Decodes the variable-length integer at `offset`, in whichever of its forms. Allocates its result: for each packet, use
 * {@link varintAt}.
 *
 * @param offset 0 to the length of `bytes`
 * @returns `value`, where those above 2^53-1 are rounded to a number of at least 2^53, and the `length` in bytes; `null`
 * when there must be more bytes
 */
export function decodeVarint(bytes: Uint8Array, offset = 0): { value: number; length: number } | null {
  const value = varintAt(bytes, offset);
  return value < 0 ? null : { value, length: varintLengthAt(bytes, offset) };
}

/** Like {@link decodeVarint}, without allocation. @returns the value, or -1 when there must be more bytes */
export function varintAt(bytes: Uint8Array, offset: number): number {
  if (offset >= bytes.length) return -1;
  const first = bytes[offset]!;
  if (first < 0x40) return first;
  const length = 1 << (first >> 6);
  if (offset + length > bytes.length) return -1;
  if (length === 2) return (first & 0x3f) * 2 ** 8 + bytes[offset + 1]!;
  const high = readUint32(bytes, offset) & 0x3fff_ffff;
  return length === 4 ? high : high * 2 ** 32 + readUint32(bytes, offset + 4);
}

/** Bytes of the variable-length integer whose first byte is at `offset`, which must be there. */
export function varintLengthAt(bytes: Uint8Array, offset: number): number {
  return 1 << (bytes[offset]! >> 6);
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 24 | bytes[offset + 1]! << 16 | bytes[offset + 2]! << 8 | bytes[offset + 3]!) >>>
    0;
}

function writeUint32(into: Uint8Array, value: number, offset: number): void {
  into[offset] = value >>> 24;
  into[offset + 1] = value >>> 16;
  into[offset + 2] = value >>> 8;
  into[offset + 3] = value;
}
