import { Buffer } from "node:buffer";
import { CodecError } from "./codec_error.ts";

const CR = 13;
const LF = 10;
/** More fields than this in one message are too many. */
export const MAX_FIELDS = 1000;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What no line has (RFC 9112 section 2.2): beside other control characters, CR or LF without the other. */
// deno-lint-ignore no-control-regex -- they are what is refused
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;
const SPACE = 32;
const TAB = 9;

/** What is wrong with a message of HTTP/1.1. */
export function malformed(what: string): CodecError {
  return new CodecError("codec/malformed", `Cannot take a message of HTTP/1.1: ${what}`);
}

/** Whether a text is a token (RFC 9110 section 5.6.2), such as a method or the name of a field. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * Looks for the empty line that ends a head (RFC 9112 section 2.1).
 *
 * @param bytes of a message, from its first; @param from where to begin, behind what was looked through before
 * @returns the index behind the empty line, -1 when it has not come yet
 * @throws {CodecError} `codec/malformed` for a line that ends in LF alone: others may read it as one that goes on
 */
export function headEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at === 0 || bytes[at - 1] !== CR) throw malformed("a line ends in LF alone");
    if (at >= 3 && bytes[at - 2] === LF) return at + 1;
  }
  return -1;
}

/** The characters of bytes, one for each (ISO 8859-1), which is how HTTP has them (RFC 9110 section 5.5). */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.prototype.latin1Slice.call(bytes, start, end);
}

/**
 * The lines of a head, without the empty one.
 *
 * @param end as {@link headEnd} gives it
 * @throws {CodecError} `codec/malformed` for control characters
 */
export function headLines(bytes: Uint8Array, end: number): string[] {
  const lines = latin1(bytes, 0, end - 4).split("\r\n");
  for (const line of lines) if (CONTROL.test(line)) throw malformed("a control character");
  return lines;
}

/**
 * A line as a field (RFC 9112 section 5): its name as it is, and its value without the blanks around it.
 *
 * @throws {CodecError} `codec/malformed`, for a folded line too
 */
export function parseField(line: string): [name: string, value: string] {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(colon, 0));
  if (!TOKEN.test(name)) throw malformed("the name of a field");
  let start = colon + 1;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--;
  return [name, line.slice(start, end)];
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
