import { describe, expect, it } from "vitest";
import { anonymous, asAnn, ask, refusal } from "./_support.ts";

const T = { email: "ann@example.com" };
const F = { domain: "example.org" };
const ACCEPT = { accept: true };
const REJECT = { reject: true };

function outcomeOf(part: unknown, facts = asAnn()) {
  return ask({ allow: { or: [part] } }, facts).allow;
}

describe("Criteria in place of one", () => {
  it.each<[unknown, boolean, string[]]>([
    [{ all_of: [T, ACCEPT] }, true, ["email-ok", "accept"]],
    [{ all_of: [T, F, REJECT] }, false, ["domain-unauthorized", "reject"]],
    [{ any_of: [F, T, ACCEPT] }, true, ["email-ok", "accept"]],
    [{ any_of: [F, REJECT] }, false, ["domain-unauthorized", "reject"]],
    [{ none_of: [F, REJECT] }, true, ["domain-unauthorized", "reject"]],
    [{ none_of: [F, T] }, false, ["email-ok"]],
    [{ all_of: [{ any_of: [F, T] }, { none_of: [REJECT] }] }, true, ["email-ok", "reject"]],
    [{ all_of: [{ any_of: [F, REJECT] }, ACCEPT] }, false, ["domain-unauthorized", "reject"]],
    [{ none_of: [{ none_of: [T] }] }, true, ["email-ok"]],
    [{ none_of: [{ all_of: [T, ACCEPT] }] }, false, ["email-ok", "accept"]],
    [{ all_of: [ACCEPT, { all_of: [ACCEPT, T] }, T] }, true, ["accept", "email-ok"]],
  ])("%j is %s because of %j", (part, value, reasons) => {
    expect(outcomeOf(part)).toEqual({ value, reasons });
  });

  it("are joined by the operators like any other", () => {
    const both = { all_of: [T, F] };
    const values = ["and", "or", "not", "nor"].map((operator) =>
      ask({ allow: { [operator]: [both, ACCEPT] } }, asAnn()).allow.value
    );
    expect(values).toEqual([false, true, false, true]);
  });

  it("ask for a session like any other", () => {
    expect(ask({ allow: { or: [{ none_of: [T] }] } }, anonymous).verdict).toBe("unauthenticated");
    expect(ask({ allow: { or: [{ any_of: [T, ACCEPT] }] } }, anonymous).verdict).toBe("allowed");
  });

  it("say AND between operators, which a rule cannot", () => {
    const rule = { allow: { and: [{ domain: "example.com" }, { none_of: [{ email: "ann@example.com" }] }] } };
    expect(ask(rule, asAnn()).verdict).toBe("denied");
    expect(ask(rule, asAnn({ email: "bob@example.com" })).verdict).toBe("allowed");
  });

  const nest = (levels: number): unknown =>
    levels === 0 ? T : { [levels % 2 === 0 ? "all_of" : "any_of"]: [nest(levels - 1)] };

  it("go 8 levels deep", () => {
    expect(outcomeOf(nest(8))).toEqual({ value: true, reasons: ["email-ok"] });
    expect(refusal({ allow: { or: [nest(9)] } }).code).toBe("policy/too-large");
  });

  it.each<[unknown, string, (string | number)[]]>([
    [{ all_of: [] }, "policy/bad-data", ["all_of"]],
    [{ any_of: [] }, "policy/bad-data", ["any_of"]],
    [{ none_of: [] }, "policy/bad-data", ["none_of"]],
    [{ all_of: T }, "policy/operator-not-a-list", ["all_of"]],
    [{ all_of: null }, "policy/operator-not-a-list", ["all_of"]],
    [{ all_of: [{}] }, "policy/criterion-not-one-key", ["all_of", 0]],
    [{ all_of: [T, { any_of: ["x"] }] }, "policy/criterion-not-one-key", ["all_of", 1, "any_of", 0]],
    [{ all_of: [T, { emial: "x" }] }, "policy/unknown-criterion", ["all_of", 1, "emial"]],
    [{ all_of: [{ email: {} }] }, "policy/bad-data", ["all_of", 0, "email"]],
    [{ "all_of/x": [T] }, "policy/bad-subpath", ["all_of/x"]],
    [{ and: [T] }, "policy/unknown-criterion", ["and"]],
  ])("are refused: %j", (part, code, path) => {
    const error = refusal({ allow: { or: [ACCEPT, part] } });
    expect([error.code, error.path]).toEqual([code, ["allow", "or", 1, ...path]]);
  });

  it("count, however deep, toward the criteria of a policy", () => {
    const many = (count: number) => ({ allow: { or: [{ all_of: Array(count).fill(ACCEPT) }] } });
    expect(ask(many(9_999), anonymous).verdict).toBe("allowed");
    expect(refusal(many(10_000)).code).toBe("policy/too-large");
  });
});
