import { describe, expect, it } from "vitest";
import { compilePolicy, type RouteShorthands } from "../../lib/policy/compile.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import { anonymous, asAnn, ask, refusal } from "./_support.ts";

const claims = { groups: ["staff", "ops"], level: 3, address: { country: "NZ" } };

describe("The shorthand", () => {
  it.each<[RouteShorthands, string, string]>([
    //                                                 Ann        nobody
    [{ allowPublicUnauthenticatedAccess: true }, "allowed", "allowed"],
    [{ allowPublicUnauthenticatedAccess: false }, "denied", "denied"],
    [{ allowAnyAuthenticatedUser: true }, "allowed", "unauthenticated"],
    [{ allowAnyAuthenticatedUser: false }, "denied", "denied"],
    [{ allowedUsers: ["u-ann"] }, "allowed", "unauthenticated"],
    [{ allowedUsers: ["ann@example.com"] }, "allowed", "unauthenticated"],
    [{ allowedUsers: ["bob", "u-ann"] }, "allowed", "unauthenticated"],
    [{ allowedUsers: ["Ann@example.com"] }, "denied", "unauthenticated"],
    [{ allowedUsers: [] }, "denied", "denied"],
    [{ allowedDomains: ["example.org", "example.com"] }, "allowed", "unauthenticated"],
    [{ allowedDomains: ["example.org"] }, "denied", "unauthenticated"],
    [{ allowedDomains: [] }, "denied", "denied"],
    [{ allowedIdpClaims: { groups: ["dev", "ops"] } }, "allowed", "unauthenticated"],
    [{ allowedIdpClaims: { groups: ["dev"] } }, "denied", "unauthenticated"],
    [{ allowedIdpClaims: { groups: ["dev"], level: [3] } }, "allowed", "unauthenticated"],
    [{ allowedIdpClaims: { "address.country": ["NZ"] } }, "allowed", "unauthenticated"],
    [{ allowedIdpClaims: { groups: [] } }, "denied", "denied"],
    [{ allowedIdpClaims: {} }, "denied", "denied"],
    [{ allowedUsers: ["bob"], allowedDomains: ["example.com"] }, "allowed", "unauthenticated"],
    [{ allowPublicUnauthenticatedAccess: true, allowedIdpClaims: { groups: ["dev"] } }, "allowed", "allowed"],
    [
      { allowAnyAuthenticatedUser: true, allowedIdpClaims: { groups: ["dev"] } },
      "allowed",
      "unauthenticated",
    ],
  ])("%j makes Ann %s and nobody %s", (shorthands, forAnn, forNobody) => {
    expect(ask([], asAnn({ claims }), shorthands).verdict).toBe(forAnn);
    expect(ask([], anonymous, shorthands).verdict).toBe(forNobody);
  });

  it("widens the policy and never narrows it", () => {
    const policy = { allow: { or: [{ email: "bob@example.com" }] } };
    const bob = asAnn({ userId: "u-bob", email: "bob@example.com" });
    const shorthands = { allowedUsers: ["u-ann"] };
    expect(ask(policy, asAnn()).verdict).toBe("denied");
    expect(ask(policy, asAnn(), shorthands).verdict).toBe("allowed");
    expect(ask(policy, bob, shorthands).verdict).toBe("allowed");
  });

  it("yields to deny", () => {
    const policy = { deny: { or: [{ source_ip: "192.0.2.7" }] } };
    expect(ask(policy, anonymous, { allowPublicUnauthenticatedAccess: true }).verdict).toBe("denied");
  });

  it("says why it did not help", () => {
    const shorthands = { allowedUsers: ["bob"], allowedDomains: ["x"], allowedIdpClaims: { a: ["b"] } };
    expect(ask([], asAnn(), shorthands).allow.reasons)
      .toEqual(["user-unauthorized", "email-unauthorized", "domain-unauthorized", "claim-unauthorized"]);
  });
});

describe("Shorthands are refused", () => {
  it.each<[RouteShorthands, string, (string | number)[]]>([
    [
      { allowPublicUnauthenticatedAccess: true, allowAnyAuthenticatedUser: true },
      "policy/shorthand-conflict",
      ["allow_any_authenticated_user"],
    ],
    [{ allowPublicUnauthenticatedAccess: true, allowedUsers: ["a"] }, "policy/shorthand-conflict", [
      "allowed_users",
    ]],
    [{ allowPublicUnauthenticatedAccess: true, allowedDomains: ["a"] }, "policy/shorthand-conflict", [
      "allowed_domains",
    ]],
    [{ allowAnyAuthenticatedUser: true, allowedUsers: ["a"] }, "policy/shorthand-conflict", [
      "allowed_users",
    ]],
    [{ allowAnyAuthenticatedUser: true, allowedDomains: ["a"] }, "policy/shorthand-conflict", [
      "allowed_domains",
    ]],
    [{ allowedUsers: ["a", ""] }, "policy/bad-data", ["allowed_users", 1]],
    [{ allowedDomains: [""] }, "policy/bad-data", ["allowed_domains", 0]],
    [{ allowedUsers: ["a".repeat(1025)] }, "policy/too-large", ["allowed_users", 0]],
    [{ allowedUsers: Array(10_001).fill("a") }, "policy/too-large", ["allowed_users"]],
    [{ allowedIdpClaims: { "": ["a"] } }, "policy/bad-subpath", ["allowed_idp_claims", "", 0]],
    [{ allowedIdpClaims: { a: ["b", 2 ** 60] } }, "policy/bad-data", ["allowed_idp_claims", "a", 1]],
    [{ allowedIdpClaims: { a: Array(6000).fill("x"), b: Array(6000).fill("x") } }, "policy/too-large", [
      "allowed_idp_claims",
      "b",
      4000,
    ]],
  ])("(case %#)", (shorthands, code, path) => {
    const error = refusal([], shorthands);
    expect({ code: error.code, path: error.path, relativeTo: error.relativeTo })
      .toEqual({ code, path, relativeTo: "route" });
  });

  it.each<[RouteShorthands]>([
    [{ allowPublicUnauthenticatedAccess: true, allowAnyAuthenticatedUser: false, allowedUsers: [] }],
    [{ allowPublicUnauthenticatedAccess: false, allowAnyAuthenticatedUser: true, allowedDomains: [] }],
    [{ allowAnyAuthenticatedUser: false, allowedUsers: ["a"], allowedDomains: ["b"] }],
  ])("only together when both are set: %j passes", (shorthands) => {
    expect(compilePolicy(parsePolicy([]), shorthands).isEmpty).toBe(false);
  });
});

describe("isEmpty", () => {
  it.each<[unknown, RouteShorthands, boolean]>([
    [[], {}, true],
    [{ allow: { or: [] } }, { allowedUsers: [] }, true],
    [{ allow: { or: [{ reject: true }] } }, {}, false],
    [{ deny: { or: [{ reject: true }] } }, {}, false],
    [[], { allowedDomains: ["a"] }, false],
  ])("of %j with %j is %s", (data, shorthands, expected) => {
    expect(compilePolicy(parsePolicy(data), shorthands).isEmpty).toBe(expected);
  });
});
