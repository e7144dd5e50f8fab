import { concatBytes } from "../../base/bytes.ts";

const NEW_LINE = 10;

/** Puts together lines that come in chunks, however they are divided. */
export class Lines {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #size = 0;

  /** Nothing has come yet. @param maxBytes the beginning of a line that is longer is an error */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes bytes, and keeps none of them.
   *
   * @returns the lines that are whole now, with their ends; `null` when none is
   * @throws {RangeError} when a line is too long
   */
  take(chunk: Uint8Array): Uint8Array<ArrayBuffer> | null {
    const end = chunk.lastIndexOf(NEW_LINE) + 1;
    if (end === 0) {
      this.#keep(chunk);
      return null;
    }
    const whole = concatBytes([...this.#parts, chunk.subarray(0, end)]);
    this.#parts = [];
    this.#size = 0;
    this.#keep(chunk.subarray(end));
    return whole;
  }

  #keep(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#size += part.length;
    if (this.#size > this.#maxBytes) throw new RangeError(`A line is longer than ${this.#maxBytes} bytes`);
    this.#parts.push(part.slice());
  }
}

/** The lines of a text, each of which has an end, without their ends. */
export function linesOf(text: string): string[] {
  return text.split("\n").slice(0, -1);
}
