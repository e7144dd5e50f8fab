import { Buffer } from "node:buffer";
import { concatBytes } from "../base/bytes.ts";
import { decodeHuffman, encodeHuffman, huffmanLength } from "./_huffman.ts";
import { STATIC_TABLE } from "./_qpack_static_table.ts";
import { Http3Error } from "./http3_error.ts";

/** A name and a value, a character from U+0000 to U+00FF for each byte. */
export type Field = readonly [name: string, value: string];

/** Bytes that a field counts for beside its name and value (RFC 9114 section 4.2.2). */
const FIELD_OVERHEAD_BYTES = 32;
/** Where an integer is more than any index or length can be. */
const MAX_FACTOR = 2 ** 32;

const STATIC_NAMES: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.map(([name], index) => [name, index] as const),
);
const STATIC_FIELDS: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.map((field, index) => [fieldKey(field), index] as const),
);

/**
 * Encodes a field section without a dynamic table (RFC 9204 section 4.5), in Huffman code where that is shorter.
 *
 * @throws {TypeError} when a name or value has a character above U+00FF
 */
export function encodeFieldSection(fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  return concatBytes([Uint8Array.of(0, 0), ...fields.flatMap(encodeField)]);
}

/**
 * Decodes a field section that was encoded without a dynamic table (RFC 9204 section 4.5), as it must be when
 * SETTINGS_QPACK_MAX_TABLE_CAPACITY is 0. Whether the fields make a message is not looked at.
 *
 * @param bounds `maxBytes` as RFC 9114 section 4.2.2 counts them: name, value and 32 for each field; `maxFields`
 * @returns the fields in their order, as {@link Field}
 * @throws {Http3Error} `QPACK_DECOMPRESSION_FAILED`; `H3_EXCESSIVE_LOAD`: above a bound (ends the stream only)
 */
export function decodeFieldSection(
  bytes: Uint8Array,
  bounds: { maxBytes: number; maxFields: number },
): [name: string, value: string][] {
  const reader = new SectionReader(bytes);
  const requiredInsertCount = reader.integer(8);
  const isNegativeBase = (reader.peek() & 0x80) !== 0;
  reader.integer(7);
  if (requiredInsertCount !== 0 || isNegativeBase) throw failed("needs a dynamic table");
  const fields: [string, string][] = [];
  let size = 0;
  while (!reader.done) {
    const field = readField(reader);
    size += field[0].length + field[1].length + FIELD_OVERHEAD_BYTES;
    if (size > bounds.maxBytes || fields.length === bounds.maxFields) {
      throw new Http3Error("H3_EXCESSIVE_LOAD", "Cannot take a field section: it is too large");
    }
    fields.push(field);
  }
  return fields;
}

function encodeField(field: Field): Uint8Array[] {
  const [name, value] = field;
  const whole = STATIC_FIELDS.get(fieldKey(field));
  if (whole !== undefined) return [encodeInteger(whole, { bits: 6, first: 0xc0 })];
  const index = STATIC_NAMES.get(name);
  const nameParts = index === undefined
    ? encodeText(name, { bits: 3, first: 0x20 })
    : [encodeInteger(index, { bits: 4, first: 0x50 })];
  return [...nameParts, ...encodeText(value, { bits: 7, first: 0 })];
}

/** A string literal (RFC 7541 section 5.2), whose bit H stands before the `bits` of its length. */
function encodeText(text: string, prefix: { bits: number; first: number }): Uint8Array[] {
  const plain = latin1Bytes(text);
  if (huffmanLength(plain) >= plain.length) return [encodeInteger(plain.length, prefix), plain];
  const encoded = encodeHuffman(plain);
  const first = prefix.first | (1 << prefix.bits);
  return [encodeInteger(encoded.length, { bits: prefix.bits, first }), encoded];
}

/** An integer (RFC 7541 section 5.1) in the last `bits` of its `first` byte, and in as many more as it needs. */
function encodeInteger(value: number, { bits, first }: { bits: number; first: number }): Uint8Array {
  const max = 2 ** bits - 1;
  if (value < max) return Uint8Array.of(first | value);
  const bytes = [first | max];
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push(rest % 128 | 128);
  return Uint8Array.from([...bytes, rest]);
}

function readField(reader: SectionReader): [string, string] {
  const first = reader.peek();
  if ((first & 0x80) !== 0) {
    requireStatic(first & 0x40);
    return [...staticField(reader.integer(6))];
  }
  if ((first & 0x40) !== 0) {
    requireStatic(first & 0x10);
    const [name] = staticField(reader.integer(4));
    return [name, reader.text(7)];
  }
  requireStatic(first & 0x20);
  return [reader.text(3), reader.text(7)];
}

/** Reads the representations of a field section from its start. */
class SectionReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The next byte, which stays. */
  peek(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw failed("ends early");
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
    throw failed("has an integer out of bounds");
  }

  /** A string literal whose length has a prefix of `bits`, after the bit H (RFC 7541 section 5.2). */
  text(bits: number): string {
    const isHuffman = (this.peek() >> bits & 1) === 1;
    const end = this.integer(bits) + this.#at;
    if (end > this.#bytes.length) throw failed("ends early");
    const literal = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    const bytes = isHuffman ? decodeHuffman(literal) : literal;
    if (bytes === null) throw failed("has wrong Huffman code");
    return latin1Text(bytes);
  }

  #next(): number {
    const byte = this.peek();
    this.#at++;
    return byte;
  }
}

function staticField(index: number): Field {
  const field = STATIC_TABLE[index];
  if (field === undefined) throw failed("has an index beyond the static table");
  return field;
}

function requireStatic(bit: number): void {
  if (bit === 0) throw failed("refers to the dynamic table");
}

function failed(found: string): Http3Error {
  return new Http3Error("QPACK_DECOMPRESSION_FAILED", `Cannot read a field section: it ${found}`);
}

function fieldKey([name, value]: Field): string {
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
