import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../lib/policy/compile.ts";
import { decide } from "../../lib/policy/decide.ts";
import type { Facts, SessionFacts } from "../../lib/policy/facts.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import { ann, anonymous, asAnn, ask } from "./_support.ts";

const T = { email: "ann@example.com" };
const F = { domain: "example.org" };
const ACCEPT = { accept: true };
const REJECT = { reject: true };

describe("The operators", () => {
  it.each<[object[], boolean, boolean, boolean, boolean]>([
    //         and    or     not    nor
    [[T], true, true, false, false],
    [[F], false, false, true, true],
    [[T, ACCEPT], true, true, false, false],
    [[T, F], false, true, false, true],
    [[F, T], false, true, false, true],
    [[F, REJECT], false, false, true, true],
    [[T, T, F], false, true, false, true],
    [[F, F, T], false, true, false, true],
  ])("of %j are and %s, or %s, not %s, nor %s", (criteria, and, or, not, nor) => {
    const values = ["and", "or", "not", "nor"].map((operator) =>
      ask({ allow: { [operator]: criteria } }, asAnn()).allow.value
    );
    expect(values).toEqual([and, or, not, nor]);
  });

  it.each(["and", "or", "not", "nor"])("%s with an empty list counts as absent", (operator) => {
    expect(ask({ allow: { [operator]: [] } }, asAnn()).allow).toEqual({ value: false, reasons: [] });
    expect(ask({ allow: { or: [ACCEPT] }, deny: { [operator]: [] } }, asAnn()).verdict).toBe("allowed");
  });
});

describe("The reasons of", () => {
  it.each<[string, string, object[], boolean, string[]]>([
    ["a true and: all", "and", [T, ACCEPT], true, ["email-ok", "accept"]],
    ["a false and: the false parts", "and", [T, F, ACCEPT, REJECT], false, ["domain-unauthorized", "reject"]],
    ["a false and whose first part is false", "and", [F, T], false, ["domain-unauthorized"]],
    ["a true or: the true parts", "or", [F, T, REJECT, ACCEPT], true, ["email-ok", "accept"]],
    ["a true or whose first part is true", "or", [T, F], true, ["email-ok"]],
    ["a false or: all", "or", [F, REJECT], false, ["domain-unauthorized", "reject"]],
    ["a true not: all", "not", [F, REJECT], true, ["domain-unauthorized", "reject"]],
    ["a false not: the parts that are true", "not", [F, T, ACCEPT], false, ["email-ok", "accept"]],
    ["a true nor: the parts that are false", "nor", [T, F, REJECT], true, ["domain-unauthorized", "reject"]],
    ["a false nor: all", "nor", [T, ACCEPT], false, ["email-ok", "accept"]],
    ["the same reason twice: once", "and", [T, { email: { contains: "ann" } }, ACCEPT], true, [
      "email-ok",
      "accept",
    ]],
  ])("%s", (_title, operator, criteria, value, reasons) => {
    const both = { [operator]: criteria };
    const decision = ask({ allow: both, deny: both }, asAnn());
    expect(decision.allow).toEqual({ value, reasons });
    expect(decision.deny).toEqual({ value, reasons });
  });

  it("true blocks: only the true ones speak", () => {
    const rules = [{ allow: { and: [F], or: [T] } }, { allow: { or: [REJECT] } }, {
      allow: { not: [REJECT] },
    }];
    expect(ask(rules, asAnn()).allow).toEqual({ value: true, reasons: ["email-ok", "reject"] });
  });

  it("false blocks: all of them speak", () => {
    const rules = [{ allow: { and: [F, T], not: [ACCEPT] } }, { allow: { or: [REJECT] } }];
    expect(ask(rules, asAnn()).allow)
      .toEqual({ value: false, reasons: ["domain-unauthorized", "accept", "reject"] });
  });
});

describe("allow and deny", () => {
  const yes = { or: [ACCEPT] };
  const no = { or: [REJECT] };

  it.each<[object | undefined, object | undefined, string]>([
    [undefined, undefined, "denied"],
    [undefined, no, "denied"],
    [undefined, yes, "denied"],
    [no, undefined, "denied"],
    [no, no, "denied"],
    [no, yes, "denied"],
    [yes, undefined, "allowed"],
    [yes, no, "allowed"],
    [yes, yes, "denied"],
  ])("of %j and %j make %s", (allow, deny, verdict) => {
    const rule = { ...(allow && { allow }), ...(deny && { deny }) };
    expect(ask(rule, anonymous).verdict).toBe(verdict);
    expect(ask(rule, asAnn()).verdict).toBe(verdict);
  });

  it("in one rule or in many make no difference", () => {
    const together = { allow: { or: [F], and: [T] }, deny: { or: [F] } };
    const apart = [{ deny: { or: [F] } }, { allow: { or: [F] } }, { allow: { and: [T] } }];
    expect(ask(together, asAnn()).verdict).toBe("allowed");
    expect(ask(apart, asAnn()).verdict).toBe("allowed");
  });

  it("do not narrow each other across operators of a body", () => {
    expect(ask({ allow: { and: [ACCEPT], not: [T] } }, asAnn()).verdict).toBe("allowed");
    expect(ask({ allow: { or: [ACCEPT] }, deny: { and: [F], or: [T] } }, asAnn()).verdict).toBe("denied");
  });

  it("of nothing deny everyone without a reason and without signing in", () => {
    for (const facts of [anonymous, asAnn()]) {
      expect(ask([], facts)).toEqual({
        verdict: "denied",
        allow: { value: false, reasons: [] },
        deny: { value: false, reasons: [] },
      });
    }
  });
});

describe("Someone who is not signed in", () => {
  it.each<[string, unknown, string]>([
    ["is sent to sign in for an email", { allow: { or: [T] } }, "unauthenticated"],
    ["is sent to sign in by a deny of an email, even on a public route", [
      { allow: { or: [ACCEPT] } },
      { deny: { or: [T] } },
    ], "unauthenticated"],
    ["is not admitted by not an email", { allow: { not: [T] } }, "unauthenticated"],
    ["is not admitted by nor an email", { allow: { nor: [T] } }, "unauthenticated"],
    ["is not admitted by nor accept and an email", { allow: { nor: [ACCEPT, T] } }, "unauthenticated"],
    ["is admitted by accept or an email", { allow: { or: [ACCEPT, T] } }, "allowed"],
    ["is admitted by an email or accept", { allow: { or: [T, ACCEPT] } }, "allowed"],
    ["is admitted when another block does", { allow: { and: [T], or: [ACCEPT] } }, "allowed"],
    ["is admitted when another rule does", [{ allow: { and: [T] } }, { allow: { or: [ACCEPT] } }], "allowed"],
    ["is sent to sign in for accept and an email", { allow: { and: [ACCEPT, T] } }, "unauthenticated"],
    [
      "is sent to sign in when a false block among false ones asks",
      { allow: { or: [REJECT], and: [T] } },
      "unauthenticated",
    ],
    ["is sent to sign in when allow asks, though deny is true", {
      allow: { or: [T] },
      deny: { or: [ACCEPT] },
    }, "unauthenticated"],
    ["is sent to sign in when deny is true for want of a session", {
      allow: { or: [ACCEPT] },
      deny: { not: [T] },
    }, "unauthenticated"],
    ["is denied by a deny that needs no session", {
      allow: { or: [ACCEPT] },
      deny: { or: [T, { source_ip: "192.0.2.7" }] },
    }, "denied"],
    ["is denied when nothing asks for a session", { allow: { or: [REJECT] } }, "denied"],
    ["is sent to sign in by a deny alone that asks", { deny: { or: [T] } }, "unauthenticated"],
  ])("%s", (_title, data, verdict) => {
    expect(ask(data, anonymous).verdict).toBe(verdict);
  });

  it("and someone who is are told apart: signing in is never asked of the second", () => {
    expect(ask({ allow: { or: [F] } }, asAnn()).verdict).toBe("denied");
    expect(ask({ allow: { or: [F] } }, anonymous).verdict).toBe("unauthenticated");
  });
});

describe("A grant", () => {
  it("states the route, the session and the moment", () => {
    const facts = asAnn();
    const decision = ask({ allow: { or: [T] } }, facts);
    expect(decision).toMatchObject({
      verdict: "allowed",
      grant: { routeId: "r-1", sessionId: "s-1", decidedAt: 1_700_000_000_000 },
    });
    expect(decision.verdict === "allowed" && decision.grant.facts).toBe(facts);
  });

  it("names no session when nobody needed to sign in", () => {
    expect(ask({ allow: { or: [ACCEPT] } }, anonymous)).toMatchObject({ grant: { sessionId: null } });
  });

  it.each([["denied", asAnn()], ["unauthenticated", anonymous]])("is absent when %s", (verdict, facts) => {
    const decision = ask({ allow: { or: [F] } }, facts);
    expect(decision.verdict).toBe(verdict);
    expect(decision).not.toHaveProperty("grant");
  });
});

describe("A criterion that throws", () => {
  const broken: SessionFacts = Object.defineProperty({ ...ann }, "groups", {
    get() {
      throw new Error("no directory");
    },
  });
  const facts: Facts = { ...asAnn(), session: broken };

  it.each<[string, unknown]>([
    ["in allow", { allow: { or: [{ groups: "ops" }] } }],
    ["in allow after one that is true", { allow: { or: [ACCEPT, { groups: "ops" }] } }],
    ["under not", { allow: { not: [{ groups: "ops" }] } }],
    ["in deny", { allow: { or: [ACCEPT] }, deny: { or: [{ groups: "ops" }] } }],
    ["in deny under not", { allow: { or: [ACCEPT] }, deny: { not: [{ groups: "ops" }] } }],
  ])("%s denies", (_title, data) => {
    expect(ask(data, facts)).toEqual({
      verdict: "denied",
      allow: { value: false, reasons: ["policy-error"] },
      deny: { value: false, reasons: [] },
    });
  });

  it("denies even when the grant cannot be made", () => {
    const noSessionId = Object.defineProperty({ ...ann }, "sessionId", {
      get() {
        throw new Error("gone");
      },
    });
    expect(ask({ allow: { or: [ACCEPT] } }, { ...facts, session: noSessionId }).verdict).toBe("denied");
  });
});

it("A compiled policy gives the same answer each time", () => {
  const policy = compilePolicy(parsePolicy({ allow: { or: [F, T] }, deny: { and: [F] } }));
  const first = decide(policy, asAnn());
  expect(decide(policy, anonymous).verdict).toBe("unauthenticated");
  expect(decide(policy, asAnn())).toEqual(first);
});
