import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePolicy, type RouteShorthands } from "../../lib/policy/compile.ts";
import { decide } from "../../lib/policy/decide.ts";
import { type CriterionExplanation, explain } from "../../lib/policy/explain.ts";
import type { Facts } from "../../lib/policy/facts.ts";
import { formatExplanation } from "../../lib/policy/format_explanation.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import { sshKey } from "./_keys.ts";
import { ann, anonymous, asAnn } from "./_support.ts";
import { recombined } from "./_recombined.ts";
import { anyFacts, anyPolicy } from "./_random.ts";

function explained(data: unknown, facts: Facts, shorthands: RouteShorthands = {}) {
  return explain(compilePolicy(parsePolicy(data), shorthands), facts);
}

function transcript(data: unknown, facts: Facts, shorthands: RouteShorthands = {}): string[] {
  return formatExplanation(explained(data, facts, shorthands)).split("\n");
}

/** What one criterion that stands alone is explained as. */
function criterionOf(criterion: unknown, facts: Facts): CriterionExplanation {
  const part = explained({ allow: { or: [criterion] } }, facts).allow.blocks[0]!.parts[0]!;
  if (part.kind !== "criterion") throw new TypeError("This is a block");
  return part;
}

describe("explain()", () => {
  it("says for each criterion where it stands, what it compared, what it found, and why", () => {
    expect(
      explained(
        [{ allow: { and: [{ "claim/groups": { has: "ops" } }] } }],
        asAnn({ claims: { groups: ["dev"] } }),
      ),
    )
      .toEqual({
        verdict: "denied",
        allow: {
          value: false,
          reasons: ["claim-unauthorized"],
          blocks: [{
            kind: "block",
            relativeTo: "policy",
            path: [0, "allow", "and"],
            isShorthand: false,
            operator: "and",
            value: false,
            reasons: ["claim-unauthorized"],
            parts: [{
              kind: "criterion",
              relativeTo: "policy",
              path: [0, "allow", "and", 0, "claim/groups"],
              name: "claim",
              subpath: "groups",
              expected: { has: "ops" },
              found: ["dev"],
              value: false,
              reason: "claim-unauthorized",
            }],
          }],
        },
        deny: { value: false, reasons: [], blocks: [] },
      });
  });

  const key = sshKey("ann");
  const ssh = {
    username: "ann",
    publicKey: key.blob,
    certificate: {
      authorityKey: sshKey("ca").blob,
      principals: ["ann"],
      validAfter: 0,
      validBefore: Infinity,
    },
  };
  const noon = { ...asAnn(), now: Date.parse("2026-06-01T10:00:00Z") };

  it.each<[unknown, Facts, unknown]>([
    [{ accept: true }, anonymous, null],
    [{ authenticated_user: true }, asAnn(), "u-ann"],
    [{ email: "x" }, asAnn(), "ann@example.com"],
    [{ email: "x" }, anonymous, null],
    [{ domain: "x" }, asAnn(), "example.com"],
    [{ user: "x" }, asAnn(), "u-ann"],
    [{ groups: "x" }, asAnn(), ["staff", "ops"]],
    [{ "claim/a/b": "x" }, asAnn({ claims: { a: { b: 7 } } }), [7]],
    [{ source_ip: "10.0.0.0/8" }, asAnn(), "192.0.2.7"],
    [{ http_method: "x" }, asAnn(), null],
    [{ mcp_tool: "x" }, { ...asAnn(), mcpTool: "query" }, "query"],
    [{ device: { type: "any" } }, { ...asAnn(), device: { id: "d", type: "any", approved: true } }, {
      id: "d",
      type: "any",
      approved: true,
    }],
    [{ invalid_client_certificate: 1 }, asAnn(), null],
    [{ ssh_username: "x" }, { ...asAnn(), ssh }, "ann"],
    [{ ssh_username_matches_email: 1 }, { ...asAnn(), ssh }, { username: "ann", email: "ann@example.com" }],
    [{ ssh_username_matches_claim: "c" }, { ...asAnn(), ssh }, { username: "ann", claim: [] }],
    [{ ssh_publickey: key.line }, { ...asAnn(), ssh }, expect.stringMatching(/^SHA256:[\w+/]{43}$/)],
    [{ ssh_ca: key.line }, { ...asAnn(), ssh }, {
      authority: expect.stringMatching(/^SHA256:[\w+/]{43}$/),
      principals: ["ann"],
      validAfter: "1970-01-01T00:00:00.000Z",
      validBefore: "always",
    }],
    [{ date: "2026-01-01" }, noon, "2026-06-01T10:00:00.000Z"],
    [{ day_of_week: "mon" }, noon, "mon UTC"],
    [{ time_of_day: { after: "9:00", timezone: "Europe/Berlin" } }, noon, "12:00:00 Europe/Berlin"],
  ])("finds for %j what the criterion is about", (criterion, facts, found) => {
    expect(criterionOf(criterion, facts).found).toEqual(found);
  });

  it("cuts short what is long", () => {
    const { expected, found } = criterionOf(
      { "claim/c": { has: "x".repeat(1024) } },
      asAnn({ claims: { c: [..."abcdefghijklmnopqrstuvwxyz"] } }),
    );
    expect(expected).toEqual({ has: `${"x".repeat(200)}…` });
    expect(found).toEqual([..."abcdefghijklmnopqrst", "… 6 more"]);
  });

  it("bounds what is deep and wide", () => {
    const wide = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`k${index}`, index]));
    const { found } = criterionOf(
      { "claim/c": "x" },
      asAnn({ claims: { c: [{ a: { b: { c: { d: 1 } } } }, wide] } }),
    );
    const [deep, broad] = found as unknown[];
    expect(deep).toEqual({ a: { b: { c: "…" } } });
    expect(Object.keys(broad as object)).toHaveLength(21);
  });

  it("says which criterion fails to be decided", () => {
    const broken = Object.defineProperty({ ...ann }, "groups", {
      get() {
        throw new Error("no directory");
      },
    });
    const rules = { allow: { or: [{ accept: true }, { groups: "ops" }] } };
    const { verdict, allow } = explained(rules, { ...asAnn(), session: broken });
    expect([verdict, allow.value, allow.reasons]).toEqual(["denied", false, ["policy-error"]]);
    expect(allow.blocks[0]!.parts.map((part) => part.kind === "criterion" && [part.reason, part.found]))
      .toEqual([["accept", null], ["policy-error", null]]);
  });

  it("never tells the session or a key", () => {
    const rules = { allow: { or: [{ ssh_publickey: key.line }, { email: "x" }, { authenticated_user: 1 }] } };
    const text = JSON.stringify(
      explained(rules, { ...asAnn(), ssh }).allow.blocks[0]!.parts.map((part) =>
        part.kind === "criterion" ? part.found : null
      ),
    );
    expect(text).not.toContain("s-1");
    expect(text).not.toContain(key.line.split(" ")[1]!.slice(0, 20));
  });
});

it("explain() agrees with decide(), and each block with its parts", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(anyPolicy, anyFacts, (data, facts) => {
      const policy = compilePolicy(parsePolicy(data));
      const explanation = explain(policy, facts);
      const decision = decide(policy, facts);
      expect(explanation.verdict).toBe(decision.verdict);
      for (const half of ["allow", "deny"] as const) {
        const { value, reasons, blocks } = explanation[half];
        expect({ value, reasons }).toEqual(decision[half]);
        expect(blocks.some((block) => recombined(block))).toBe(value);
      }
      expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
      seen.add(decision.verdict);
    }),
    { numRuns: 2000 },
  );
  expect(seen).toEqual(new Set(["allowed", "denied", "unauthenticated", "device", "client-certificate"]));
});

describe("formatExplanation()", () => {
  it("writes a line for each rule and criterion", () => {
    const rules = [
      {
        allow: {
          and: [{ domain: { is: "example.com" } }, {
            any_of: [{ "claim/groups": "dev" }, { source_ip: ["10.0.0.0/8"] }],
          }],
        },
      },
      { allow: { or: [{ accept: true }] }, deny: { or: [{ email: "ann@example.com" }] } },
    ];
    expect(transcript(rules, asAnn())).toEqual([
      "denied",
      "✓ allow is true: accept",
      "  ✗ and ([0].allow.and)",
      '    ✓ domain {"is":"example.com"}, found "example.com": domain-ok',
      "    ✗ any_of ([0].allow.and[1].any_of)",
      '      ✗ claim/groups "dev", found []: claim-unauthorized',
      '      ✗ source_ip ["10.0.0.0/8"], found "192.0.2.7": source-ip-unauthorized',
      "  ✓ or ([1].allow.or)",
      "    ✓ accept true: accept",
      "✓ deny is true: email-ok",
      "  ✓ or ([1].deny.or)",
      '    ✓ email "ann@example.com", found "ann@example.com": email-ok',
      "",
    ]);
  });

  it("names the settings beside policy", () => {
    const shorthands = { allowedUsers: ["bob@example.com"], allowedIdpClaims: { role: ["ops"] } };
    expect(transcript([], anonymous, shorthands)).toEqual([
      "unauthenticated",
      "✗ allow is false: user-unauthenticated",
      "  ✗ or (settings beside policy)",
      '    ✗ allowed_users: user {"in":["bob@example.com"]}, found nothing: user-unauthenticated',
      '    ✗ allowed_users: email {"in":["bob@example.com"]}, found nothing: user-unauthenticated',
      '    ✗ allowed_idp_claims.role[0]: claim/role "ops", found nothing: user-unauthenticated',
      "✗ deny is false: no rule",
      "",
    ]);
    expect(transcript([], anonymous, { allowPublicUnauthenticatedAccess: true }).slice(0, 4)).toEqual([
      "allowed",
      "✓ allow is true: accept",
      "  ✓ or (settings beside policy)",
      "    ✓ allow_public_unauthenticated_access: accept: accept",
    ]);
  });

  it("says so when there is no rule at all", () => {
    expect(transcript([], asAnn())).toEqual([
      "denied",
      "✗ allow is false: no rule",
      "✗ deny is false: no rule",
      "",
    ]);
  });

  it("lets nothing through that a terminal would obey", () => {
    const evil = "\u001b[31mred\u009b2J\u202e\u2028\n";
    const lines = transcript(
      { allow: { or: [{ [`claim/${evil}`]: evil }] } },
      asAnn({ claims: { [evil]: evil } }),
    );
    expect(lines).toHaveLength(6);
    expect(lines[3]).toBe(
      "    ✓ claim/\\u{1b}[31mred\\u{9b}2J\\u{202e}\\u{2028}\\u{a} " +
        '"\\u001b[31mred\\u{9b}2J\\u{202e}\\u{2028}\\n", found ["\\u001b[31mred\\u{9b}2J\\u{202e}\\u{2028}\\n"]: claim-ok',
    );
  });
});
