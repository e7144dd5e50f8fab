import { concatBytes } from "../../lib/base/bytes.ts";

const HEADER_BYTES = 9;
const GOAWAY = 7;

/**
 * Takes GOAWAY frames (RFC 9113 section 6.8) out of what a server sends. The platform's HTTP/2 (Deno 2.9.6) corrupts its
 * memory when it receives one while streams are open.
 */
export class GoawayFilter {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerFilled = 0;
  #passing = 0;
  #dropping = 0;

  /** What is left of the next bytes; the header of a frame is held back until it is complete. */
  push(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
    const kept: Uint8Array[] = [];
    for (let at = 0; at < chunk.length;) {
      const passed = Math.min(this.#passing, chunk.length - at);
      const dropped = passed > 0 ? 0 : Math.min(this.#dropping, chunk.length - at);
      if (passed > 0) kept.push(chunk.subarray(at, at + passed));
      this.#dropping -= dropped;
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
      this.#dropping = length;
      return;
    }
    kept.push(this.#header.slice());
    this.#passing = length;
  }
}
