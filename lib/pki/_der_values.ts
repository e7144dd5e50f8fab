import {
  DerError,
  type DerReader,
  type DerValue,
  requireBitString,
  requireBoolean,
  requireInteger,
  Tag,
} from "./_der.ts";

const latin1 = new TextDecoder("latin1");
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const utf16 = new TextDecoder("utf-16be", { ignoreBOM: true });

const UTC_TIME = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const GENERALIZED_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/** The dotted form of an OBJECT IDENTIFIER that `requireDer` has seen. */
export function oidText({ content }: DerValue): string {
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of content) {
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0n;
    }
  }
  const [first = 0n, ...rest] = arcs;
  const root = first < 80n ? first / 40n : 2n;
  return [root, first - root * 40n, ...rest].join(".");
}

/** A whole number from 0 to 2^31 - 1, under any tag. @throws {DerError} */
export function smallInteger({ content }: DerValue): number {
  requireInteger(content);
  if (content[0]! >= 0x80) throw new DerError("a number is negative");
  if (content.length > 4) throw new DerError("a number is larger than 2147483647");
  return content.reduce((value, byte) => value * 256 + byte, 0);
}

/** The number of an INTEGER that is not negative, of any size. @throws {DerError} */
export function unsignedInteger({ content }: DerValue): Uint8Array<ArrayBuffer> {
  requireInteger(content);
  if (content[0]! >= 0x80) throw new DerError("a number is negative");
  return content[0] === 0 ? content.subarray(1) : content;
}

/** A BOOLEAN DEFAULT FALSE: absent, or TRUE, as DER writes no default (X.690 section 11.5). @throws {DerError} */
export function flag(value: DerValue | undefined): boolean {
  if (value === undefined) return false;
  requireBoolean(value.content);
  if (value.content[0] === 0) throw new DerError("a default is written out");
  return true;
}

/** The bytes of a BIT STRING that has no unused bits. @throws {DerError} */
export function wholeBits({ content }: DerValue): Uint8Array<ArrayBuffer> {
  requireBitString(content);
  if (content[0] !== 0) throw new DerError("a bit string does not end with a byte");
  return content.subarray(1);
}

/** The numbers of the bits that are set, under any tag (X.690 section 11.2.2: no trailing zeros). @throws {DerError} */
export function namedBits({ content }: DerValue): ReadonlySet<number> {
  requireBitString(content);
  const unused = content[0]!;
  if (content.length > 1 && (content.at(-1)! & (1 << unused)) === 0) {
    throw new DerError("a list of named bits has trailing zeros");
  }
  const bits = new Set<number>();
  for (let bit = 0; bit < (content.length - 1) * 8; bit++) {
    if ((content[1 + (bit >> 3)]! & (0x80 >> (bit & 7))) !== 0) bits.add(bit);
  }
  return bits;
}

/** The text of a string type; `null` of any other type. */
export function textOf({ tag, content }: DerValue): string | null {
  switch (tag) {
    case Tag.utf8String:
      return utf8.decode(content);
    case Tag.bmpString:
      return utf16.decode(content);
    case Tag.universalString:
      return universalText(content);
    case Tag.printableString:
    case Tag.numericString:
    case Tag.ia5String:
    case Tag.visibleString:
    case Tag.teletexString:
      return latin1.decode(content);
    default:
      return null;
  }
}

/** The text of the content of an IA5String. */
export function ia5Text({ content }: DerValue): string {
  return latin1.decode(content);
}

/**
 * Reads a Time in the one form that RFC 5280 section 4.1.2.5 leaves of each type: with seconds, ending in Z.
 *
 * @returns milliseconds since 1970-01-01T00:00:00Z
 * @throws {DerError}
 */
export function readTime(reader: DerReader): number {
  const value = reader.next(Tag.utcTime, Tag.generalizedTime);
  const pattern = value.tag === Tag.utcTime ? UTC_TIME : GENERALIZED_TIME;
  const match = pattern.exec(latin1.decode(value.content));
  if (match === null) throw new DerError("a time is not written as it must be");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const fullYear = value.tag === Tag.utcTime ? year + (year < 50 ? 2000 : 1900) : year;
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const isReal = date.getUTCMonth() === month - 1 && date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    minute < 60 && second < 60;
  if (!isReal) throw new DerError("a time does not exist");
  return date.getTime();
}

function universalText(content: Uint8Array): string {
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  let text = "";
  for (let i = 0; i < content.length; i += 4) {
    const point = view.getUint32(i);
    text += point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd";
  }
  return text;
}
