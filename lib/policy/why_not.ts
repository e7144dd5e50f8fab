import { boundedJson } from "./_json.ts";
import { type Asked, WhatIf } from "./_what_if.ts";
import type { CompiledPolicy } from "./compile.ts";
import type { Answer, Reason } from "./decision.ts";
import type { PolicyPlace } from "./errors.ts";
import type { PolicyNode } from "./evaluation.ts";
import type { Json } from "./explain.ts";
import type { Facts } from "./facts.ts";

/** How often criteria are asked at most in looking for the smallest set. */
const MAX_ASKED = 500_000;

/** A criterion that stands between a caller and a route. */
export interface NeededChange {
  /** What stands before the first slash of the criterion. */
  readonly name: string;
  /** What stands after it; `null` without a slash. */
  readonly subpath: string | null;
  /** Where it stands: once for each time that the policy asks the same. */
  readonly places: readonly PolicyPlace[];
  /** What the policy compares with, cut short. */
  readonly expected: Json;
  /** What the facts hold, cut short; `null` when they hold nothing. */
  readonly found: Json;
  /** Why it is as it is; `policy-error` when it fails to be decided. */
  readonly reason: Reason;
  /**
   * What it would have to be. It may be so already, when nobody is signed in or no device is there: then someone who is
   * must be found not to match.
   */
  readonly needed: boolean;
}

/** What would have to be otherwise for a policy to allow a request. */
export interface WhyNot {
  /** All of these together; empty when it is allowed. `null` when nothing was found that would do. */
  readonly changes: readonly NeededChange[] | null;
  /** Whether no smaller set would do; of `null`, whether there is none at all. Otherwise the search was given up. */
  readonly isSmallest: boolean;
}

/**
 * The smallest set of criteria that would have to come out otherwise for the policy to allow the request: `allow` true,
 * `deny` false, and nothing left to ask the caller for. The same question in several places counts once. `accept` and
 * `reject` cannot change. Whether anybody could bring the changes about is not known here. All sets are tried, smaller
 * ones first; after 500,000 answers a set is put together from the cheapest way through each block instead.
 */
export function whyNot(policy: CompiledPolicy, facts: Facts): WhyNot {
  const whatIf = new WhatIf(policy, facts);
  const { changes, isSmallest } = search(whatIf) ?? { changes: assemble(whatIf), isSmallest: false };
  return {
    isSmallest,
    changes: changes === null
      ? null
      : [...changes].sort(([a], [b]) => a - b).map(([index, { value }]) =>
        describe(whatIf.asked[index]!, { needed: value, facts })
      ),
  };
}

/** Answers by the position of their question. */
type Changes = ReadonlyMap<number, Answer>;

/** @returns `null` when there are too many sets to try */
function search(whatIf: WhatIf): { changes: Changes | null; isSmallest: true } | null {
  const variable = [...whatIf.asked.keys()].filter((index) => whatIf.asked[index]!.others.length > 0);
  const changes = new Map<number, Answer>();
  let trials = Math.floor(MAX_ASKED / Math.max(1, whatIf.asked.length));
  // Changes `size` more questions, of those from `from` on.
  const tryAll = (from: number, size: number): boolean => {
    if (size === 0) return trials-- > 0 && whatIf.isAllowed();
    for (let at = from; at <= variable.length - size && trials > 0; at++) {
      const index = variable[at]!;
      for (const answer of whatIf.asked[index]!.others) {
        whatIf.set(index, answer);
        changes.set(index, answer);
        if (tryAll(at + 1, size - 1)) return true;
      }
      whatIf.set(index, null);
      changes.delete(index);
    }
    return false;
  };
  for (let size = 0; size <= variable.length; size++) {
    if (tryAll(0, size)) return { changes, isSmallest: true };
    if (trials <= 0) return null;
  }
  return { changes: null, isSmallest: true };
}

/** Makes every `deny` false, and then the `allow` true that takes the fewest changes on top of that. */
function assemble(whatIf: WhatIf): Changes | null {
  for (const index of whatIf.asked.keys()) whatIf.set(index, null);
  if (whatIf.asked.some(({ answer }) => answer === null)) return null;
  const changes = new Map<number, Answer>();
  for (const [half, want] of [["deny", false], ["allow", true]] as const) {
    const more = cheapest(whatIf.halves[half], want, { whatIf, changes });
    if (more === null) return null;
    for (const [index, answer] of more) {
      whatIf.set(index, answer);
      changes.set(index, answer);
    }
  }
  return whatIf.isAllowed() ? changes : null;
}

interface Assembly {
  readonly whatIf: WhatIf;
  /** What is settled already. */
  readonly changes: Changes;
}

/** The fewest changes that make `node` come to `want` without asking for anything; `null` when none do. */
function cheapest(node: PolicyNode, want: boolean, assembly: Assembly): Changes | null {
  const { whatIf, changes } = assembly;
  const now = whatIf.comesTo(node, want);
  if (now.value && !now.asks) return new Map();
  if (node.kind === "criterion") {
    const index = whatIf.indexOf(node);
    if (changes.has(index)) return null;
    const answer = whatIf.asked[index]!.others.find(({ value }) => value === want);
    return answer === undefined ? null : new Map([[index, answer]]);
  }
  const wantOfPart = want !== node.negated;
  const oneIsEnough = (node.join === "some") === want;
  const ways = node.parts.map((part) => cheapest(part, wantOfPart, assembly));
  if (!oneIsEnough) return merge(ways);
  // A part that is as wanted, but asks for something, would go on asking beside another that does not.
  const asking = node.parts.flatMap((part, index) => {
    const { value, asks } = whatIf.comesTo(part, wantOfPart);
    return value && asks ? [smaller(ways[index]!, cheapest(part, !wantOfPart, assembly))] : [];
  });
  const best = ways.reduce(smaller, null);
  return merge([best, ...asking]);
}

function smaller(a: Changes | null, b: Changes | null): Changes | null {
  if (a === null || b === null) return a ?? b;
  return b.size < a.size ? b : a;
}

/** @returns `null` when a part is missing, or two contradict each other */
function merge(parts: readonly (Changes | null)[]): Changes | null {
  const all = new Map<number, Answer>();
  for (const part of parts) {
    if (part === null) return null;
    for (const [index, answer] of part) {
      if ((all.get(index) ?? answer).value !== answer.value) return null;
      all.set(index, answer);
    }
  }
  return all;
}

function describe(
  { criterion, places, answer }: Asked,
  options: { needed: boolean; facts: Facts },
): NeededChange {
  const { name, subpath, data } = criterion.source;
  return {
    name,
    subpath,
    places,
    expected: boundedJson(data),
    found: answer === null ? null : boundedJson(criterion.found(options.facts)),
    reason: answer?.reason ?? "policy-error",
    needed: options.needed,
  };
}
