import { describe, expect, it } from "vitest";
import { admits, asAnn, ask, refusal } from "./_support.ts";

type Path = (string | number)[];

function expectRefused(criterion: Record<string, unknown>, expected: { code: string; path: Path }): void {
  const { code, path } = refusal([{ allow: { or: [criterion] } }]);
  expect({ code, path: path.slice(0, 4) }).toEqual({ code: expected.code, path: [0, "allow", "or", 0] });
  expect(path.slice(4)).toEqual(expected.path);
}

describe("A text matcher", () => {
  it.each<[unknown, string, boolean]>([
    ["ann", "ann", true],
    ["ann", "Ann", false],
    ["ann", "anna", false],
    [7, "7", true],
    [true, "true", true],
    [{ is: "ann" }, "ann", true],
    [{ is: "ann" }, "bob", false],
    [{ is: 7 }, "7", true],
    [{ not: "ann" }, "bob", true],
    [{ not: "ann" }, "ann", false],
    [{ contains: "nn" }, "ann", true],
    [{ contains: "nn" }, "NN", false],
    [{ contains: "a.n" }, "ann", false],
    [{ starts_with: "an" }, "ann", true],
    [{ starts_with: "an" }, "joan", false],
    [{ ends_with: "an" }, "joan", true],
    [{ ends_with: "an" }, "ann", false],
    [{ in: ["ann", 7] }, "ann", true],
    [{ in: ["ann", 7] }, "7", true],
    [{ in: ["ann", 7] }, "bob", false],
    [{ in: [] }, "ann", false],
    [{ not_in: ["ann"] }, "bob", true],
    [{ not_in: ["ann"] }, "ann", false],
    [{ not_in: [] }, "ann", true],
    [{ starts_with: "a", ends_with: "n" }, "ann", true],
    [{ starts_with: "a", ends_with: "n" }, "abe", false],
    [{ starts_with: "a", ends_with: "n" }, "joan", false],
    [{ is: "ann", not: "ann" }, "ann", false],
    [["ann"], "ann", false],
    [["ann"], '["ann"]', false],
    [[], "", false],
  ])("%j of %j is %s", (matcher, userId, expected) => {
    expect(admits({ user: matcher }, asAnn({ userId }))).toBe(expected);
  });

  it.each<[string, unknown, string, Path]>([
    ["nothing", null, "policy/bad-data", ["user"]],
    ["an object without keys", {}, "policy/bad-data", ["user"]],
    ["an unknown key", { iz: "a" }, "policy/unknown-matcher", ["user", "iz"]],
    ["an unknown key beside a known one", { is: "a", has: "a" }, "policy/unknown-matcher", ["user", "has"]],
    ["__proto__ as key", JSON.parse('{"__proto__":"a"}'), "policy/unknown-matcher", ["user", "__proto__"]],
    ["a list for is", { is: ["a"] }, "policy/bad-data", ["user", "is"]],
    ["an object for not", { not: {} }, "policy/bad-data", ["user", "not"]],
    ["null for contains", { contains: null }, "policy/bad-data", ["user", "contains"]],
    ["a list for starts_with", { starts_with: [] }, "policy/bad-data", ["user", "starts_with"]],
    ["a list for ends_with", { ends_with: [] }, "policy/bad-data", ["user", "ends_with"]],
    ["a text for in", { in: "a" }, "policy/bad-data", ["user", "in"]],
    ["null in the list of in", { in: ["a", null] }, "policy/bad-data", ["user", "in", 1]],
    ["an object for not_in", { not_in: {} }, "policy/bad-data", ["user", "not_in"]],
    ["a list in the list of not_in", { not_in: [["a"]] }, "policy/bad-data", ["user", "not_in", 0]],
    ["a number that was rounded", 2 ** 53, "policy/bad-data", ["user"]],
    ["a number that is infinite", { in: [-Infinity] }, "policy/bad-data", ["user", "in", 0]],
    ["a text of 1025 characters", "a".repeat(1025), "policy/too-large", ["user"]],
    ["a list of 10,001 values", { in: Array(10_001).fill("a") }, "policy/too-large", ["user", "in"]],
  ])("is refused with %s", (_title, user, code, path) => {
    expectRefused({ user }, { code, path });
  });

  it("takes the longest text and the longest list", () => {
    const userId = "a".repeat(1024);
    expect(admits({ user: { in: [...Array(9_999).fill("b"), userId] } }, asAnn({ userId }))).toBe(true);
  });

  it.each([
    [{ iz: "a" }, "did you mean is?"],
    [{ startswith: "a" }, "did you mean starts_with?"],
    [
      { resembles: "a" },
      "known are is, not, contains, starts_with, ends_with, in, not_in, matches, ignore_case",
    ],
  ])("refused for %j says what was meant", (user, hint) => {
    expect(refusal({ allow: { or: [{ user }] } }).hint).toBe(hint);
  });
});

describe("ignore_case", () => {
  it.each<[unknown, string, boolean]>([
    [{ is: "Ann", ignore_case: true }, "aNN", true],
    [{ is: "Ann", ignore_case: false }, "ann", false],
    [{ not: "ANN", ignore_case: true }, "ann", false],
    [{ contains: "NN", ignore_case: true }, "ann", true],
    [{ starts_with: "AN", ignore_case: true }, "ann", true],
    [{ ends_with: "NN", ignore_case: true }, "ann", true],
    [{ in: ["BOB", "ANN"], ignore_case: true }, "ann", true],
    [{ not_in: ["ANN"], ignore_case: true }, "ann", false],
    [{ matches: "A[M-P]N", ignore_case: true }, "ann", true],
    [{ matches: "[^N]*", ignore_case: true }, "ann", false],
    [{ is: "Ann", starts_with: "x", ignore_case: true }, "ann", false],
    // Beyond ASCII: the Kelvin sign, the long s, the dotted capital I, umlauts.
    [{ is: "kate", ignore_case: true }, "\u212Aate", false],
    [{ matches: "kate", ignore_case: true }, "\u212Aate", false],
    [{ is: "boss", ignore_case: true }, "bo\u017Fs", false],
    [{ is: "i", ignore_case: true }, "\u0130", false],
    [{ is: "\u00C4", ignore_case: true }, "\u00E4", false],
    [{ is: "\u00C4A", ignore_case: true }, "\u00C4a", true],
    [{ is: "[", ignore_case: true }, "{", false],
    [{ is: "@", ignore_case: true }, "\u0060", false],
  ])("makes %j of %j %s", (matcher, userId, expected) => {
    expect(admits({ user: matcher }, asAnn({ userId }))).toBe(expected);
  });

  it.each<[unknown, unknown[], boolean]>([
    [{ has: "OPS", ignore_case: true }, ["staff", "Ops"], true],
    [{ is: "OPS", ignore_case: true }, ["ops"], true],
    [{ exclude: "OPS", ignore_case: true }, ["ops"], false],
    [{ matches: "O.*", ignore_case: true }, ["ops"], true],
    [{ has: "TRUE", ignore_case: true }, [true, null, {}], true],
  ])("makes %j of the list %j %s", (matcher, values, expected) => {
    expect(admits({ "claim/c": matcher }, asAnn({ claims: { c: values } }))).toBe(expected);
  });

  it.each<[string, unknown, string, Path]>([
    ["a text", { is: "a", ignore_case: "true" }, "policy/bad-data", ["user", "ignore_case"]],
    ["nothing", { is: "a", ignore_case: null }, "policy/bad-data", ["user", "ignore_case"]],
    ["no other key", { ignore_case: true }, "policy/bad-data", ["user"]],
  ])("is refused with %s", (_title, user, code, path) => {
    expectRefused({ user }, { code, path });
  });
});

describe("matches", () => {
  it.each<[unknown, unknown[], boolean]>([
    [{ matches: "team-\\d+" }, ["staff", "team-7"], true],
    [{ matches: "team-\\d+" }, ["team-7x", "xteam-7"], false],
    [{ matches: "7" }, [7], true],
    [{ matches: ".*" }, [null, {}, []], false],
    [{ matches: ".*" }, [], false],
  ])("%j of the list %j is %s", (matcher, values, expected) => {
    expect(admits({ "claim/c": matcher }, asAnn({ claims: { c: values } }))).toBe(expected);
  });

  it.each(["allow", "deny"])("denies for a text that is too long to compare, under %s", (action) => {
    const rules = { allow: { or: [{ accept: true }] }, [action]: { or: [{ user: { matches: "a*b" } }] } };
    const decision = ask(rules, asAnn({ userId: "a".repeat(4097) }));
    expect([decision.verdict, decision.allow.reasons]).toEqual(["denied", ["policy-error"]]);
  });
});

describe("A list matcher", () => {
  it.each<[unknown, string[], boolean]>([
    ["ops", ["staff", "ops"], true],
    ["op", ["staff", "ops"], false],
    ["Ops", ["ops"], false],
    ["ops", [], false],
    [7, ["7"], true],
    [{ has: "ops" }, ["staff", "ops"], true],
    [{ has: "dev" }, ["staff", "ops"], false],
    [{ is: "ops" }, ["ops"], true],
    [{ is: "ops" }, ["staff", "ops"], false],
    [{ is: "ops" }, ["ops", "ops"], false],
    [{ is: "ops" }, ["dev"], false],
    [{ is: "ops" }, [], false],
    [{ exclude: "ops" }, ["staff"], true],
    [{ exclude: "ops" }, ["staff", "ops"], false],
    [{ exclude: "ops" }, [], true],
    [{ has: "staff", exclude: "ops" }, ["staff"], true],
    [{ has: "staff", exclude: "ops" }, ["staff", "ops"], false],
    [{ has: "staff", exclude: "ops" }, ["dev"], false],
  ])("%j of %j is %s", (matcher, groups, expected) => {
    expect(admits({ groups: matcher }, asAnn({ groups }))).toBe(expected);
  });

  it.each<[string, unknown, string, Path]>([
    ["nothing", null, "policy/bad-data", ["groups"]],
    ["a bare list", ["ops"], "policy/bad-data", ["groups"]],
    ["an object without keys", {}, "policy/bad-data", ["groups"]],
    ["an unknown key", { hass: "ops" }, "policy/unknown-matcher", ["groups", "hass"]],
    ["a key of the other matcher", { in: ["ops"] }, "policy/unknown-matcher", ["groups", "in"]],
    ["a list for has", { has: ["ops"] }, "policy/bad-data", ["groups", "has"]],
    ["an object for is", { is: {} }, "policy/bad-data", ["groups", "is"]],
    ["null for exclude", { exclude: null }, "policy/bad-data", ["groups", "exclude"]],
  ])("is refused with %s", (_title, groups, code, path) => {
    expectRefused({ groups }, { code, path });
  });

  it("refused for an unknown key says what was meant", () => {
    expect(refusal({ allow: { or: [{ groups: { hass: "ops" } }] } }).hint).toBe("did you mean has?");
  });
});
