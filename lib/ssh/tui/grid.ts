import { fitText, type Glyph } from "./char_width.ts";
import type { Style } from "./theme.ts";

/** How large a terminal is, in cells. */
export interface Size {
  /** Across. */
  readonly columns: number;
  /** Down. */
  readonly rows: number;
}

/** A part of a terminal, from its upper left cell; the first cell of all is 0, 0. */
export interface Area {
  /** First column. */
  readonly x: number;
  /** First row. */
  readonly y: number;
  /** In columns. */
  readonly width: number;
  /** In rows. */
  readonly height: number;
}

/** A picture of a whole terminal, cell by cell. */
export class Grid implements Size {
  readonly columns: number;
  readonly rows: number;
  /** Row after row. The right half of a wide character is empty. */
  readonly texts: string[];
  /** The same for styles. */
  readonly styles: Style[];

  /** All cells are blank. */
  constructor({ columns, rows }: Size) {
    this.columns = columns;
    this.rows = rows;
    this.texts = new Array<string>(columns * rows).fill(" ");
    this.styles = new Array<Style>(columns * rows).fill("text");
  }

  /**
   * Writes a text into one row; what lies outside of the picture is left out.
   *
   * @param options `width`: in cells; a longer text ends in `…`, a shorter one is padded; default: as long as the text.
   *   `align`: default left
   * @returns the column after it
   */
  write(
    text: string,
    { x, y, style = "text", width, align = "left" }: {
      x: number;
      y: number;
      style?: Style;
      width?: number;
      align?: "left" | "right";
    },
  ): number {
    const glyphs = fitText(text, width ?? Math.max(0, this.columns - x));
    const used = glyphs.reduce((sum, glyph) => sum + glyph.width, 0);
    const end = x + (width ?? used);
    const start = align === "right" ? end - used : x;
    if (start > x) this.fill({ x, y, width: start - x, height: 1 }, { style });
    let at = start;
    for (const glyph of glyphs) {
      this.#set(glyph, { x: at, y, style });
      at += glyph.width;
    }
    if (at < end) this.fill({ x: at, y, width: end - at, height: 1 }, { style });
    return end;
  }

  /** Fills an area with one character of width 1. @param options `character`: default a space */
  fill(area: Area, { style, character = " " }: { style: Style; character?: string }): void {
    for (let y = area.y; y < area.y + area.height; y++) {
      for (let x = area.x; x < area.x + area.width; x++) {
        this.#set({ text: character, width: 1 }, { x, y, style });
      }
    }
  }

  /** The text of one row, without the blanks at its end. */
  line(y: number): string {
    return this.texts.slice(y * this.columns, (y + 1) * this.columns).join("").trimEnd();
  }

  #set({ text, width }: Glyph, { x, y, style }: { x: number; y: number; style: Style }): void {
    if (y < 0 || y >= this.rows || x < 0 || x + width > this.columns) return;
    const at = y * this.columns + x;
    // Half of a wide character that is written over leaves a blank.
    if (this.texts[at] === "") this.texts[at - 1] = " ";
    const after = at + width;
    if (x + width < this.columns && this.texts[after] === "") this.texts[after] = " ";
    this.texts[at] = text;
    this.styles[at] = style;
    if (width === 2) {
      this.texts[at + 1] = "";
      this.styles[at + 1] = style;
    }
  }
}
