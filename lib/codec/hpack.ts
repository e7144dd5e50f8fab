import { concatBytes } from "../base/bytes.ts";
import { STATIC_TABLE } from "./_hpack_static_table.ts";
import { encodeInteger, encodeText, fieldKey, PrefixedReader } from "./_prefixed.ts";
import { Http2Error } from "./http2_error.ts";
import type { Field } from "./qpack.ts";

/** Bytes of the dynamic table that a peer may use: the default of SETTINGS_HEADER_TABLE_SIZE, which is never changed. */
const MAX_TABLE_BYTES = 4096;
/** Bytes that a field counts for beside its name and value (RFC 7541 section 4.1, RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD_BYTES = 32;

/** The first index of each name, and the index of each field. */
const STATIC_NAMES: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.map(([name], at) => [name, at + 1] as const).toReversed(),
);
const STATIC_FIELDS: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.map((field, at) => [fieldKey(field), at + 1] as const),
);

/** Says that the dynamic table is empty (RFC 7541 section 4.2). A peer that allows only a small one waits for that. */
const NO_TABLE = encodeInteger(0, { bits: 5, first: 0x20 });

/**
 * Encodes a field block (RFC 7541) without a dynamic table, in Huffman code where that is shorter. What is not in the static
 * table is never to be indexed by others either.
 *
 * @throws {TypeError} when a name or value has a character above U+00FF
 */
export function encodeFieldBlock(fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  return concatBytes([NO_TABLE, ...fields.flatMap(encodeField)]);
}

function encodeField(field: Field): Uint8Array[] {
  const [name, value] = field;
  const whole = STATIC_FIELDS.get(fieldKey(field));
  if (whole !== undefined) return [encodeInteger(whole, { bits: 7, first: 0x80 })];
  const index = STATIC_NAMES.get(name) ?? 0;
  const nameParts = index === 0 ? encodeText(name, { bits: 7, first: 0 }) : [];
  return [
    encodeInteger(index, { bits: 4, first: 0x10 }),
    ...nameParts,
    ...encodeText(value, { bits: 7, first: 0 }),
  ];
}

/** Decodes the field blocks that one end of a connection sends, in their order, with a dynamic table of at most 4,096 bytes. */
export class FieldBlockDecoder {
  /** The newest last. */
  readonly #table: Field[] = [];
  #tableBytes = 0;
  #maxTableBytes = MAX_TABLE_BYTES;

  /**
   * Decodes a whole block. Whether its fields make a message is not looked at.
   *
   * @param bounds `maxBytes` as RFC 9113 section 6.5.2 counts them: name, value and 32 for each field; `maxFields`
   * @returns the fields in their order; `null` when they are above a bound, after which the next block can be decoded
   * @throws {Http2Error} `COMPRESSION_ERROR`
   */
  decode(
    block: Uint8Array,
    bounds: { maxBytes: number; maxFields: number },
  ): [name: string, value: string][] | null {
    const reader = new PrefixedReader(block, failed);
    this.#readSizeUpdates(reader);
    const fields: [string, string][] = [];
    let size = 0;
    let count = 0;
    while (!reader.done) {
      const [name, value] = this.#readField(reader);
      size += sizeOf([name, value]);
      if (size <= bounds.maxBytes && ++count <= bounds.maxFields) fields.push([name, value]);
    }
    return size > bounds.maxBytes || count > bounds.maxFields ? null : fields;
  }

  /** At the beginning of a block only (RFC 7541 section 4.2). */
  #readSizeUpdates(reader: PrefixedReader): void {
    while (!reader.done && (reader.peek() & 0xe0) === 0x20) {
      const bytes = reader.integer(5);
      if (bytes > MAX_TABLE_BYTES) throw failed("wants a table that is too large");
      this.#maxTableBytes = bytes;
      this.#evict(bytes);
    }
  }

  #readField(reader: PrefixedReader): Field {
    const first = reader.peek();
    if ((first & 0x80) !== 0) return this.#fieldAt(reader.integer(7));
    if ((first & 0xe0) === 0x20) throw failed("changes the table behind a field");
    const isIndexed = (first & 0x40) !== 0;
    const index = reader.integer(isIndexed ? 6 : 4);
    const name = index === 0 ? reader.text(7) : this.#fieldAt(index)[0];
    const field = [name, reader.text(7)] as const;
    if (isIndexed) this.#add(field);
    return field;
  }

  #fieldAt(index: number): Field {
    const field = STATIC_TABLE[index - 1] ?? this.#table.at(STATIC_TABLE.length - index);
    if (index === 0 || field === undefined) throw failed("has an index beyond the tables");
    return field;
  }

  /** A field larger than the table empties it (RFC 7541 section 4.4). */
  #add(field: Field): void {
    const size = sizeOf(field);
    this.#evict(this.#maxTableBytes - size);
    if (size > this.#maxTableBytes) return;
    this.#table.push(field);
    this.#tableBytes += size;
  }

  #evict(maxBytes: number): void {
    while (this.#tableBytes > Math.max(maxBytes, 0)) this.#tableBytes -= sizeOf(this.#table.shift()!);
  }
}

function sizeOf([name, value]: Field): number {
  return name.length + value.length + FIELD_OVERHEAD_BYTES;
}

function failed(found: string): Http2Error {
  return new Http2Error("COMPRESSION_ERROR", `Cannot read a field block: it ${found}`);
}
