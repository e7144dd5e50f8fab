/**
 * Bits of the code of each byte and of EOS, the last (RFC 7541 appendix B). The codes follow from them: shorter ones first,
 * among those of one length that of the smaller symbol first, each the next number.
 */
// deno-fmt-ignore -- 32 to a line
const CODE_BITS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

const MAX_BITS = 30;
const EOS = 256;
/** Symbols in the order of their codes. */
const SYMBOLS = Uint16Array.from(
  [...CODE_BITS.keys()].sort((a, b) => CODE_BITS[a]! - CODE_BITS[b]! || a - b),
);
/** For each length of codes: how many there are, the first of them, and where its symbol is. */
const COUNTS = new Int32Array(MAX_BITS + 1);
const FIRST_CODES = new Int32Array(MAX_BITS + 1);
const FIRST_SYMBOLS = new Int32Array(MAX_BITS + 1);
/** By symbol. */
const CODES = new Int32Array(EOS + 1);
buildTables();

function buildTables(): void {
  for (const bits of CODE_BITS) COUNTS[bits]!++;
  for (let bits = 1; bits <= MAX_BITS; bits++) {
    FIRST_CODES[bits] = (FIRST_CODES[bits - 1]! + COUNTS[bits - 1]!) * 2;
    FIRST_SYMBOLS[bits] = FIRST_SYMBOLS[bits - 1]! + COUNTS[bits - 1]!;
  }
  for (const [index, symbol] of SYMBOLS.entries()) {
    const bits = CODE_BITS[symbol]!;
    CODES[symbol] = FIRST_CODES[bits]! + index - FIRST_SYMBOLS[bits]!;
  }
}

/** Bytes that `bytes` take when encoded. */
export function huffmanLength(bytes: Uint8Array): number {
  let bits = 0;
  for (const byte of bytes) bits += CODE_BITS[byte]!;
  return Math.ceil(bits / 8);
}

/** Encodes with the code of RFC 7541 section 5.2, and fills the last byte up with ones. */
export function encodeHuffman(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const encoded = new Uint8Array(huffmanLength(bytes));
  let at = 0;
  for (const byte of bytes) {
    for (let left = CODE_BITS[byte]!; left > 0;) {
      const room = 8 - (at & 7);
      const taken = Math.min(room, left);
      left -= taken;
      encoded[at >> 3]! |= (CODES[byte]! >> left & ((1 << taken) - 1)) << (room - taken);
      at += taken;
    }
  }
  if ((at & 7) !== 0) encoded[at >> 3]! |= 0xff >> (at & 7);
  return encoded;
}

/**
 * Decodes what {@link encodeHuffman} encodes.
 *
 * @returns the bytes, at most 8/5 as many; `null` when they hold EOS, or end with anything but up to seven ones
 */
export function decodeHuffman(encoded: Uint8Array): Uint8Array | null {
  const bytes = new Uint8Array(Math.floor(encoded.length * 8 / 5));
  let size = 0;
  let code = 0;
  let bits = 0;
  for (let at = 0; at < encoded.length * 8; at++) {
    code = code << 1 | (encoded[at >> 3]! >> (7 - (at & 7)) & 1);
    const index = code - FIRST_CODES[++bits]!;
    if (index >= COUNTS[bits]!) continue;
    const symbol = SYMBOLS[FIRST_SYMBOLS[bits]! + index]!;
    if (symbol === EOS) return null;
    bytes[size++] = symbol;
    code = 0;
    bits = 0;
  }
  return bits < 8 && code === (1 << bits) - 1 ? bytes.subarray(0, size) : null;
}
