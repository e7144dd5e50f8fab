import { describe, expect, it } from "vitest";
import { charWidth, fitText, glyphsOf, textWidth, wrapText } from "../../../lib/ssh/tui/char_width.ts";
import { requirePeer } from "../../_support/peers.ts";
import { run } from "../../_support/programs.ts";

/** Every assigned character that is no mark and has a picture, and whether Unicode calls it wide. */
const PYTHON = `
import sys, unicodedata as u
for c in range(0x20, 0x30000):
    if u.category(chr(c)) in ("Cn", "Cc", "Cf", "Cs", "Co", "Mn", "Me", "Zl", "Zp"): continue
    if 0x1160 <= c <= 0x11ff or 0xd7b0 <= c <= 0xd7fb or 0x1f1e6 <= c <= 0x1f1ff: continue
    print(c, 2 if u.east_asian_width(chr(c)) in "WF" else 1)
`;

describe("charWidth()", () => {
  it.each([["a", 1], ["é", 1], ["─", 1], ["漢", 2], ["ｱ", 1], ["Ａ", 2], ["😀", 2], ["☎", 1], ["⌚", 2], [
    "\u0301",
    0,
  ]])(
    "of %s is %i",
    (character, width) => expect(charWidth(character)).toBe(width),
  );

  it.skipIf(!requirePeer("python3"))(
    "is that of the Unicode database of Python, for all that it knows",
    async () => {
      const { stdout } = await run(["python3", ["-c", PYTHON]]);
      const rows = new TextDecoder().decode(stdout).trim().split("\n").map((line) =>
        line.split(" ").map(Number)
      );
      expect(rows.length).toBeGreaterThan(100_000);
      const wrong = rows.filter(([code, width]) => charWidth(String.fromCodePoint(code!)) !== width);
      expect(wrong.map(([code]) => code!.toString(16))).toEqual([]);
    },
  );
});

const texts = (text: string) => [...glyphsOf(text)].map((glyph) => glyph.text);

describe("glyphsOf()", () => {
  it.each([
    ["\x1b[2Jx", ["�", "[", "2", "J", "x"]],
    ["a\x07\x9b\x7fb", ["a", "�", "�", "�", "b"]],
    ["a\tb", ["a", " ", "b"]],
    ["\u202egpj.exe", ["�", "g", "p", "j", ".", "e", "x", "e"]],
    ["e\u0301a", ["e\u0301", "a"]],
    ["\u0301a", ["a"]],
    ["👩\u200d💻", ["👩", "💻"]],
    ["❤\ufe0f", ["❤"]],
    ["a\u0301\u0302\u0303\u0304\u0305", ["a\u0301\u0302\u0303"]],
    ["\ud800x", ["�", "x"]],
  ])("of %j", (text, expected) => expect(texts(text)).toEqual(expected));
});

it.each([["abc", 3, "abc"], ["abcd", 3, "ab…"], ["漢字", 3, "漢…"], ["漢字", 4, "漢字"], ["漢", 1, "…"], [
  "a",
  0,
  "",
]])(
  "fitText(%j, %i)",
  (text, width, expected) => expect(fitText(text, width).map((glyph) => glyph.text).join("")).toBe(expected),
);

it.each([
  ["one two three", 7, ["one two", "three"]],
  ["abcdefgh ij", 4, ["abcd", "efgh", "ij"]],
  ["漢字漢", 4, ["漢字", "漢"]],
  ["ssh -R a:22 b", 8, ["ssh", "-R a:22", "b"]],
  ["", 5, [""]],
])("wrapText(%j, %i)", (text, width, expected) => {
  expect(wrapText(text, width)).toEqual(expected);
  expect(Math.max(...wrapText(text, width).map(textWidth))).toBeLessThanOrEqual(width);
});
