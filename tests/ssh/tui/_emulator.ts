import { charWidth } from "../../../lib/ssh/tui/char_width.ts";

/** Control sequence, OSC 52, or a character. */
const OUTPUT =
  // deno-lint-ignore no-control-regex
  /\x1b\[(\?)?([\d;]*)([A-Za-z])|\x1b\]52;c;([A-Za-z0-9+/=]*)\x07|([^\x00-\x1f\x7f-\x9f])/u;

/** A terminal of the kind that the pages count on: it knows the sequences that they send, and complains about any other. */
export class Emulator {
  readonly columns: number;
  readonly rows: number;
  /** Private modes that are set (DECSET). The cursor (25) and wrapping (7) are, at first. */
  readonly modes = new Set([7, 25]);
  /** What was put on the clipboard, in order. */
  readonly clipboard: string[] = [];
  /** How many cells were written since {@link Emulator.written} was last set. */
  written = 0;
  #texts: string[];
  #styles: string[];
  #style = "";
  #x = 0;
  #y = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
    this.#texts = new Array<string>(columns * rows).fill(" ");
    this.#styles = new Array<string>(columns * rows).fill("");
  }

  /** The screen, without blanks at the ends of lines. */
  get text(): string {
    return Array.from({ length: this.rows }, (_, y) => this.line(y)).join("\n") + "\n";
  }

  /** The text and the style of every cell. */
  get cells(): string[] {
    return this.#texts.map((text, at) => `${text}\0${this.#styles[at]}`);
  }

  line(y: number): string {
    return this.#texts.slice(y * this.columns, (y + 1) * this.columns).join("").trimEnd();
  }

  /** The style of the first cell of `text`, which is on the screen once. */
  styleOf(text: string): string {
    const flat = this.#texts.map((cell) => cell === "" ? "\0" : cell[0]).join("");
    const at = flat.indexOf(text);
    if (at < 0) throw new Error(`${text} is not on the screen`);
    return this.#styles[at]!;
  }

  /** Where `text` begins, counted from 1, as the mouse reports it. */
  find(text: string): { x: number; y: number } {
    for (let y = 0; y < this.rows; y++) {
      const row = this.#texts.slice(y * this.columns, (y + 1) * this.columns).map((cell) =>
        cell === "" ? "\0" : cell[0]
      );
      const x = row.join("").indexOf(text);
      if (x >= 0) return { x: x + 1, y: y + 1 };
    }
    throw new Error(`${text} is not on the screen`);
  }

  write(output: string): void {
    const pattern = new RegExp(OUTPUT, "uy");
    while (pattern.lastIndex < output.length) {
      const at = pattern.lastIndex;
      const match = pattern.exec(output);
      if (match === null) throw new Error(`unknown output: ${JSON.stringify(output.slice(at, at + 20))}`);
      const [, isPrivate, parameters = "", final, copied, character] = match;
      if (character !== undefined) this.#put(character);
      else if (copied !== undefined) {
        this.clipboard.push(new TextDecoder().decode(Uint8Array.from(atob(copied), (c) => c.charCodeAt(0))));
      } else if (isPrivate !== undefined) this.#mode(parameters, final!);
      else this.#control(parameters, final!);
    }
  }

  #mode(parameters: string, final: string): void {
    if (final === "h") this.modes.add(Number(parameters));
    else if (final === "l") this.modes.delete(Number(parameters));
    else throw new Error(`unknown mode ${final}`);
  }

  #control(parameters: string, final: string): void {
    if (final === "m") {
      this.#style = parameters === "0" ? "" : parameters.replace(/^0;/, "");
    } else if (final === "H") {
      const [row = 1, column = 1] = parameters === "" ? [] : parameters.split(";").map(Number);
      if (row < 1 || row > this.rows || column < 1 || column > this.columns) {
        throw new Error("outside of the screen");
      }
      [this.#x, this.#y] = [column - 1, row - 1];
    } else if (final === "J" && parameters === "2") {
      this.#texts.fill(" ");
      this.#styles.fill("");
    } else throw new Error(`unknown control sequence ${parameters}${final}`);
  }

  #put(character: string): void {
    const width = charWidth(character);
    if (width === 0) {
      const before = this.#y * this.columns + this.#x - 1;
      const base = this.#texts[before] === "" ? before - 1 : before;
      this.#texts[base] += character;
      return;
    }
    if (this.#x + width > this.columns) throw new Error("written beyond the edge");
    const at = this.#y * this.columns + this.#x;
    if (this.#texts[at] === "") this.#texts[at - 1] = " ";
    if (this.#x + width < this.columns && this.#texts[at + width] === "") this.#texts[at + width] = " ";
    this.#texts[at] = character;
    this.#styles[at] = this.#style;
    if (width === 2) {
      this.#texts[at + 1] = "";
      this.#styles[at + 1] = this.#style;
    }
    this.#x += width;
    this.written += width;
  }
}
