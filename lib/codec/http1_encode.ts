import { Buffer } from "node:buffer";

const encoder = new TextEncoder();
/** What would end a line or is no character of one byte. */
const UNSAFE = /[^\t\x20-\x7e\x80-\xff]/;
/** What a request target is made of, whatever its form. */
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

/**
 * The lines of a head (RFC 9112 section 2.1), with the empty one that ends it.
 *
 * @param firstLine the request line or the status line; @param fields names and values in turn
 * @throws {TypeError} when one of them would end its line: response splitting stops here, whatever let it through before
 */
export function http1Head(firstLine: string, fields: readonly string[]): string {
  let text = firstLine;
  if (UNSAFE.test(text)) throw new TypeError("Cannot send a head whose first line has a line end in it");
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name, value] = [fields[i]!, fields[i + 1]!];
    if (UNSAFE.test(value) || UNSAFE.test(name)) {
      throw new TypeError("Cannot send a field with a line end in it");
    }
    text += `\r\n${name}: ${value}`;
  }
  return `${text}\r\n\r\n`;
}

/**
 * The first line of a request (RFC 9112 section 3).
 *
 * @throws {RangeError} when the target has a blank or a control character: what follows would be read as something else
 */
export function http1RequestLine(method: string, target: string): string {
  if (!TARGET.test(target)) {
    throw new RangeError("Cannot ask for a target with a blank or a control character");
  }
  return `${method} ${target} HTTP/1.1`;
}

/** The line before a chunk (RFC 9112 section 7.1). */
export function chunkHead(length: number): string {
  return `${length.toString(16)}\r\n`;
}

/** The last chunk and what follows it. @param trailers names and values in turn @throws {TypeError} as {@link http1Head} */
export function lastChunk(trailers: readonly string[]): string {
  return trailers.length === 0 ? "0\r\n\r\n" : http1Head("0", trailers);
}

/**
 * Writes text as bytes, one for each character (ISO 8859-1).
 *
 * @param into has room for all of it; @param at where to begin
 * @returns the index behind it
 */
export function putLatin1(text: string, into: Uint8Array<ArrayBuffer>, at: number): number {
  const { read, written } = encoder.encodeInto(text, at === 0 ? into : into.subarray(at));
  if (read === text.length && written === text.length) return at + written;
  return at + Buffer.from(into.buffer, into.byteOffset + at).write(text, "latin1");
}
