import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../lib/policy/compile.ts";
import { decide } from "../../lib/policy/decide.ts";
import { explain } from "../../lib/policy/explain.ts";
import type { Facts } from "../../lib/policy/facts.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import { type WhyNot, whyNot } from "../../lib/policy/why_not.ts";
import { recombined } from "./_recombined.ts";
import { anyFacts, anyPolicy } from "./_random.ts";
import { ann, anonymous, asAnn } from "./_support.ts";

function ask(data: unknown, facts: Facts): WhyNot {
  return whyNot(compilePolicy(parsePolicy(data)), facts);
}

/** Name, expected data and needed value of each change. */
function brief({ changes }: WhyNot): unknown {
  return changes?.map(({ name, expected, needed }) => [name, expected, needed]) ?? null;
}

const ACCEPT = { accept: true };
const REJECT = { reject: true };
const is = (email: string) => ({ email });

describe("whyNot()", () => {
  it.each<[string, unknown, Facts, unknown]>([
    ["nothing, when it is allowed", { allow: { or: [is("ann@example.com")] } }, asAnn(), []],
    ["the one criterion", { allow: { or: [is("bob")] } }, asAnn(), [["email", "bob", true]]],
    [
      "all criteria of an and that are false",
      {
        allow: { and: [is("bob"), { domain: "example.com" }, { groups: "dev" }] },
      },
      asAnn(),
      [["email", "bob", true], ["groups", "dev", true]],
    ],
    ["the first of several that would do", { allow: { or: [is("bob"), { groups: "dev" }] } }, asAnn(), [
      ["email", "bob", true],
    ]],
    [
      "the shortest of several ways",
      { allow: { and: [is("bob"), { groups: "dev" }], or: [{ user: "u-bob" }] } },
      asAnn(),
      [
        ["user", "u-bob", true],
      ],
    ],
    ["the criterion of a not", { allow: { not: [is("ann@example.com")] } }, asAnn(), [
      ["email", "ann@example.com", false],
    ]],
    ["one criterion of a nor", { allow: { nor: [is("ann@example.com"), { groups: "ops" }] } }, asAnn(), [
      ["email", "ann@example.com", false],
    ]],
    [
      "what denies",
      { allow: { or: [ACCEPT] }, deny: { or: [is("ann@example.com"), { groups: "ops" }] } },
      asAnn(),
      [
        ["email", "ann@example.com", false],
        ["groups", "ops", false],
      ],
    ],
    [
      "one part of what denies",
      { allow: { or: [ACCEPT] }, deny: { and: [is("ann@example.com"), { groups: "ops" }] } },
      asAnn(),
      [
        ["email", "ann@example.com", false],
      ],
    ],
    [
      "both halves",
      { allow: { or: [{ groups: "dev" }] }, deny: { or: [{ source_ip: "192.0.2.7" }] } },
      asAnn(),
      [
        ["groups", "dev", true],
        ["source_ip", "192.0.2.7", false],
      ],
    ],
    [
      "nested criteria",
      { allow: { and: [{ any_of: [{ all_of: [is("bob"), { groups: "dev" }] }, { user: "u-bob" }] }] } },
      asAnn(),
      [
        ["user", "u-bob", true],
      ],
    ],
    ["the same question once", { allow: { and: [is("bob"), { any_of: [is("bob"), is("eve")] }] } }, asAnn(), [
      ["email", "bob", true],
    ]],
    [
      "another way when the same question denies",
      {
        allow: { or: [is("bob"), { groups: "dev" }] },
        deny: { or: [is("bob")] },
      },
      asAnn(),
      [["groups", "dev", true]],
    ],
    ["nothing that could be done: no rule", [], asAnn(), null],
    ["nothing that could be done: reject", { allow: { and: [REJECT, is("bob")] } }, asAnn(), null],
    [
      "nothing that could be done: a deny of all",
      { allow: { or: [ACCEPT] }, deny: { or: [ACCEPT] } },
      asAnn(),
      null,
    ],
    [
      "nothing that could be done: a contradiction",
      { allow: { or: [is("bob")] }, deny: { or: [is("bob")] } },
      asAnn(),
      null,
    ],
    ["someone to sign in, and match", { allow: { or: [is("ann@example.com")] } }, anonymous, [
      ["email", "ann@example.com", true],
    ]],
    ["someone to sign in, and not match", { allow: { not: [is("bob")] } }, anonymous, [[
      "email",
      "bob",
      false,
    ]]],
    [
      "someone to sign in on a public route",
      { allow: { or: [ACCEPT] }, deny: { or: [is("bob")] } },
      anonymous,
      [
        ["email", "bob", false],
      ],
    ],
    ["a device", { allow: { or: [{ device: { type: "any" } }] } }, asAnn(), [[
      "device",
      { type: "any" },
      true,
    ]]],
    [
      "a certificate",
      { allow: { or: [ACCEPT] }, deny: { or: [{ invalid_client_certificate: true }] } },
      anonymous,
      [
        ["invalid_client_certificate", true, false],
      ],
    ],
    [
      "nothing that could be done about a certificate that must be missing",
      {
        allow: { or: [ACCEPT] },
        deny: { not: [{ invalid_client_certificate: true }] },
      },
      anonymous,
      null,
    ],
  ])("names %s", (_title, data, facts, expected) => {
    const answer = ask(data, facts);
    expect(brief(answer)).toEqual(expected);
    expect(answer.isSmallest).toBe(true);
  });

  it("says where each stands, and what was compared", () => {
    const rules = [{ allow: { and: [{ "claim/role": "ops" }, { any_of: [{ "claim/role": "ops" }] }] } }];
    expect(ask(rules, asAnn({ claims: { role: "dev" } })).changes).toEqual([{
      name: "claim",
      subpath: "role",
      places: [
        { relativeTo: "policy", path: [0, "allow", "and", 0, "claim/role"] },
        { relativeTo: "policy", path: [0, "allow", "and", 1, "any_of", 0, "claim/role"] },
      ],
      expected: "ops",
      found: ["dev"],
      reason: "claim-unauthorized",
      needed: true,
    }]);
  });

  it("names a criterion that fails to be decided", () => {
    const broken = Object.defineProperty({ ...ann }, "groups", {
      get() {
        throw new Error("no directory");
      },
    });
    const { changes } = ask({ allow: { or: [ACCEPT, { groups: "ops" }] } }, { ...asAnn(), session: broken });
    expect(changes).toMatchObject([{ name: "groups", found: null, reason: "policy-error" }]);
  });
});

describe("whyNot() of a large policy", () => {
  const many = (count: number, from = 0) =>
    Array.from({ length: count }, (_, i) => is(`user-${from + i}@example.com`));

  it("is exact as long as few changes do", () => {
    const answer = ask({ allow: { or: many(500) }, deny: { or: [{ groups: "ops" }] } }, asAnn());
    expect(brief(answer)).toEqual([["email", "user-0@example.com", true], ["groups", "ops", false]]);
    expect(answer.isSmallest).toBe(false);
    expect(ask({ allow: { or: many(500) } }, asAnn()).isSmallest).toBe(true);
  });

  it("puts a set together that would do, and says that a smaller one may", () => {
    const rules = [
      { allow: { and: many(30), nor: [ACCEPT] } },
      { allow: { and: many(12, 100) } },
      { deny: { or: [{ groups: "ops" }, { all_of: [{ groups: "staff" }, { user: "u-ann" }] }] } },
    ];
    const { changes, isSmallest } = ask(rules, asAnn());
    expect(isSmallest).toBe(false);
    expect(changes?.length).toBe(14);
    expect(changes?.filter(({ needed }) => !needed).map(({ expected }) => expected)).toEqual([
      "ops",
      "staff",
    ]);
  });

  it("does so for someone who is not signed in", () => {
    const { changes, isSmallest } = ask({ allow: { and: many(20) }, deny: { or: many(20, 100) } }, anonymous);
    expect([changes?.length, isSmallest]).toEqual([40, false]);
  });

  it("settles what would go on asking someone to sign in, though its value is right", () => {
    const rules = { allow: { and: many(20) }, deny: { and: [is("bob"), REJECT] } };
    const { changes } = ask(rules, anonymous);
    expect(changes?.length).toBe(21);
    expect(changes?.filter(({ needed }) => !needed).map(({ expected }) => expected)).toEqual(["bob"]);
  });

  it("does not want of a question what a deny forbids", () => {
    const rules = [{ allow: { and: [is("bob"), ...many(19)] } }, { allow: { and: many(21, 100) } }, {
      deny: { or: [is("bob")] },
    }];
    const { changes } = ask(rules, anonymous);
    expect(changes?.length).toBe(22);
    expect(changes?.[0]).toMatchObject({ expected: "bob", needed: false });
  });

  it("says when it has found nothing", () => {
    const rules = { allow: { and: many(30) }, deny: { and: many(30) } };
    expect(ask({ allow: { and: [...many(30), REJECT] } }, asAnn())).toEqual({
      changes: null,
      isSmallest: false,
    });
    expect(ask(rules, asAnn()).isSmallest).toBe(false);
  });

  it("of 10,000 criteria ends", () => {
    expect(ask({ allow: { and: many(10_000) } }, asAnn()).changes?.length).toBe(10_000);
  });
});

it("whyNot() names nothing if and only if the request is allowed, and else what makes allow true and deny false", () => {
  const seen = { allowed: 0, possible: 0, impossible: 0 };
  fc.assert(
    fc.property(anyPolicy, anyFacts, (data, facts) => {
      const policy = compilePolicy(parsePolicy(data));
      const { changes, isSmallest } = whyNot(policy, facts);
      const isAllowed = decide(policy, facts).verdict === "allowed";
      expect(changes?.length === 0).toBe(isAllowed);
      expect(isSmallest).toBe(true);
      seen[isAllowed ? "allowed" : changes === null ? "impossible" : "possible"]++;
      if (changes === null) return;
      const instead = new Map(
        changes.flatMap(({ places, needed }) => places.map(({ path }) => [path.join("/"), needed] as const)),
      );
      const { allow, deny } = explain(policy, facts);
      expect(allow.blocks.some((block) => recombined(block, { instead }))).toBe(true);
      expect(deny.blocks.some((block) => recombined(block, { instead }))).toBe(false);
    }),
    { numRuns: 1000 },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(20);
});
