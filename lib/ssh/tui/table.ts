import { textWidth } from "./char_width.ts";
import type { Grid } from "./grid.ts";
import type { Style } from "./theme.ts";

/** A column of a table. */
export interface Column {
  /** What stands above it. */
  readonly heading: string;
  /** How wide it would like to be, in cells. */
  readonly width: number;
  /** How narrow it may become; default: as wide as it would like to be. */
  readonly minWidth?: number;
  /** Default left. */
  readonly align?: "left" | "right";
}

/** What stands in one column of one row. */
export interface Cell {
  /** Cut when it is too long. */
  readonly text: string;
  /** Default `text`. */
  readonly style?: Style;
}

/** The width of each column within `width` cells: the widest give way first, and what is still too much is cut at the right. */
export function columnWidths(
  columns: readonly Column[],
  { width, gap }: { width: number; gap: number },
): number[] {
  const widths = columns.map((column) => column.width);
  let excess = widths.reduce((sum, one) => sum + one, 0) + gap * Math.max(0, columns.length - 1) - width;
  for (; excess > 0; excess--) {
    const yielding = columns.map((column, index) =>
      widths[index]! > (column.minWidth ?? column.width) ? widths[index]! : 0
    );
    const widest = yielding.indexOf(Math.max(...yielding));
    if (yielding[widest]! === 0) break;
    widths[widest]!--;
  }
  return widths;
}

/** Writes the cells of one row beside each other. @param options `only`: a style for all of them, in place of their own */
export function writeRow(
  grid: Grid,
  { cells, columns, widths, gap, x, y, width, only }: {
    cells: readonly Cell[];
    columns: readonly Column[];
    widths: readonly number[];
    gap: number;
    x: number;
    y: number;
    width: number;
    only?: Style | undefined;
  },
): void {
  const end = x + width;
  grid.fill({ x, y, width, height: 1 }, { style: only ?? "text" });
  let at = x;
  for (const [index, cell] of cells.entries()) {
    const fitting = Math.min(widths[index]!, end - at);
    if (fitting <= 0) break;
    grid.write(cell.text, {
      x: at,
      y,
      width: fitting,
      style: only ?? cell.style ?? "text",
      align: columns[index]!.align ?? "left",
    });
    at += fitting + gap;
  }
}

/** The width of the widest of these texts, within bounds, both inclusive. Looks at the first 200 only. */
export function widestOf(texts: Iterable<string>, { min, max }: { min: number; max: number }): number {
  let widest = min;
  let seen = 0;
  for (const text of texts) {
    if (++seen > 200 || widest >= max) break;
    widest = Math.max(widest, textWidth(text));
  }
  return Math.min(widest, max);
}
