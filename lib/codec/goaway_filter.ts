import { concatBytes } from "../base/bytes.ts";

const PREFACE_BYTES = 24;
const HEADER_BYTES = 9;
const GOAWAY = 7;
/** The last stream and the error code; debug data may follow. */
const GOAWAY_BYTES = 8;

/** Whose bytes are filtered, and who hears of what was taken out. */
export interface GoawayFilterOptions {
  /** `client`: its bytes begin with the connection preface (RFC 9113 section 3.4). */
  readonly from: "client" | "server";
  /**
   * Called with each GOAWAY: no stream is to be opened any more, and those above `lastStream` will not be answered.
   * Default: nobody hears of it.
   */
  readonly onGoaway?: (lastStream: number) => void;
}

/**
 * Takes GOAWAY frames (RFC 9113 section 6.8) out of what the other end of an HTTP/2 connection sends. The platform's HTTP/2
 * (Deno 2.9.6) corrupts its memory when it receives one while streams are open, so any peer could end the process. A
 * client that has sent one opens no more streams and closes the connection by itself, so nothing is lost; of a server's
 * the owner of the connection hears.
 */
export class GoawayFilter {
  readonly #onGoaway: (lastStream: number) => void;
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerFilled = 0;
  #passing: number;
  readonly #goaway: number[] = [];
  #dropping = 0;

  /** A filter for one connection. */
  constructor({ from, onGoaway = () => {} }: GoawayFilterOptions) {
    this.#passing = from === "client" ? PREFACE_BYTES : 0;
    this.#onGoaway = onGoaway;
  }

  /** What is left of the next bytes; the header of a frame is held back until it is complete. */
  push(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
    const kept: Uint8Array[] = [];
    for (let at = 0; at < chunk.length;) {
      const passed = Math.min(this.#passing, chunk.length - at);
      const dropped = passed > 0 ? 0 : Math.min(this.#dropping, chunk.length - at);
      if (passed > 0) kept.push(chunk.subarray(at, at + passed));
      if (dropped > 0) this.#drop(chunk.subarray(at, at + dropped));
      this.#passing -= passed;
      at += passed + dropped;
      if (passed + dropped > 0) continue;
      this.#header[this.#headerFilled++] = chunk[at++]!;
      if (this.#headerFilled === HEADER_BYTES) this.#begin(kept);
    }
    return concatBytes(kept);
  }

  #begin(kept: Uint8Array[]): void {
    const [high = 0, middle = 0, low = 0, type] = this.#header;
    const length = high * 65536 + middle * 256 + low;
    this.#headerFilled = 0;
    if (type === GOAWAY) {
      this.#goaway.length = 0;
      this.#dropping = length;
      return;
    }
    kept.push(this.#header.slice());
    this.#passing = length;
  }

  #drop(part: Uint8Array): void {
    this.#dropping -= part.length;
    this.#goaway.push(...part.subarray(0, GOAWAY_BYTES - this.#goaway.length));
    if (this.#dropping > 0 || this.#goaway.length < GOAWAY_BYTES) return;
    const [a = 0, b = 0, c = 0, d = 0] = this.#goaway;
    this.#onGoaway((a & 0x7f) * 2 ** 24 + b * 65536 + c * 256 + d);
  }
}
