import { describe, expect, it } from "vitest";
import type { Facts } from "../../lib/policy/facts.ts";
import { admits, anonymous, asAnn, ask, factsOf, refusal } from "./_support.ts";

/** What a criterion comes to when it stands alone. */
function outcomeOf(criterion: Record<string, unknown>, facts: Facts) {
  return ask({ allow: { or: [criterion] } }, facts).allow;
}

const claims = { role: "dev" };

describe("A criterion says why", () => {
  it.each<[Record<string, unknown>, boolean, string]>([
    [{ accept: true }, true, "accept"],
    [{ accept: false }, true, "accept"],
    [{ reject: true }, false, "reject"],
    [{ reject: null }, false, "reject"],
    [{ authenticated_user: true }, true, "user-ok"],
    [{ authenticated_user: null }, true, "user-ok"],
    [{ email: "ann@example.com" }, true, "email-ok"],
    [{ email: "bob@example.com" }, false, "email-unauthorized"],
    [{ domain: "example.com" }, true, "domain-ok"],
    [{ domain: "example.org" }, false, "domain-unauthorized"],
    [{ user: "u-ann" }, true, "user-ok"],
    [{ user: "ann@example.com" }, false, "user-unauthorized"],
    [{ "claim/role": "dev" }, true, "claim-ok"],
    [{ "claim/role": "ops" }, false, "claim-unauthorized"],
    [{ groups: "ops" }, true, "groups-ok"],
    [{ groups: "dev" }, false, "groups-unauthorized"],
    [{ source_ip: "192.0.2.7" }, true, "source-ip-ok"],
    [{ source_ip: "192.0.2.8" }, false, "source-ip-unauthorized"],
  ])("%j is %s because of %s", (criterion, value, reason) => {
    expect(outcomeOf(criterion, asAnn({ claims }))).toEqual({ value, reasons: [reason] });
  });

  it.each<[Record<string, unknown>]>([
    [{ authenticated_user: true }],
    [{ email: { not: "x" } }],
    [{ domain: { not: "x" } }],
    [{ user: { not: "x" } }],
    [{ "claim/role": { exclude: "x" } }],
    [{ groups: { exclude: "x" } }],
  ])("%j is false for want of a session", (criterion) => {
    expect(outcomeOf(criterion, anonymous)).toEqual({ value: false, reasons: ["user-unauthenticated"] });
  });

  it.each<[Record<string, unknown>, boolean]>([
    [{ accept: true }, true],
    [{ reject: true }, false],
    [{ source_ip: "192.0.2.0/24" }, true],
    [{ source_ip: "10.0.0.0/8" }, false],
  ])("%j needs no session", (criterion, value) => {
    const outcome = outcomeOf(criterion, anonymous);
    expect(outcome.value).toBe(value);
    expect(outcome.reasons).not.toContain("user-unauthenticated");
  });
});

it("authenticated_user is false for a session without a user id", () => {
  expect(outcomeOf({ authenticated_user: true }, asAnn({ userId: "" })))
    .toEqual({ value: false, reasons: ["user-unauthorized"] });
});

describe("domain", () => {
  it.each([
    ["ann@example.com", "example.com", true],
    ["ann@sub.example.com", "example.com", false],
    ["ann@Example.com", "example.com", false],
    ['"x@example.com"@evil.test', "example.com", false],
    ['"x@evil.test"@example.com', "example.com", true],
    ["example.com", "example.com", false],
    ["@example.com", "example.com", true],
  ])("of %s being %s is %s", (email, domain, expected) => {
    expect(admits({ domain }, asAnn({ email }))).toBe(expected);
  });
});

describe("source_ip", () => {
  const everything = ["0.0.0.0/0", "::/0"];

  it.each<[unknown, string | null, boolean]>([
    ["10.0.0.0/8", "10.255.1.2", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["10.9.9.9/8", "10.0.0.1", true],
    ["192.0.2.7/32", "192.0.2.7", true],
    ["2001:db8::/32", "2001:db8::1", true],
    ["2001:db8::/32", "2001:db9::1", false],
    ["192.0.2.7", "::ffff:192.0.2.7", true],
    ["::/0", "192.0.2.7", false],
    ["0.0.0.0/0", "::1", false],
    [["10.0.0.0/8", "192.0.2.0/24", "2001:db8::1"], "192.0.2.200", true],
    [["10.0.0.0/8", "192.0.2.0/24", "2001:db8::1"], "2001:db8::1", true],
    [["10.0.0.0/8", "192.0.2.0/24", "2001:db8::1"], "192.0.3.1", false],
    [["10.0.0.0/8", "11.0.0.0/8"], "10.0.0.1", true],
    [["10.0.0.0/8", "11.0.0.0/8"], "11.0.0.1", true],
    [["192.0.2.7", "::/16"], "0:c000:207::", true],
    [["192.0.2.7/16", "c000:20a::/16"], "192.0.1.1", true],
    [[], "192.0.2.7", false],
    [everything, null, false],
    [everything, "", false],
    [everything, "example.com", false],
    [everything, "192.0.2.7:443", false],
    [everything, "192.0.2.7", true],
    [everything, "::1", true],
  ])("%j holds %s: %s", (source_ip, address, expected) => {
    expect(admits({ source_ip }, factsOf(null, address))).toBe(expected);
  });

  it.each<[unknown, string, (string | number)[]]>([
    ["10.0.0.0/33", "policy/bad-data", []],
    ["10.0.0", "policy/bad-data", []],
    ["example.com", "policy/bad-data", []],
    ["", "policy/bad-data", []],
    [null, "policy/bad-data", []],
    [true, "policy/bad-data", []],
    [{ is: "10.0.0.1" }, "policy/bad-data", []],
    [["10.0.0.1", "10.0.0.256"], "policy/bad-data", [1]],
    [["10.0.0.1", ["10.0.0.2"]], "policy/bad-data", [1]],
    [Array(10_001).fill("10.0.0.1"), "policy/too-large", []],
  ])("is refused with %j", (source_ip, code, path) => {
    const error = refusal({ deny: { nor: [{ source_ip }] } });
    expect([error.code, error.path]).toEqual([code, ["deny", "nor", 0, "source_ip", ...path]]);
  });
});

describe("A criterion is refused", () => {
  it.each(["emial", "constructor", "__proto__", "toString", "", "claims", "pomerium_routes"])(
    "named %j",
    (name) => {
      const error = refusal({ allow: { or: [JSON.parse(`{${JSON.stringify(name)}: 1}`)] } });
      expect([error.code, error.path]).toEqual(["policy/unknown-criterion", ["allow", "or", 0, name]]);
      expect(error.message).not.toContain("not available");
    },
  );

  it.each([["emai", "did you mean email?"], ["souce_ip", "did you mean source_ip?"]])(
    "named %s and says what was meant",
    (name, hint) => {
      expect(refusal({ allow: { or: [{ [name]: 1 }] } }).hint).toBe(hint);
    },
  );

  it.each(["record"])("%s, which is known but not available", (name) => {
    const error = refusal({ allow: { or: [{ [name]: "x" }] } });
    expect(error.code).toBe("policy/unknown-criterion");
    expect(error.message).toBe(`The criterion ${name} is known but not available in this version`);
  });

  it.each(["accept", "reject", "authenticated_user", "email", "domain", "user", "groups", "source_ip"])(
    "%s with a path",
    (name) => {
      const error = refusal({ allow: { or: [{ [`${name}/x`]: "10.0.0.1" }] } });
      expect([error.code, error.path]).toEqual(["policy/bad-subpath", ["allow", "or", 0, `${name}/x`]]);
    },
  );
});
