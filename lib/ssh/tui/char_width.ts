/** What stands in one cell of a terminal, or in two. */
export interface Glyph {
  /** One character with the marks above and below it. */
  readonly text: string;
  /** In cells. */
  readonly width: 1 | 2;
}

/** Shown in place of what a terminal would obey, hide or not know. */
const HARMLESS = "\ufffd";
const MAX_MARKS = 3;

const ASCII = /^[ -~]*$/;
/** Controls, among them those of writing direction, and what has no picture. */
const WITHOUT_PICTURE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
/** Joins and alternative pictures: terminals disagree on their width, and the text reads the same without. */
const DROPPED = /[\u200d\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/u;
const MARK = /[\p{Mn}\p{Me}\u1160-\u11ff\ud7b0-\ud7fb]/u;
const SINGLE_FLAG_LETTER = /[\u{1f1e6}-\u{1f1ff}]/u;
/** East_Asian_Width W and F (Unicode Standard Annex 11), but for what is drawn as a picture. */
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u3247\u3250-\u4dbf\u4e00-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{1b2fb}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]/u;
const PICTURE = /\p{Emoji_Presentation}/u;

/** How many cells a character takes in a terminal that goes by Unicode: 0 joins the one before it. */
export function charWidth(character: string): 0 | 1 | 2 {
  if (isPlain(character)) return 1;
  if (MARK.test(character)) return 0;
  if (SINGLE_FLAG_LETTER.test(character)) return 1;
  return WIDE.test(character) || PICTURE.test(character) ? 2 : 1;
}

/** Most characters are, and cost no regular expression. */
function isPlain(character: string): boolean {
  return character >= " " && character <= "~";
}

function harmless(character: string): string {
  if (isPlain(character)) return character;
  if (character === "\t") return " ";
  if (DROPPED.test(character)) return "";
  return WITHOUT_PICTURE.test(character) ? HARMLESS : character;
}

/**
 * What a terminal shows of a text, from left to right. Nothing of it can steer the terminal: controls become U+FFFD, and a
 * character carries at most three marks.
 */
export function* glyphsOf(text: string): Generator<Glyph> {
  let held: { text: string; readonly width: 1 | 2 } | null = null;
  let marks = 0;
  for (const character of text) {
    const shown = harmless(character);
    if (shown === "") continue;
    const width = charWidth(shown);
    if (width === 0) {
      if (held !== null && ++marks <= MAX_MARKS) held.text += shown;
      continue;
    }
    if (held !== null) yield held;
    held = { text: shown, width };
    marks = 0;
  }
  if (held !== null) yield held;
}

const BREAK = /(?<!(?:^| )-[A-Za-z]) /;

/** How many cells a text takes. */
export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const glyph of glyphsOf(text)) width += glyph.width;
  return width;
}

/** The part of a text that fits into `width` cells, with `…` for what does not. */
export function fitText(text: string, width: number): Glyph[] {
  const fitting: Glyph[] = [];
  let used = 0;
  for (const glyph of glyphsOf(text)) {
    fitting.push(glyph);
    used += glyph.width;
    if (used > width) break;
  }
  if (used <= width) return fitting;
  while (used > width - 1 && fitting.length > 0) used -= fitting.pop()!.width;
  return width > 0 ? [...fitting, { text: "…", width: 1 }] : [];
}

/**
 * Divides a text into lines of at most `width` cells, at spaces where there are some; an option such as `-R` stays beside its
 * argument. @param width at least 2
 */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  let used = 0;
  for (const word of text.split(BREAK)) {
    const wordWidth = textWidth(word);
    if (line !== "" && used + 1 + wordWidth > width) {
      lines.push(line);
      [line, used] = ["", 0];
    }
    if (line !== "") [line, used] = [`${line} `, used + 1];
    if (used + wordWidth <= width) {
      [line, used] = [line + word, used + wordWidth];
      continue;
    }
    for (const glyph of glyphsOf(word)) {
      if (used + glyph.width > width) {
        lines.push(line);
        [line, used] = ["", 0];
      }
      line += glyph.text;
      used += glyph.width;
    }
  }
  return [...lines, line];
}
