import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RegexError } from "../../lib/base/regex/regex_error.ts";
import { compileRewrite } from "../../lib/base/regex/rewrite.ts";

describe("compileRewrite()", () => {
  it.each([
    ["^/a/(.*)$", "/b/\\1", "/a/x/y", "/b/x/y"],
    ["/+", "/", "//a///b", "/a/b"],
    ["([a-z]+)/([a-z]+)", "\\2/\\1", "/ab/cd/ef", "/cd/ab/ef"],
    ["(?P<x>a)(?:b)(c)", "\\2\\1", "abc", "ca"],
    ["a", "\\0\\0", "banana", "baanaanaa"],
    ["a", "\\\\", "cat", "c\\t"],
    ["x*", "-", "abc", "-a-b-c-"],
    ["(a)|(b)", "[\\1\\2]", "ab", "[a][b]"],
    ["(a+?)(a*)", "\\1|\\2", "aaa", "a|aa"],
    ["(a+)(a*)", "\\1|\\2", "aaa", "aaa|"],
    ["a|ab", "x", "ab", "xb"],
    ["(ab|a)(bc)?", "<\\1>", "abc", "<ab>c"],
    ["b$", "x", "bb", "bx"],
    ["(.)", "\\1\\1", "😀", "😀😀"],
    ["none", "x", "text", "text"],
    ["a", "", "banana", "bnn"],
    ["a", "\\9", "cat", "ct"],
  ])("replaces %j with %j: %j becomes %j", (pattern, substitution, text, expected) => {
    expect(compileRewrite(pattern, substitution)(text)).toBe(expected);
  });

  it.each(["\\", "\\x", "a\\"])("refuses the substitution %j", (substitution) => {
    expect(() => compileRewrite("a", substitution)).toThrow(RegexError);
  });

  it("refuses texts and results of more than 8192 characters", () => {
    const double = compileRewrite("a", "aa");
    expect(() => double("a".repeat(8193))).toThrow(RangeError);
    expect(() => double("a".repeat(5000))).toThrow(RangeError);
  });

  it("replaces what JavaScript replaces", () => {
    const atoms = fc.constantFrom("a", "b", "(a)", "(b|ab)", "a*", "(a+?)", "b?", "(?:a|b)", "^", "$", ".");
    const patterns = fc.array(atoms, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(""));
    const texts = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 });
    fc.assert(fc.property(patterns, texts, (pattern, text) => {
      // An empty match just after another counts for JavaScript and not for RE2; both find the first one.
      const first = new RegExp(pattern).exec(text);
      const rewritten = compileRewrite(pattern, "<\\0;\\1>")(text);
      if (first === null) return rewritten === text;
      return rewritten.startsWith(`${text.slice(0, first.index)}<${first[0]};${first[1] ?? ""}>`);
    }));
  });
});
