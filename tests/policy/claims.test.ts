import { describe, expect, it } from "vitest";
import { admits, asAnn, refusal } from "./_support.ts";

/** Claims as they come from JSON, where `__proto__` is a key like any other. */
function claimsOf(json: string): Record<string, unknown> {
  return JSON.parse(json);
}

describe("claim/PATH", () => {
  it.each<[string, unknown, string, boolean]>([
    ["groups", "ops", '{"groups":["staff","ops"]}', true],
    ["groups", "dev", '{"groups":["staff","ops"]}', false],
    ["groups", "ops", '{"groups":"ops"}', true],
    ["groups", "ops", "{}", false],
    ["groups", "null", '{"groups":null}', false],
    ["groups", "undefined", "{}", false],
    ["groups", "", '{"groups":[]}', false],
    ["level", 3, '{"level":3}', true],
    ["level", "3", '{"level":3}', true],
    ["level", 3, '{"level":"3"}', true],
    ["level", 3, '{"level":[1,2,3]}', true],
    ["level", 3, '{"level":33}', false],
    ["admin", true, '{"admin":true}', true],
    ["admin", "true", '{"admin":true}', true],
    ["admin", true, '{"admin":false}', false],
    ["admin", "false", '{"admin":false}', true],
  ])("%s: %j of %s is %s", (path, data, json, expected) => {
    expect(admits({ [`claim/${path}`]: data }, asAnn({ claims: claimsOf(json) }))).toBe(expected);
  });

  it.each<[string, string, boolean]>([
    ["a/b", '{"a":{"b":"x"}}', true],
    ["a.b", '{"a":{"b":"x"}}', true],
    ["a/b.c", '{"a":{"b":{"c":["x"]}}}', true],
    ["a/b/c/d/e", '{"a":{"b":{"c":{"d":{"e":"x"}}}}}', true],
    ["a/b/c/d/e/f", '{"a":{"b":{"c":{"d":{"e":{"f":"x"}}}}}}', false],
    ["a/b/c/d/e/f", '{"a/b/c/d/e/f":"x"}', true],
    ["https://example.com/app/roles", '{"https://example.com/app/roles":["x"]}', true],
    ["a.b", '{"a.b":"x","a":{"b":"y"}}', true],
    ["a.b", '{"a.b":"y","a":{"b":"x"}}', false],
    ["a.b", '{"a.b":null,"a":{"b":"x"}}', false],
    ["a/b", '{"a":{"b":{"c":"x"}}}', false],
    ["a/b", '{"a":"x"}', false],
    ["a/b", '{"a":null}', false],
    ["a/0", '{"a":["x"]}', false],
    ["a/length", '{"a":"x"}', false],
    ["a//b", '{"a":{"":{"b":"x"}}}', true],
    ["a", '{"a":{"b":"x"}}', false],
    ["a", '{"a":[["x"]]}', false],
    ["a", '{"a":[{"x":"x"}]}', false],
    ["a", '{"a":[["y"],null,"x"]}', true],
  ])("%s finds x in %s: %s", (path, json, expected) => {
    expect(admits({ [`claim/${path}`]: "x" }, asAnn({ claims: claimsOf(json) }))).toBe(expected);
  });

  it.each([
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "__proto__/constructor",
    "constructor/name",
    "constructor.prototype",
    "own/__proto__",
    "own/constructor",
  ])("%s names nothing that was not sent", (path) => {
    const claims = { own: {} };
    expect(admits({ [`claim/${path}`]: { exclude: "x" } }, asAnn({ claims }))).toBe(true);
    for (const data of ["Object", "toString", "[object Object]", { is: "Object" }]) {
      expect(admits({ [`claim/${path}`]: data }, asAnn({ claims }))).toBe(false);
    }
  });

  it("is not given by a claim that came in through the prototype", () => {
    const claims = Object.create({ role: "admin" });
    expect(admits({ "claim/role": "admin" }, asAnn({ claims }))).toBe(false);
    expect(admits({ "claim/a/role": "admin" }, asAnn({ claims: { a: claims } }))).toBe(false);
  });

  it.each(["__proto__", "constructor", "a/__proto__/b"])("%s is found when it was sent", (path) => {
    const claims = claimsOf('{"__proto__":"x","constructor":["x"],"a":{"__proto__":{"b":"x"}}}');
    expect(admits({ [`claim/${path}`]: "x" }, asAnn({ claims }))).toBe(true);
  });

  it("counts the elements that cannot be compared when the list must be one value alone", () => {
    expect(admits({ "claim/a": { is: "x" } }, asAnn({ claims: { a: ["x"] } }))).toBe(true);
    expect(admits({ "claim/a": { is: "x" } }, asAnn({ claims: { a: ["x", {}] } }))).toBe(false);
    expect(admits({ "claim/a": { is: "x" } }, asAnn({ claims: { a: [["x"]] } }))).toBe(false);
  });

  it.each([
    ["without a path", "claim"],
    ["with an empty path", "claim/"],
    ["with a path of 257 characters", `claim/${"a".repeat(257)}`],
  ])("is refused %s", (_title, key) => {
    const { code, path } = refusal({ allow: { or: [{ [key]: "x" }] } });
    expect([code, path]).toEqual(["policy/bad-subpath", ["allow", "or", 0, key]]);
  });

  it("takes a path of 256 characters", () => {
    const name = "a".repeat(256);
    expect(admits({ [`claim/${name}`]: "x" }, asAnn({ claims: { [name]: "x" } }))).toBe(true);
  });
});
