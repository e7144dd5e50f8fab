/** Identifier octets (X.690 section 8.1.2) of the types that certificates are made of. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One encoded value: views of the bytes it was read from. */
export interface DerValue {
  /** The identifier octet. */
  readonly tag: number;
  /** Identifier, length and content. */
  readonly raw: Uint8Array<ArrayBuffer>;
  /** The content alone. */
  readonly content: Uint8Array<ArrayBuffer>;
}

/** Bytes that are not DER, or not of the type they should be. */
export class DerError extends Error {
  override name = "DerError";
}

const MAX_DEPTH = 24;
const MAX_OID_BYTES = 64;
const CONSTRUCTED = 0x20;
const CONTEXT = 0x80;

const CONTENT_CHECKS: ReadonlyMap<number, (content: Uint8Array) => void> = new Map([
  [Tag.boolean, requireBoolean],
  [Tag.integer, requireInteger],
  [Tag.enumerated, requireInteger],
  [Tag.bitString, requireBitString],
  [Tag.null, requireNull],
  [Tag.oid, requireOid],
  [Tag.octetString, accept],
  [Tag.utf8String, requireUtf8],
  [Tag.numericString, requireCharacters(/^[0-9 ]*$/)],
  [Tag.printableString, requireCharacters(/^[A-Za-z0-9 '()+,\-./:=?]*$/)],
  [Tag.teletexString, accept],
  [Tag.ia5String, requireCharacters(/^[\0-\x7f]*$/)],
  [Tag.utcTime, accept],
  [Tag.generalizedTime, accept],
  [Tag.visibleString, requireCharacters(/^[ -~]*$/)],
  [Tag.universalString, requireUnits(4)],
  [Tag.bmpString, requireUnits(2)],
  [Tag.sequence, accept],
  [Tag.set, accept],
]);

const latin1 = new TextDecoder("latin1");
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The context-specific identifier octet `[number]`, of a constructed value when so asked. */
export function contextTag(
  number: number,
  options: { constructed: boolean } = { constructed: false },
): number {
  return CONTEXT | number | (options.constructed ? CONSTRUCTED : 0);
}

/**
 * Checks that `bytes` are one value in DER (X.690 section 10) to the last level: definite and minimal lengths, minimal
 * integers, canonical booleans, no padding in bit strings, sets in order, characters of their alphabet. Values under
 * context-specific tags are opaque here. At most 24 levels, 64 bytes for each object identifier.
 *
 * @throws {DerError}
 */
export function requireDer(bytes: Uint8Array<ArrayBuffer>): DerValue {
  const value = readValue(bytes, 0);
  if (value.raw.length !== bytes.length) throw new DerError("there are bytes after its end");
  checkValue(value, MAX_DEPTH);
  return value;
}

/** The values within a constructed one, in order. */
export function* childrenOf({ content }: DerValue): Generator<DerValue> {
  for (let offset = 0; offset < content.length;) {
    const child = readValue(content, offset);
    offset += child.raw.length;
    yield child;
  }
}

/** Reads the values of a constructed one in turn. */
export class DerReader {
  readonly #content: Uint8Array<ArrayBuffer>;
  #offset = 0;

  /** A reader of what is in `value`. */
  constructor(value: Pick<DerValue, "content">) {
    this.#content = value.content;
  }

  /** Whether all was read. */
  get isDone(): boolean {
    return this.#offset === this.#content.length;
  }

  /** The next value, which must have one of these tags; without any, whichever it has. @throws {DerError} */
  next(...tags: readonly number[]): DerValue {
    if (this.isDone) throw new DerError("a part is missing");
    const value = readValue(this.#content, this.#offset);
    if (tags.length > 0 && !tags.includes(value.tag)) {
      throw new DerError(`a part has the tag 0x${value.tag.toString(16).padStart(2, "0")}, which it may not`);
    }
    this.#offset += value.raw.length;
    return value;
  }

  /** The next value when it has one of these tags, else `undefined` and it stays. */
  optional(...tags: readonly number[]): DerValue | undefined {
    return tags.includes(this.#content[this.#offset] ?? -1) ? this.next(...tags) : undefined;
  }

  /** @throws {DerError} when there is more */
  end(): void {
    if (!this.isDone) throw new DerError("there are parts too many");
  }
}

/** @throws {DerError} when this is not the content of an INTEGER in DER (X.690 section 8.3.2) */
export function requireInteger(content: Uint8Array): void {
  const [first, second] = content;
  if (first === undefined) throw new DerError("an integer is empty");
  if (second === undefined) return;
  const sign = second & 0x80;
  if ((first === 0 && sign === 0) || (first === 0xff && sign !== 0)) {
    throw new DerError("an integer has leading bytes that say nothing");
  }
}

/** @throws {DerError} when this is not the content of a BIT STRING in DER (X.690 section 11.2) */
export function requireBitString(content: Uint8Array): void {
  const unused = content[0] ?? 8;
  const last = content.length > 1 ? content.at(-1)! : 0;
  if (unused > 7 || (content.length === 1 && unused > 0) || (last & ((1 << unused) - 1)) !== 0) {
    throw new DerError("a bit string has wrong unused bits");
  }
}

/** @throws {DerError} when this is not the content of a BOOLEAN in DER (X.690 section 11.1) */
export function requireBoolean(content: Uint8Array): void {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) {
    throw new DerError("a truth value is neither 00 nor FF");
  }
}

/** @throws {DerError} when this is not the content of an IA5String */
export function requireIa5(content: Uint8Array): void {
  CONTENT_CHECKS.get(Tag.ia5String)!(content);
}

function checkValue(value: DerValue, depth: number): void {
  const { tag, content } = value;
  if (depth === 0) throw new DerError(`it is nested deeper than ${MAX_DEPTH} levels`);
  if ((tag & 0xc0) === 0) {
    const check = CONTENT_CHECKS.get(tag);
    if (check === undefined) {
      throw new DerError(`it holds a value of type 0x${tag.toString(16).padStart(2, "0")}`);
    }
    check(content);
  }
  if ((tag & CONSTRUCTED) === 0) return;
  let previous: DerValue | undefined;
  for (const child of childrenOf(value)) {
    checkValue(child, depth - 1);
    if (tag === Tag.set && previous !== undefined && compareBytes(previous.raw, child.raw) > 0) {
      throw new DerError("a set is not in order");
    }
    previous = child;
  }
}

function readValue(bytes: Uint8Array<ArrayBuffer>, offset: number): DerValue {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) throw new DerError("it is cut off");
  if ((tag & 0x1f) === 0x1f) throw new DerError("it holds a tag number above 30");
  const { length, lengthBytes } = first < 0x80
    ? { length: first, lengthBytes: 1 }
    : longLength(bytes, offset);
  const start = offset + 1 + lengthBytes;
  if (start + length > bytes.length) throw new DerError("it is cut off");
  return { tag, raw: bytes.subarray(offset, start + length), content: bytes.subarray(start, start + length) };
}

function longLength(bytes: Uint8Array, offset: number): { length: number; lengthBytes: number } {
  const count = bytes[offset + 1]! & 0x7f;
  if (count === 0) throw new DerError("it holds a value of indefinite length");
  if (count > 4) throw new DerError("it holds a length beyond 4 GiB");
  let length = 0;
  for (let i = 0; i < count; i++) length = length * 256 + (bytes[offset + 2 + i] ?? 0);
  if (length < 0x80 || bytes[offset + 2] === 0) throw new DerError("it holds a length that is not minimal");
  return { length, lengthBytes: 1 + count };
}

function accept(): void {}

function requireNull(content: Uint8Array): void {
  if (content.length !== 0) throw new DerError("a null has content");
}

function requireOid(content: Uint8Array): void {
  if (content.length === 0 || content.length > MAX_OID_BYTES) {
    throw new DerError(`an object identifier has ${content.length} bytes: 1 to ${MAX_OID_BYTES} are read`);
  }
  let isStart = true;
  for (const byte of content) {
    if (isStart && byte === 0x80) throw new DerError("an object identifier has padding");
    isStart = byte < 0x80;
  }
  if (!isStart) throw new DerError("an object identifier is cut off");
}

function requireUtf8(content: Uint8Array): void {
  try {
    strictUtf8.decode(content);
  } catch {
    throw new DerError("a text is not UTF-8");
  }
}

function requireCharacters(pattern: RegExp): (content: Uint8Array) => void {
  return (content) => {
    if (!pattern.test(latin1.decode(content))) throw new DerError("a text has characters it may not have");
  };
}

function requireUnits(bytes: number): (content: Uint8Array) => void {
  return (content) => {
    if (content.length % bytes !== 0) throw new DerError("a text is cut off");
  };
}

/** A shorter encoding is as if padded with zero bytes (X.690 section 11.6). */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
