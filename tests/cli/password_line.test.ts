import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { PasswordLine } from "../../lib/cli/password_line.ts";

describe("PasswordLine", () => {
  it.each<[string, string]>([
    ["secret\r", "secret"],
    ["secret\nmore", "secret"],
    ["\r", ""],
    [" with spaces \r", " with spaces "],
    ["secrex\x7ft\r", "secret"],
    ["sé\x7fe\x08ecret\r", "secret"],
    ["\x7f\x7fa\r", "a"],
    ["wrong\x15right\r", "right"],
    ["pässwörd\x04", "pässwörd"],
  ])("takes %j as %j, however it arrives", (typed, text) => {
    const bytes = utf8(typed);
    expect(new PasswordLine().push(bytes)).toEqual({ text });
    const line = new PasswordLine();
    const answers = Array.from(bytes, (byte) => line.push(Uint8Array.of(byte)));
    expect(answers.find((answer) => answer !== null)).toEqual({ text });
  });

  it.each([["Ctrl-C", "abc\x03"], ["Ctrl-D on an empty line", "\x04"]])(
    "is interrupted by %s",
    (_title, typed) => {
      expect(new PasswordLine().push(utf8(typed))).toBe("interrupted");
    },
  );

  it("goes on until the line ends, and keeps no more than 1024 bytes", () => {
    const line = new PasswordLine();
    expect(line.push(utf8("a".repeat(5000)))).toBeNull();
    expect(line.push(utf8("\r"))).toEqual({ text: "a".repeat(1024) });
  });
});
