import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../lib/policy/compile.ts";
import { PolicyError } from "../../lib/policy/errors.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import { refusal } from "./_support.ts";

const accept = { accept: true };

describe("parsePolicy() reads", () => {
  it("an object alone like a list of one", () => {
    const [alone, listed] = [{ deny: { nor: [accept] } }, [{ deny: { nor: [accept] } }]].map(parsePolicy);
    expect(alone?.blocks).toMatchObject([{
      action: "deny",
      operator: "nor",
      criteria: [{ name: "accept" }],
    }]);
    expect(listed?.blocks).toMatchObject([{
      action: "deny",
      operator: "nor",
      criteria: [{ name: "accept" }],
    }]);
  });

  it("every block of every rule, in order", () => {
    const data = [{ allow: { and: [accept], or: [accept] }, deny: { not: [accept] } }, {
      allow: { nor: [accept] },
    }];
    expect(parsePolicy(data).blocks.map(({ action, operator }) => `${action} ${operator}`))
      .toEqual(["allow and", "allow or", "deny not", "allow nor"]);
  });

  it.each([
    ["email", "email", null],
    ["claim/groups", "claim", "groups"],
    ["claim/a/b.c", "claim", "a/b.c"],
    ["claim/", "claim", ""],
  ])("the criterion %s as %s with the path %s", (key, name, subpath) => {
    const [block] = parsePolicy([{ allow: { or: [{ [key]: "x" }] } }]).blocks;
    expect(block?.criteria).toEqual([
      { name, subpath, data: "x", place: { relativeTo: "policy", path: [0, "allow", "or", 0, key] } },
    ]);
  });

  it.each([
    ["no rules", []],
    ["a rule without actions", {}],
    ["an action without operators", { allow: {} }],
    ["operators with empty lists", { allow: { and: [], or: [], not: [], nor: [] } }],
    ["a key action beside the operators", { allow: { action: "whatever" } }],
  ])("%s as no block at all", (_title, data) => {
    expect(parsePolicy(data).blocks).toEqual([]);
  });
});

describe("parsePolicy() refuses", () => {
  it.each<[string, unknown, string, (string | number)[]]>([
    ["null", null, "policy/not-an-object", []],
    ["a text", "allow", "policy/not-an-object", []],
    ["a rule that is a text", [{}, "allow"], "policy/not-an-object", [1]],
    ["a list in the list", [[{}]], "policy/not-an-object", [0]],
    ["an unknown action", [{ alow: {} }], "policy/unknown-action", [0, "alow"]],
    ["an action of Object.prototype", [{ constructor: {} }], "policy/unknown-action", [0, "constructor"]],
    ["an action without a body", { allow: null }, "policy/not-an-object", ["allow"]],
    ["criteria right under the action", { deny: [accept] }, "policy/not-an-object", ["deny"]],
    ["an unknown operator", { allow: { nand: [] } }, "policy/unknown-operator", ["allow", "nand"]],
    ["an operator of Object.prototype", JSON.parse('{"allow":{"__proto__":[]}}'), "policy/unknown-operator", [
      "allow",
      "__proto__",
    ]],
    ["an operator with an object", { allow: { or: accept } }, "policy/operator-not-a-list", ["allow", "or"]],
    ["an operator with nothing", [{ allow: { or: null } }], "policy/operator-not-a-list", [0, "allow", "or"]],
    ["a criterion without a key", { allow: { or: [{}] } }, "policy/criterion-not-one-key", [
      "allow",
      "or",
      0,
    ]],
    [
      "a criterion with two keys",
      { allow: { or: [accept, { email: 1, user: 2 }] } },
      "policy/criterion-not-one-key",
      [
        "allow",
        "or",
        1,
      ],
    ],
    ["a criterion that is a text", { allow: { or: ["accept"] } }, "policy/criterion-not-one-key", [
      "allow",
      "or",
      0,
    ]],
    ["a criterion that is a list", { allow: { or: [[accept]] } }, "policy/criterion-not-one-key", [
      "allow",
      "or",
      0,
    ]],
    ["a nested operator", { allow: { or: [{ and: [accept] }] } }, "policy/unknown-criterion", [
      "allow",
      "or",
      0,
      "and",
    ]],
  ])("%s", (_title, data, code, path) => {
    const error = refusal(data);
    expect({ code: error.code, path: error.path, relativeTo: error.relativeTo })
      .toEqual({ code, path, relativeTo: "policy" });
  });

  it.each([
    [{ alow: {} }, "did you mean allow?"],
    [{ allow: { ands: [] } }, "did you mean and?"],
    [{ allow: { xyzzy: [] } }, "known are and, or, not, nor"],
  ])("%j and says what was meant", (data, hint) => {
    expect(refusal(data).hint).toBe(hint);
  });

  it("the first fault of several", () => {
    expect(refusal([{ allow: { or: [{}] } }, { allow: { or: 1 } }]).path).toEqual([0, "allow", "or", 0]);
  });

  it("the criterion after the 10,000th, counted over all blocks", () => {
    const half = Array(5000).fill(accept);
    const data = [{ allow: { or: half } }, { deny: { and: half } }];
    expect(parsePolicy(data).blocks).toHaveLength(2);
    const error = refusal([...data, { allow: { or: [accept] } }]);
    expect([error.code, error.path]).toEqual(["policy/too-large", [2, "allow", "or", 0, "accept"]]);
  });

  it("more than 10,000 rules", () => {
    expect(parsePolicy(Array(10_000).fill({})).blocks).toEqual([]);
    const error = refusal(Array(10_001).fill({}));
    expect([error.code, error.path]).toEqual(["policy/too-large", []]);
  });

  it("a word of any length without repeating all of it", () => {
    const error = refusal({ allow: { ["\n".repeat(100_000)]: [] } });
    expect(error.message.length).toBeLessThan(200);
    expect(error.message).not.toContain("\n");
  });
});

const words = fc.constantFrom(
  "allow",
  "deny",
  "and",
  "or",
  "not",
  "nor",
  "email",
  "claim/a",
  "source_ip",
  "is",
  "in",
);
const nearlyPolicy = fc.letrec((tie) => ({
  node: fc.oneof(
    { depthSize: "medium" },
    fc.jsonValue({ maxDepth: 1 }),
    fc.array(tie("node"), { maxLength: 3 }),
    fc.dictionary(fc.oneof(words, fc.string()), tie("node"), { maxKeys: 3 }),
  ),
})).node;

it.each([["any JSON value", fc.jsonValue()], ["anything that looks like a policy", nearlyPolicy]])(
  "%s is either loaded or refused with PolicyError",
  (_title, values) => {
    fc.assert(
      fc.property(values, (data) => {
        try {
          compilePolicy(parsePolicy(data));
        } catch (error) {
          if (!(error instanceof PolicyError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  },
);
