import { CodecError } from "./codec_error.ts";
import type { Http1Framing } from "./http1_framing.ts";
import { headEnd, headLines, malformed, MAX_FIELDS, parseField } from "./http1_lines.ts";

const CR = 13;
const LF = 10;
const SEMICOLON = 59;
/** 2^44 bytes: exact as a number, whatever digit comes next. */
const MAX_SIZE_DIGITS = 11;
/** Extensions of chunks are dropped; more of them in one body is somebody who wants to keep us busy. */
const MAX_EXTENSION_BYTES = 2 * 1024 * 1024;
/** Of the fields after the last chunk, with their line ends. */
const MAX_TRAILER_BYTES = 16 * 1024;

type State = "content" | "size" | "extension" | "size-lf" | "content-cr" | "content-lf" | "trailers" | "over";

/**
 * Takes the body of a message out of what follows its head (RFC 9112 sections 6 and 7), without copying it. Trailers that
 * would say how the message is framed are refused.
 */
export class Http1Body {
  readonly #isChunked: boolean;
  #state: State;
  /** Of the content that comes next; `Infinity`: until the end of the connection. */
  #left: number;
  #digits = 0;
  #extension = 0;
  #trailer: Uint8Array | null = null;
  #trailers: readonly string[] = [];

  /** Nothing has come yet. */
  constructor(framing: Http1Framing) {
    this.#isChunked = framing.kind === "chunked";
    this.#left = framing.kind === "length" ? framing.length : framing.kind === "close" ? Infinity : 0;
    this.#state = this.#isChunked ? "size" : this.#left > 0 ? "content" : "over";
  }

  /** Whether all of it has come. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  /** Names and values in turn; complete when the body is over. */
  get trailers(): readonly string[] {
    return this.#trailers;
  }

  /** Whether it may end now, with its connection (RFC 9112 section 8). */
  get mayEnd(): boolean {
    return this.isOver || this.#left === Infinity;
  }

  /**
   * Takes what comes next.
   *
   * @param bytes that have not been taken yet
   * @returns `content`: a part of `bytes`, `null` when none is content; `taken`: how many bytes are done with, content included. Less
   * than all of them when more content follows in another piece, or when the body is over
   * @throws {CodecError} `codec/malformed`, `codec/too-large`
   */
  take(bytes: Uint8Array): { readonly content: Uint8Array | null; readonly taken: number } {
    let at = 0;
    while (at < bytes.length && this.#state !== "over") {
      if (this.#state === "content") {
        const end = Math.min(bytes.length, at + this.#left);
        this.#left -= end - at;
        if (this.#left === 0) this.#state = this.#isChunked ? "content-cr" : "over";
        const isWhole = at === 0 && end === bytes.length;
        return { content: isWhole ? bytes : bytes.subarray(at, end), taken: end };
      }
      at = this.#state === "trailers" ? this.#takeTrailers(bytes, at) : this.#takeByte(bytes[at]!, at);
    }
    return { content: null, taken: at };
  }

  #takeByte(byte: number, at: number): number {
    switch (this.#state) {
      case "size":
        this.#takeSize(byte);
        break;
      case "extension":
        if (byte === CR) this.#state = "size-lf";
        else if (++this.#extension > MAX_EXTENSION_BYTES) {
          throw new CodecError("codec/too-large", "A chunk has too long an extension");
        } else if (byte < 32 && byte !== 9 || byte === 127) throw malformed("the extension of a chunk");
        break;
      case "size-lf":
        this.#expect(byte, LF);
        this.#state = this.#left > 0 ? "content" : "trailers";
        this.#digits = 0;
        break;
      case "content-cr":
        this.#expect(byte, CR);
        this.#state = "content-lf";
        break;
      case "content-lf":
        this.#expect(byte, LF);
        this.#state = "size";
        break;
    }
    return at + 1;
  }

  #takeSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      if (++this.#digits > MAX_SIZE_DIGITS) throw new CodecError("codec/too-large", "A chunk is too long");
      this.#left = this.#left * 16 + digit;
    } else if (this.#digits === 0) throw malformed("the length of a chunk");
    else if (byte === CR) this.#state = "size-lf";
    else if (byte === SEMICOLON) this.#state = "extension";
    else throw malformed("the length of a chunk");
  }

  #expect(byte: number, wanted: number): void {
    if (byte !== wanted) throw malformed("the end of a chunk");
  }

  /** They are gathered with a line end before them, so that they end like a head even when there are none. */
  #takeTrailers(bytes: Uint8Array, at: number): number {
    const before = this.#trailer ?? new Uint8Array([CR, LF]);
    const rest = bytes.subarray(at, at + MAX_TRAILER_BYTES - before.length);
    const all = new Uint8Array(before.length + rest.length);
    all.set(before);
    all.set(rest, before.length);
    const end = headEnd(all, 0);
    if (end < 0) {
      if (all.length >= MAX_TRAILER_BYTES) {
        throw new CodecError("codec/too-large", "A body has too long trailers");
      }
      this.#trailer = all;
      return at + rest.length;
    }
    this.#trailers = parseTrailers(all, end);
    this.#trailer = null;
    this.#state = "over";
    return at + end - before.length;
  }
}

function parseTrailers(bytes: Uint8Array, end: number): string[] {
  // The first line is that which was put before them.
  const lines = end === 4 ? [] : headLines(bytes, end).slice(1);
  if (lines.length > MAX_FIELDS) throw new CodecError("codec/too-large", "A body has too many trailers");
  return lines.flatMap((line) => {
    const [name, value] = parseField(line);
    if (/^(?:content-length|transfer-encoding)$/i.test(name)) throw malformed("a framing in its trailers");
    return [name, value];
  });
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
