import { compilePolicy } from "../../lib/policy/compile.ts";
import { decide } from "../../lib/policy/decide.ts";
import type { Facts } from "../../lib/policy/facts.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import type { Bench, Row } from "./bench.ts";

const RUN_MS = 500;
const BATCH = 10_000;

const POLICIES: Readonly<Record<string, unknown>> = {
  "who: email domain user groups claims": [
    {
      allow: {
        and: [
          { domain: "example.com" },
          { email: { ends_with: "@example.com" } },
          { "claim/groups": "ops@example.com" },
          { "claim/address/country": "DE" },
          { groups: "staff" },
        ],
        or: [{ email: { in: ["bob@example.com", "eve@example.com"] } }, { user: "u-bob" }],
      },
    },
    {
      deny: {
        or: [{ email: "mallory@example.com" }, { "claim/groups": "suspended" }, { user: { in: ["u-x"] } }],
      },
    },
  ],
  "all sorts: also address time pattern nesting": [
    {
      allow: {
        and: [
          { domain: "example.com" },
          { "claim/groups": "ops@example.com" },
          { source_ip: ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"] },
          { time_of_day: { after: "0:00", before: "23:59", timezone: "Europe/Berlin" } },
          { day_of_week: "mon-sun" },
          { email: { matches: "[a-z]+@example\\.com" } },
        ],
      },
    },
    {
      deny: {
        or: [
          { email: "mallory@example.com" },
          { all_of: [{ user: "u-x" }, { groups: "guests" }] },
          { date: { after: "2099-01-01" } },
        ],
      },
    },
  ],
};

const FACTS: Facts = {
  routeId: "r-1",
  now: Date.UTC(2026, 0, 1, 12),
  sourceIp: "192.0.2.7",
  session: {
    sessionId: "s-1",
    userId: "u-alice",
    email: "alice@example.com",
    groups: ["staff", "ops"],
    claims: { groups: ["dev@example.com", "ops@example.com"], address: { country: "DE" } },
  },
};

/** Decisions. */
export const policyBench: Bench = {
  about: "Decides the same request again and again, on one core, by policies of ten criteria.",
  runs: 5,
  numbers: {},
  needsLoad: false,
  prepare: () => [{
    ...{ id: "decisions", title: "Decisions" },
    columns: [{ key: "perSecond", title: "decisions/s" }],
    rows: Object.entries(POLICIES).map(([name, data]) => row(name, data)),
  }],
};

function row(name: string, data: unknown): Row {
  const policy = compilePolicy(parsePolicy(data));
  const decideOnce = () => decide(policy, FACTS);
  const { verdict } = decideOnce();
  if (verdict !== "allowed") throw new TypeError(`The policy was meant to allow: it said ${verdict}`);
  perSecond(decideOnce);
  return { name, measure: () => Promise.resolve({ perSecond: perSecond(decideOnce) }) };
}

function perSecond(work: () => unknown): number {
  const startMs = performance.now();
  let count = 0;
  let elapsedMs = 0;
  while (elapsedMs < RUN_MS) {
    for (let i = 0; i < BATCH; i++) work();
    count += BATCH;
    elapsedMs = performance.now() - startMs;
  }
  return count / elapsedMs * 1000;
}
