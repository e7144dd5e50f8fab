import { concatBytes } from "../base/bytes.ts";
import { DerError, Tag } from "./_der.ts";

const CONSTRUCTED = 0x20;
const MAX_DEPTH = 24;

interface Element {
  readonly tag: number;
  /** Rewritten, and without its end marker. */
  readonly content: Uint8Array;
  /** Where the next one starts. */
  readonly end: number;
}

/**
 * Writes one value in BER (X.690 section 8) anew with definite, minimal lengths and octet strings in one piece, which is
 * what the tools of some browsers do not.
 *
 * @returns bytes for `DerReader`
 * @throws {DerError}
 */
export function definite(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { tag, content, end } = readElement(bytes, { offset: 0, depth: MAX_DEPTH });
  if (end !== bytes.length) throw new DerError("there are bytes after its end");
  return encode(tag, content);
}

function readElement(bytes: Uint8Array, { offset, depth }: { offset: number; depth: number }): Element {
  if (depth === 0) throw new DerError(`it is nested deeper than ${MAX_DEPTH} levels`);
  const tag = byteAt(bytes, offset);
  if ((tag & 0x1f) === 0x1f) throw new DerError("it holds a tag number above 30");
  const { length, start } = readLength(bytes, offset + 1);
  const limit = length === null ? bytes.length : start + length;
  if (limit > bytes.length) throw new DerError("it is cut off");
  if ((tag & CONSTRUCTED) === 0) {
    if (length === null) throw new DerError("a primitive value has no length");
    return { tag, content: bytes.subarray(start, limit), end: limit };
  }
  const parts: Element[] = [];
  let at = start;
  while (length === null ? !isEndMarker(bytes, at) : at < limit) {
    const part = readElement(bytes.subarray(0, limit), { offset: at, depth: depth - 1 });
    parts.push(part);
    at = part.end;
  }
  const end = length === null ? at + 2 : at;
  if (tag !== (Tag.octetString | CONSTRUCTED)) {
    return { tag, content: concatBytes(parts.map((part) => encode(part.tag, part.content))), end };
  }
  if (parts.some((part) => part.tag !== Tag.octetString)) {
    throw new DerError("an octet string has other parts");
  }
  return { tag: Tag.octetString, content: concatBytes(parts.map((part) => part.content)), end };
}

function readLength(bytes: Uint8Array, offset: number): { length: number | null; start: number } {
  const first = byteAt(bytes, offset);
  if (first < 0x80) return { length: first, start: offset + 1 };
  if (first === 0x80) return { length: null, start: offset + 1 };
  const count = first & 0x7f;
  if (count > 4) throw new DerError("a length is too large");
  let length = 0;
  for (let at = 1; at <= count; at++) length = length * 256 + byteAt(bytes, offset + at);
  return { length, start: offset + 1 + count };
}

function isEndMarker(bytes: Uint8Array, offset: number): boolean {
  return byteAt(bytes, offset) === 0 && byteAt(bytes, offset + 1) === 0;
}

function byteAt(bytes: Uint8Array, offset: number): number {
  const byte = bytes[offset];
  if (byte === undefined) throw new DerError("it is cut off");
  return byte;
}

function encode(tag: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const length: number[] = [];
  for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  const header = content.length < 0x80 ? [tag, content.length] : [tag, 0x80 | length.length, ...length];
  return concatBytes([Uint8Array.from(header), content]);
}
