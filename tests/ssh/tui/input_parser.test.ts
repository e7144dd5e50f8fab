import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../lib/base/bytes.ts";
import { type InputEvent, InputParser } from "../../../lib/ssh/tui/input_parser.ts";

const key = (name: string) => ({ type: "key", key: name });
const text = (character: string) => ({ type: "text", text: character });

const INPUT: readonly [string, unknown[]][] = [
  ["q", [text("q")]],
  ["\x03", [key("ctrl-c")]],
  ["\r\t\x7f", [key("enter"), key("tab"), key("backspace")]],
  ["é漢😀", [text("é"), text("漢"), text("😀")]],
  ["\x1b[A\x1b[B\x1bOC\x1bOD", [key("up"), key("down"), key("right"), key("left")]],
  ["\x1b[1;5A", [key("up")]],
  ["\x1b[5~\x1b[6~\x1b[1~\x1b[4~\x1b[3~", ["page-up", "page-down", "home", "end", "delete"].map(key)],
  ["\x1b[H\x1b[F\x1b[Z", [key("home"), key("end"), key("back-tab")]],
  ["\x1b[<0;5;3M\x1b[<0;5;3m", [{ type: "press", button: "left", x: 4, y: 2 }]],
  ["\x1b[<2;512;512M", [{ type: "press", button: "right", x: 511, y: 511 }]],
  ["\x1b[<64;1;1M\x1b[<65;1;1M\x1b[<66;1;1M", [
    { type: "wheel", direction: "up", x: 0, y: 0 },
    { type: "wheel", direction: "down", x: 0, y: 0 },
  ]],
  ["\x1b[<32;5;3M\x1b[<0;0;1M\x1b[<0;1M\x1b[<0;999999;1M", []],
  ["\x1b[M !!x", [text("x")]],
  ["\x1b[15~\x1b[?1;2cx", [text("x")]],
  ["\x1bq", [key("escape"), text("q")]],
  ["\x1b\x1b[A", [key("escape"), key("up")]],
  ["\x00\x1f", []],
];

function whole(parser: InputParser, chunks: Uint8Array[]): InputEvent[] {
  return [...chunks.flatMap((chunk) => parser.feed(chunk)), ...parser.flush()];
}

describe("InputParser", () => {
  it.each(INPUT)("reads %j", (input, expected) => {
    const parser = new InputParser();
    expect(parser.feed(utf8(input))).toEqual(expected);
    expect(parser.isWaiting).toBe(false);
  });

  it.each(INPUT)("reads %j in any two pieces", (input, expected) => {
    const bytes = utf8(input);
    for (let at = 0; at <= bytes.length; at++) {
      expect(whole(new InputParser(), [bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected);
    }
  });

  it("takes ESC for the key when nothing follows", () => {
    const parser = new InputParser();
    expect(parser.feed(utf8("a\x1b"))).toEqual([text("a")]);
    expect(parser.isWaiting).toBe(true);
    expect(parser.flush()).toEqual([key("escape")]);
    expect(parser.isWaiting).toBe(false);
  });

  it("takes any bytes, in any pieces, and keeps few of them", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom("\x1b", "\x1b[", "\x1b[<", "\x1b[M", "\x1bO", "1;1;1M", "漢", ";".repeat(50)).map(utf8),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (chunks) => {
        const joined = new Uint8Array(chunks.flatMap((chunk) => [...chunk]));
        expect(whole(new InputParser(), chunks as Uint8Array[])).toEqual(whole(new InputParser(), [joined]));
        const parser = new InputParser();
        for (const chunk of chunks) parser.feed(chunk);
        expect(parser.flush().length).toBeLessThanOrEqual(48);
        expect(parser.feed(utf8("q")).at(-1)).toEqual(text("q"));
      }),
      { numRuns: 500 },
    );
  });
});
