import { setImmediate } from "node:timers";
import type { LineSink } from "./log.ts";

/** No more is held back, whatever is going on. */
const MAX_HELD_CHARACTERS = 64 * 1024;

/** Writes the lines of one turn of the event loop in one piece. Dispose it to write what is left. */
export class LineWriter implements Disposable {
  /** Takes a line. */
  readonly sink: LineSink = (line) => this.#add(line);
  readonly #write: (text: string) => void;
  #held = "";

  /** Nothing is held back yet. @param write takes whole lines, with their ends */
  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Writes what is left. */
  [Symbol.dispose](): void {
    const text = this.#held;
    this.#held = "";
    if (text !== "") this.#write(text);
  }

  #add(line: string): void {
    if (this.#held === "") setImmediate(() => this[Symbol.dispose]());
    this.#held += `${line}\n`;
    if (this.#held.length > MAX_HELD_CHARACTERS) this[Symbol.dispose]();
  }
}
