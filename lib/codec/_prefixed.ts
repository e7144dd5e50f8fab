import { Buffer } from "node:buffer";
import { decodeHuffman, encodeHuffman, huffmanLength } from "./_huffman.ts";

/** Where an integer is more than any index or length can be. */
const MAX_FACTOR = 2 ** 32;

/** Where an integer or text stands in its first byte: in the last `bits`, below what `first` says. */
export interface Prefix {
  readonly bits: number;
  readonly first: number;
}

/** A string literal (RFC 7541 section 5.2), whose bit H stands before the `bits` of its length; in Huffman code if shorter. */
export function encodeText(text: string, prefix: Prefix): Uint8Array[] {
  const plain = latin1Bytes(text);
  if (huffmanLength(plain) >= plain.length) return [encodeInteger(plain.length, prefix), plain];
  const encoded = encodeHuffman(plain);
  const first = prefix.first | (1 << prefix.bits);
  return [encodeInteger(encoded.length, { bits: prefix.bits, first }), encoded];
}

/** An integer (RFC 7541 section 5.1) in the last `bits` of its `first` byte, and in as many more as it needs. */
export function encodeInteger(value: number, { bits, first }: Prefix): Uint8Array {
  const max = 2 ** bits - 1;
  if (value < max) return Uint8Array.of(first | value);
  const bytes = [first | max];
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push(rest % 128 | 128);
  return Uint8Array.from([...bytes, rest]);
}

/** Reads the representations of HPACK or QPACK from the start of some bytes. */
export class PrefixedReader {
  readonly #bytes: Uint8Array;
  readonly #failed: (found: string) => Error;
  #at = 0;

  /** @param failed makes the error for what is found */
  constructor(bytes: Uint8Array, failed: (found: string) => Error) {
    this.#bytes = bytes;
    this.#failed = failed;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The next byte, which stays. */
  peek(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw this.#failed("ends early");
    return byte;
  }

  /** An integer whose prefix is the last `bits` of the next byte (RFC 7541 section 5.1). */
  integer(bits: number): number {
    const max = 2 ** bits - 1;
    let value = this.#next() & max;
    if (value < max) return value;
    for (let factor = 1; factor < MAX_FACTOR; factor *= 128) {
      const byte = this.#next();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw this.#failed("has an integer out of bounds");
  }

  /** A string literal whose length has a prefix of `bits`, after the bit H (RFC 7541 section 5.2). */
  text(bits: number): string {
    const isHuffman = (this.peek() >> bits & 1) === 1;
    const end = this.integer(bits) + this.#at;
    if (end > this.#bytes.length) throw this.#failed("ends early");
    const literal = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    const bytes = isHuffman ? decodeHuffman(literal) : literal;
    if (bytes === null) throw this.#failed("has wrong Huffman code");
    return latin1Text(bytes);
  }

  #next(): number {
    const byte = this.peek();
    this.#at++;
    return byte;
  }
}

/** By which a field of a static table is found. */
export function fieldKey([name, value]: readonly [name: string, value: string]): string {
  return `${name}\0${value}`;
}

function latin1Bytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0xff) throw new TypeError("Cannot encode a field as it has a character above U+00FF");
    bytes[at] = code;
  }
  return bytes;
}

function latin1Text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
