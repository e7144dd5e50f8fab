import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearestWord } from "../../lib/base/nearest.ts";

describe("nearestWord()", () => {
  it.each([
    ["emial", ["user", "email", "domain"], "email"],
    ["mail", ["email"], "email"],
    ["emaill", ["email"], "email"],
    ["amail", ["email"], "email"],
    ["ot", ["to"], "to"],
    ["a", ["b"], "b"],
    ["a", ["bc"], null],
    ["polcies", ["policy", "policies"], "policies"],
    ["xyz", ["email", "user"], null],
    ["", ["a"], "a"],
    ["", ["ab"], null],
    ["route", [], null],
    // 6 letters: two may differ, three may not.
    ["policy", ["pxlixy"], "pxlixy"],
    ["policy", ["pxlxxy"], null],
    // Two swaps are two edits.
    ["oplciy", ["policy"], "policy"],
    // A swap with something put in between is not one: ca -> abc takes three edits.
    ["ca", ["abc"], null],
    // The first of equals.
    ["cat", ["bat", "hat"], "bat"],
    ["cat", ["hut", "hat"], "hat"],
  ])("finds for %j among %j: %j", (word, candidates, expected) => {
    expect(nearestWord(word, candidates)).toBe(expected);
  });

  it("finds any word again with two neighbours swapped", () => {
    fc.assert(fc.property(fc.string({ minLength: 2, maxLength: 12 }), fc.nat(), (word, seed) => {
      const at = seed % (word.length - 1);
      const swapped = word.slice(0, at) + word[at + 1] + word[at] + word.slice(at + 2);
      expect(nearestWord(swapped, [word])).toBe(word);
    }));
  });
});
