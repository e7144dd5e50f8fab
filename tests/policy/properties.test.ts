import fc from "fast-check";
import { expect, it } from "vitest";
import type { Facts } from "../../lib/policy/facts.ts";
import { ask, factsOf } from "./_support.ts";

/** One criterion, with what it must come to, spelled out without the code under test. */
interface Sample {
  readonly criterion: Readonly<Record<string, unknown>>;
  readonly family: string;
  readonly asksPerson: boolean;
  readonly holds: (facts: Facts) => boolean;
}

const SAMPLES: readonly Sample[] = [
  { criterion: { accept: true }, family: "accept", asksPerson: false, holds: () => true },
  { criterion: { reject: true }, family: "reject", asksPerson: false, holds: () => false },
  {
    criterion: { source_ip: "10.0.0.0/8" },
    family: "source-ip",
    asksPerson: false,
    holds: (facts) => facts.sourceIp === "10.0.0.1",
  },
  { criterion: { authenticated_user: 1 }, family: "user", asksPerson: true, holds: () => true },
  {
    criterion: { email: "a@x" },
    family: "email",
    asksPerson: true,
    holds: (f) => f.session?.email === "a@x",
  },
  {
    criterion: { domain: { not: "x" } },
    family: "domain",
    asksPerson: true,
    holds: (f) => f.session?.email.endsWith("@x") === false,
  },
  {
    criterion: { user: { in: ["u1", "u3"] } },
    family: "user",
    asksPerson: true,
    holds: (f) => f.session?.userId !== "u2",
  },
  {
    criterion: { groups: { exclude: "g" } },
    family: "groups",
    asksPerson: true,
    holds: (f) => f.session?.groups.length === 0,
  },
  {
    criterion: { "claim/c": { has: 1 } },
    family: "claim",
    asksPerson: true,
    holds: (f) => f.session?.claims["c"] === 1,
  },
];

const session = fc.record({
  sessionId: fc.constant("s"),
  userId: fc.constantFrom("u1", "u2", "u3"),
  email: fc.constantFrom("a@x", "b@x", "a@y"),
  groups: fc.constantFrom([], ["g"]),
  claims: fc.constantFrom({}, { c: 1 }, { c: 2 }),
});
const facts = fc.record({
  session: fc.option(session),
  sourceIp: fc.constantFrom("10.0.0.1", "11.0.0.1", null),
}).map((part) => factsOf(part.session, part.sourceIp));

const list = fc.array(fc.constantFrom(...SAMPLES), { maxLength: 4 });
const body = fc.record({ and: list, or: list, not: list, nor: list }, { requiredKeys: [] });
const policy = fc.array(fc.record({ allow: body, deny: body }, { requiredKeys: [] }), { maxLength: 4 });

type Body = Readonly<Partial<Record<"and" | "or" | "not" | "nor", readonly Sample[]>>>;
interface Verdict {
  readonly value: boolean;
  readonly reasons: readonly string[];
}

function naiveSample(sample: Sample, facts: Facts): Verdict {
  if (sample.asksPerson && facts.session === null) return { value: false, reasons: ["user-unauthenticated"] };
  const value = sample.holds(facts);
  const fixed = sample.family === "accept" || sample.family === "reject";
  return { value, reasons: [fixed ? sample.family : `${sample.family}-${value ? "ok" : "unauthorized"}`] };
}

const invert = ({ value, reasons }: Verdict): Verdict => ({ value: !value, reasons });
const gather = (parts: readonly Verdict[]) => [...new Set(parts.flatMap((part) => part.reasons))];

function naiveAnd(parts: readonly Verdict[]): Verdict {
  const falses = parts.filter((part) => !part.value);
  return falses.length > 0
    ? { value: false, reasons: gather(falses) }
    : { value: true, reasons: gather(parts) };
}

function naiveOr(parts: readonly Verdict[]): Verdict {
  const trues = parts.filter((part) => part.value);
  return trues.length > 0
    ? { value: true, reasons: gather(trues) }
    : { value: false, reasons: gather(parts) };
}

function naiveHalf(bodies: readonly (Body | undefined)[], facts: Facts): Verdict {
  const blocks: Verdict[] = [];
  for (const body of bodies) {
    for (const [operator, samples] of Object.entries(body ?? {})) {
      if (samples.length === 0) continue;
      const parts = samples.map((sample) => naiveSample(sample, facts));
      if (operator === "and") blocks.push(naiveAnd(parts));
      if (operator === "or") blocks.push(naiveOr(parts));
      if (operator === "not") blocks.push(naiveAnd(parts.map(invert)));
      if (operator === "nor") blocks.push(naiveOr(parts.map(invert)));
    }
  }
  return naiveOr(blocks);
}

function toData(body: Body): Record<string, unknown> {
  const entries = Object.entries(body);
  return Object.fromEntries(entries.map(([op, samples]) => [op, samples.map((sample) => sample.criterion)]));
}

it("decide() agrees with the definition, criterion by criterion", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(policy, facts, (rules, facts) => {
      const data = rules.map((rule) => ({
        ...(rule.allow && { allow: toData(rule.allow) }),
        ...(rule.deny && { deny: toData(rule.deny) }),
      }));
      const decision = ask(data, facts);
      const allow = naiveHalf(rules.map((rule) => rule.allow), facts);
      const deny = naiveHalf(rules.map((rule) => rule.deny), facts);
      const asks = [...allow.reasons, ...deny.reasons].includes("user-unauthenticated");
      expect(decision.allow).toEqual(allow);
      expect(decision.deny).toEqual(deny);
      const otherwise = allow.value && !deny.value ? "allowed" : "denied";
      expect(decision.verdict).toBe(asks ? "unauthenticated" : otherwise);
      seen.add(decision.verdict);
    }),
    { numRuns: 3000 },
  );
  expect(seen).toEqual(new Set(["allowed", "denied", "unauthenticated"]));
});
