import { describe, expect, it } from "vitest";
import { fromUtf8, utf8 } from "../../../lib/base/bytes.ts";
import { Lines, linesOf } from "../../../lib/gateway/workers/_lines.ts";

describe("Lines", () => {
  const text = "one\n\nthree is löng\nfour\nrest";
  const bytes = utf8(text);

  it.each(Array.from({ length: bytes.length + 1 }, (_, split) => [split]))(
    "gives whole lines only, whatever is split at %i",
    (split) => {
      const lines = new Lines(100);
      const found: string[] = [];
      for (const chunk of [bytes.slice(0, split), bytes.slice(split), utf8("\n")]) {
        const whole = lines.take(chunk);
        // It is the reader's buffer.
        chunk.fill(0);
        if (whole !== null) found.push(...linesOf(fromUtf8(whole)));
      }
      expect(found).toEqual(["one", "", "three is löng", "four", "rest"]);
    },
  );

  it.each([["12345"], ["1\n12345"]])("refuses %j where a line may have four bytes", (chunk) => {
    expect(() => new Lines(4).take(utf8(chunk))).toThrow(RangeError);
    const lines = new Lines(4);
    expect(() => [...chunk].map((character) => lines.take(utf8(character)))).toThrow(RangeError);
  });
});
