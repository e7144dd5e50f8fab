import { Grid } from "./grid.ts";
import type { TerminalFeatures } from "./terminal_features.ts";
import { type Style, styleSequence } from "./theme.ts";

/** Characters whose width no terminal disputes: Latin, box drawing, and the few signs that the pages use. */
const SURELY_NARROW = /^[\u0020-\u02ff\u2013\u2026\u2190-\u2193\u2500-\u257f\u25b8\u25be\ufffd]$/;
const ASCII = /^[ -~]$/;
const IN_ASCII: Readonly<Record<string, string>> = {
  "─": "-",
  "━": "=",
  "│": "|",
  "┌": "+",
  "┐": "+",
  "└": "+",
  "┘": "+",
  "…": "~",
  "–": "-",
  "▸": ">",
  "▾": "v",
  "↑": "^",
  "↓": "v",
  "←": "<",
  "→": ">",
};

/**
 * What brings a terminal from one picture to the next: only the cells that differ are written. Begins and ends with the
 * plain style, and leaves the cursor anywhere.
 *
 * @param options `from`: what it shows now; `null`, or of another size: unknown, so all of it is cleared first
 * @returns empty when nothing differs
 */
export function frameBytes(
  to: Grid,
  { from, features }: { from: Grid | null; features: Pick<TerminalFeatures, "colors" | "isUnicode"> },
): string {
  const isKnown = from !== null && from.columns === to.columns && from.rows === to.rows;
  const before = isKnown ? from : new Grid(to);
  const written = changedCells(to, { before, features });
  return `${isKnown ? "" : "\x1b[0m\x1b[2J"}${written}`;
}

function changedCells(
  to: Grid,
  { before, features }: { before: Grid; features: Pick<TerminalFeatures, "colors" | "isUnicode"> },
): string {
  const parts: string[] = [];
  let cursor = -1;
  let style: Style = "text";
  for (let at = 0; at < to.texts.length; at++) {
    const text = to.texts[at]!;
    if (text === "" || text === before.texts[at] && to.styles[at] === before.styles[at]) continue;
    if (cursor !== at) parts.push(`\x1b[${Math.floor(at / to.columns) + 1};${at % to.columns + 1}H`);
    if (style !== to.styles[at]) {
      style = to.styles[at]!;
      parts.push(styleSequence(style, features.colors));
    }
    const isWide = (at + 1) % to.columns !== 0 && to.texts[at + 1] === "";
    parts.push(features.isUnicode ? text : asciiOf(text, isWide));
    // After the last column, and after what another terminal may find wider, nobody knows where the cursor is.
    cursor = (at + 1) % to.columns !== 0 && SURELY_NARROW.test(text) ? at + 1 : -1;
  }
  if (style !== "text") parts.push("\x1b[0m");
  return parts.join("");
}

function asciiOf(text: string, isWide: boolean): string {
  const shown = ASCII.test(text) ? text : IN_ASCII[text] ?? "?";
  return isWide ? `${shown}?` : shown;
}
