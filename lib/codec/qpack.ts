import { concatBytes } from "../base/bytes.ts";
import { encodeInteger, encodeText, fieldKey, PrefixedReader } from "./_prefixed.ts";
import { STATIC_TABLE } from "./_qpack_static_table.ts";
import { Http3Error } from "./http3_error.ts";

/** A name and a value, a character from U+0000 to U+00FF for each byte. */
export type Field = readonly [name: string, value: string];

/** Bytes that a field counts for beside its name and value (RFC 9114 section 4.2.2). */
const FIELD_OVERHEAD_BYTES = 32;

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
  const reader = new PrefixedReader(bytes, failed);
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

function readField(reader: PrefixedReader): [string, string] {
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
