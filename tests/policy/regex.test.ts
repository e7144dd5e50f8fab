import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { admits, asAnn, refusal } from "./_support.ts";

function matches(pattern: string, userId: string): boolean {
  return admits({ user: { matches: pattern } }, asAnn({ userId }));
}

function faultOf(pattern: string): { code: string; message: string } {
  return refusal({ allow: { or: [{ user: { matches: pattern } }] } });
}

describe("A pattern", () => {
  it.each<[string, string, boolean]>([
    ["ann", "ann", true],
    ["ann", "anna", false],
    ["ann", "joann", false],
    ["", "a", false],
    ["a|bc", "bc", true],
    ["a|bc", "ac", false],
    ["a|", "a", true],
    ["a.c", "abc", true],
    ["a.c", "a\nc", false],
    ["a.c", "a😀c", true],
    ["😀{2}", "😀😀", true],
    ["[😀-😂]", "😁", true],
    ["[a-cx]+", "abcx", true],
    ["[a-cx]+", "abd", false],
    ["[a-cb]", "c", true],
    ["[b-da-c]", "d", true],
    ["[^a-c]", "d", true],
    ["[^a-c]", "b", false],
    ["[-a]", "-", true],
    ["[a-]", "-", true],
    ["[\\]]", "]", true],
    ["[\\d_]+", "1_2", true],
    ["[^\\d]", "1", false],
    ["[.]", "x", false],
    ["\\.", "x", false],
    ["\\d\\D\\w\\W\\s\\S", "1a_- x", true],
    ["\\x41\\x{1F600}", "A😀", true],
    ["\\t\\n\\r\\f\\v", "\t\n\r\f\v", true],
    ["(?:ab)+", "abab", true],
    ["(?P<name>ab)(?<other>c)", "abc", true],
    ["a*?b+?", "aab", true],
    ["a{0}b", "b", true],
    ["a{2}", "a", false],
    ["a{2,}", "aaa", true],
    ["a{2,3}", "aaaa", false],
    ["(a{1,2}){2}", "aaaa", true],
    ["^a$", "a", true],
    ["\\Aa\\z", "a", true],
    ["a^b", "ab", false],
    ["(^|x)a", "xa", true],
    ["(^|x)a", "ya", false],
    ["a($|b)", "ab", true],
    ["a$b", "ab", false],
    ["$", "a", false],
    ["a$", "a\n", false],
    ["(a*)*b", "aab", true],
    ["(|a)*b", "aab", true],
    ["}]", "}]", true],
  ])("%j of %j is %s", (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  it("can match the empty text", () => {
    const empty = (pattern: string) => admits({ email: { matches: pattern } }, asAnn({ email: "" }));
    expect(["", "^$", "$^", "a*", "()"].map(empty)).toEqual([true, true, true, true, true]);
    expect(["a", ".", "a+"].map(empty)).toEqual([false, false, false]);
  });

  it.each([
    ["(a)\\1", "a back reference, \\1"],
    ["(?P<n>a)\\k<n>", "a back reference, \\k"],
    ["a(?=b)", "lookahead, (?="],
    ["a(?!b)", "lookahead, (?!"],
    ["(?<=a)b", "lookbehind, (?<="],
    ["(?<!a)b", "lookbehind, (?<!"],
    ["(?>a)", "an atomic group, (?>"],
    ["(?i)a", "flags within the pattern, (?"],
    ["(?i:a)", "flags within the pattern, (?"],
    ["(?#a)", "a comment, (?#"],
    ["\\bann\\b", "a word boundary, \\b"],
    ["[\\b]", "a word boundary, \\b"],
    ["\\p{L}", "a Unicode class, \\p"],
    ["[[:alpha:]]", "a POSIX class, [:"],
    ["\\u0041", "\\u"],
    ["\\Q.\\E", "\\Q"],
    ["\\x4", "\\x without"],
    ["\\x{110000}", "\\x without"],
    ["a++", "a possessive repetition"],
    ["a**", "a repetition of a repetition"],
    ["*a", "a repetition of nothing"],
    ["(+)", "a repetition of nothing"],
    ["^*", "a repetition of ^ or $"],
    ["a{3,2}", "the wrong way round"],
    ["a{", "write \\{"],
    ["a{,3}", "write \\{"],
    ["[]", "an empty class"],
    ["[z-a]", "the wrong way round"],
    ["[\\d-z]", "a range from or to a class"],
    ["[a", "a [ without ]"],
    ["[a-", "a [ without ]"],
    ["(a", "a ( without )"],
    ["a)", "a ) without ("],
    ["a\\", "a backslash at the end"],
  ])("%j is refused and named", (pattern, found) => {
    const { code, message } = faultOf(pattern);
    expect(code).toBe("policy/bad-data");
    expect(message).toContain(found);
  });

  it.each([
    ["one count too high", "a{1001}"],
    ["a count far too high", "a{0,99999}"],
    ["nested counts", "(a{100}){10}"],
    ["deeply nested counts", "(((a{30}){30}){30}){30}"],
    ["nested counts of nothing", "((((){1000}){1000}){1000}){1000}"],
    ["counted alternatives", "(a|b|c){400}"],
    ["51 groups within each other", "(".repeat(51) + ")".repeat(51)],
    ["1025 characters", "a".repeat(1025)],
  ])("of %s is refused as too large", (_title, pattern) => {
    expect(faultOf(pattern).code).toBe("policy/too-large");
  });

  it("of the largest size is taken", () => {
    expect(matches("a{998}", "a".repeat(998))).toBe(true);
    expect(matches("(".repeat(50) + "a" + ")".repeat(50), "a")).toBe(true);
  });
});

/** Each would take longer than the age of the universe by going back. */
it.each([
  ["(a+)+$", `${"a".repeat(4000)}b`, false],
  ["(a|aa)+", `${"a".repeat(4000)}b`, false],
  ["(a*)*b", "a".repeat(4000), false],
  ["(.*a){20}", "a".repeat(4000), true],
  ["(x+x+)+y", "x".repeat(4000), false],
  ["(a?){300}a{300}", "a".repeat(300), true],
])("the pattern %s takes one pass over a hostile text", (pattern, text, expected) => {
  expect(matches(pattern, text)).toBe(expected);
});

it("a pattern that needs more states than are kept still gives the right answer", () => {
  const pattern = "(a|b)*a(a|b){12}";
  const reference = new RegExp(`^(?:${pattern})$`);
  const texts = Array.from({ length: 200 }, (_, seed) => {
    let state = seed + 1;
    return Array.from({ length: 300 }, () => (state = state * 48271 % 2147483647) % 2 === 0 ? "a" : "b").join(
      "",
    );
  });
  const policyAnswers = texts.map((text) => matches(pattern, text));
  expect(policyAnswers).toEqual(texts.map((text) => reference.test(text)));
  expect(new Set(policyAnswers).size).toBe(2);
});

const atom = fc.constantFrom(
  "a",
  "b",
  ".",
  "[ab]",
  "[^a]",
  "[a-c]",
  "\\d",
  "\\w",
  "\\W",
  "\\.",
  "^",
  "$",
  "(?:)",
);
const { pattern } = fc.letrec<{ pattern: string; part: string }>((tie) => ({
  part: fc.oneof(
    { withCrossShrink: true, maxDepth: 4 },
    atom,
    fc.tuple(tie("part"), fc.constantFrom("*", "+", "?", "{2}", "{1,2}", "{0,1}", "{2,}", "*?"))
      .map(([part, times]) => `(?:${part})${times}`),
    tie("pattern").map((inner) => `(${inner})`),
  ),
  pattern: fc.oneof(
    { withCrossShrink: true, maxDepth: 4 },
    fc.array(tie("part"), { maxLength: 3 }).map((parts) => parts.join("")),
    fc.tuple(tie("pattern"), tie("pattern")).map(([a, b]) => `${a}|${b}`),
  ),
}));
const text = fc.string({ unit: fc.constantFrom("a", "b", "c", "A", "1", ".", "-", "\n"), maxLength: 7 });

it("a pattern matches what JavaScript says that it matches", () => {
  const seen = new Map([[true, 0], [false, 0]]);
  fc.assert(
    fc.property(
      pattern,
      fc.array(text, { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      (source, texts, ignoreCase) => {
        const reference = new RegExp(`^(?:${source})$`, ignoreCase ? "iu" : "u");
        for (const value of texts) {
          const expected = reference.test(value);
          const user = { matches: source, ignore_case: ignoreCase };
          expect(admits({ user }, asAnn({ userId: value }))).toBe(expected);
          seen.set(expected, seen.get(expected)! + 1);
        }
      },
    ),
    { numRuns: 5000 },
  );
  expect(Math.min(...seen.values())).toBeGreaterThan(500);
});

it("any text is a pattern or is refused as a policy", () => {
  const seen = new Set<string>();
  const unit = fc.constantFrom(..."ab()[]{}|*+?^$\\.-,:=!<>PdD1");
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 12 }), (source) => {
      try {
        matches(source, "ab");
        seen.add("taken");
      } catch (error) {
        expect(error).toHaveProperty("code");
        seen.add("refused");
      }
    }),
    { numRuns: 5000 },
  );
  expect(seen).toEqual(new Set(["taken", "refused"]));
});
