import { describe, expect, it } from "vitest";
import type { BalancingPolicy } from "../../lib/config/upstream_settings.ts";
import { balancerOf, type Candidate } from "../../lib/upstream/balancer.ts";

const POLICIES: readonly BalancingPolicy[] = [
  "ROUND_ROBIN",
  "LEAST_REQUEST",
  "RANDOM",
  "RING_HASH",
  "MAGLEV",
];
const HASHING: readonly BalancingPolicy[] = ["RING_HASH", "MAGLEV"];
const PICKS = 20_000;

interface Service extends Candidate {
  active: number;
}

function services(...weights: number[]): Service[] {
  return weights.map((weight, index) => ({ id: `tcp://10.0.0.${index}:1`, weight, active: 0 }));
}

/** The same numbers each time (a linear congruential generator), evenly spread. */
function repeatable(): () => number {
  let state = 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** The share of each service in many picks with different keys; picked services stay busy for some of the next. */
function shares(policy: BalancingPolicy, candidates: Service[], usable = candidates): number[] {
  const balancer = balancerOf(policy, { candidates, random: repeatable() });
  const counts = new Map<Service, number>();
  const busy: Service[] = [];
  for (let i = 0; i < PICKS; i++) {
    const picked = balancer.pick(usable, `key ${i}`);
    counts.set(picked, (counts.get(picked) ?? 0) + 1);
    picked.active++;
    busy.push(picked);
    if (busy.length > 100) busy.shift()!.active--;
  }
  return candidates.map((candidate) => (counts.get(candidate) ?? 0) / PICKS);
}

function choices(policy: BalancingPolicy, candidates: Service[], usable = candidates): Service[] {
  const balancer = balancerOf(policy, { candidates, random: repeatable() });
  return Array.from({ length: PICKS }, (_, i) => balancer.pick(usable, `key ${i}`));
}

describe.each(POLICIES)("%s", (policy) => {
  it("takes the only one", () => {
    expect(shares(policy, services(7))).toEqual([1]);
  });

  it.each([[[1, 1, 1, 1]], [[1, 3]], [[5, 3, 2]], [[4_294_967_295, 4_294_967_295]]])(
    "spreads by the weights %j",
    (weights) => {
      const sum = weights.reduce((sum, weight) => sum + weight);
      for (const [index, share] of shares(policy, services(...weights)).entries()) {
        expect(Math.abs(share - weights[index]! / sum)).toBeLessThan(0.06);
      }
    },
  );

  it("leaves out what cannot be used", () => {
    const all = services(1, 1, 1);
    const [first, second, third] = shares(policy, all, [all[2]!, all[0]!]);
    expect(second).toBe(0);
    expect(Math.abs(first! - third!)).toBeLessThan(0.3);
  });

  it("gives someone of the least weight a share", () => {
    expect(balancerOf(policy, { candidates: services(4_294_967_295, 1), random: () => 0.5 })).toBeDefined();
    expect(shares(policy, services(99, 1))[1]).toBeGreaterThan(0);
  });

  it("picks without a key", () => {
    const candidates = services(1, 1);
    const balancer = balancerOf(policy, { candidates, random: repeatable() });
    const picked = new Set(Array.from({ length: 100 }, () => balancer.pick(candidates, null)));
    expect(picked.size).toBe(2);
  });
});

describe.each(HASHING)("%s", (policy) => {
  it("leads a key to the same service each time, also in another gateway", () => {
    expect(choices(policy, services(1, 1, 1)).map(({ id }) => id))
      .toEqual(choices(policy, services(1, 1, 1)).map(({ id }) => id));
  });

  it(
    "moves no keys but those of the one that leaves, and those to all others",
    () => {
      const all = services(1, 1, 1, 1, 1);
      const before = choices(policy, all);
      const after = choices(policy, all, all.slice(0, 4));
      const moved = before.filter((service, i) => service !== all[4] && after[i] !== service).length;
      expect(moved).toBe(0);
      const orphans = before.flatMap((service, i) => service === all[4] ? [after[i]!] : []);
      expect(new Set(orphans).size).toBe(4);
    },
  );

  it("moves only what the new one gets when one is added", () => {
    const four = services(1, 1, 1, 1);
    const five = services(1, 1, 1, 1, 1);
    const before = choices(policy, four).map(({ id }) => id);
    const after = choices(policy, five).map(({ id }) => id);
    const moved = before.filter((id, i) => after[i] !== id && after[i] !== five[4]!.id).length;
    expect(moved / PICKS).toBeLessThan(0.04);
  });
});

describe("ROUND_ROBIN", () => {
  it("takes turns, and spreads the turns of the heavier", () => {
    const [a, b] = services(3, 1);
    const balancer = balancerOf("ROUND_ROBIN", { candidates: [a!, b!], random: Math.random });
    const turns = Array.from({ length: 8 }, () => balancer.pick([a!, b!], null) === a ? "a" : "b").join("");
    expect(turns).toBe("aabaaaba");
  });
});

describe("LEAST_REQUEST", () => {
  it("takes the one that has less to do", () => {
    const [a, b] = services(1, 1);
    a!.active = 5;
    const balancer = balancerOf("LEAST_REQUEST", { candidates: [a!, b!], random: repeatable() });
    expect(Array.from({ length: 20 }, () => balancer.pick([a!, b!], null))).toEqual(Array(20).fill(b));
  });
});
