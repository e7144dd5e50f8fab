import { boundedJson, type Json } from "./_json.ts";
import type { CompiledPolicy } from "./compile.ts";
import { decide } from "./decide.ts";
import type { Decision, Outcome, Reason } from "./decision.ts";
import type { PolicyPlace } from "./errors.ts";
import { type CompiledBlock, type CompiledCriterion, outcomeOf, type PolicyNode } from "./evaluation.ts";
import type { Facts } from "./facts.ts";

export type { Json } from "./_json.ts";

/** What one criterion came to, and on what. */
export interface CriterionExplanation extends PolicyPlace {
  /** Tells it from a block. */
  readonly kind: "criterion";
  /** What stands before the first slash: `claim` of `claim/groups`. */
  readonly name: string;
  /** What stands after it; `null` without a slash. */
  readonly subpath: string | null;
  /** What the policy compares with, cut short; `null` when it says nothing. */
  readonly expected: Json;
  /** What the facts hold, cut short; `null` when they hold nothing. Keys and certificates are fingerprints. */
  readonly found: Json;
  /** Whether it is true. */
  readonly value: boolean;
  /** Why; `policy-error` when it fails to be decided. */
  readonly reason: Reason;
}

/** What criteria joined by an operator came to. */
export interface BlockExplanation extends Outcome, PolicyPlace {
  /** Tells it from a criterion. */
  readonly kind: "block";
  /** Whether it stands for the settings beside `policy`, such as `allowed_users`. Its place is then the route. */
  readonly isShorthand: boolean;
  /** How the parts are joined. */
  readonly operator: CompiledBlock["operator"];
  /** In the order in which they were written. */
  readonly parts: readonly (BlockExplanation | CriterionExplanation)[];
}

/** What all rules of an action came to. */
export interface HalfExplanation extends Outcome {
  /** Joined by OR. */
  readonly blocks: readonly BlockExplanation[];
}

/** Why a policy decides as it does: values of JSON throughout. */
export interface Explanation {
  /** As {@link decide} says. */
  readonly verdict: Decision["verdict"];
  /** All `allow` rules. */
  readonly allow: HalfExplanation;
  /** All `deny` rules. */
  readonly deny: HalfExplanation;
}

/**
 * Decides one request and says for every criterion of the policy what it came to. It takes several times as long as
 * deciding and is meant for people. Who may read it may read what was compared: email, groups, claims and addresses.
 */
export function explain(policy: CompiledPolicy, facts: Facts): Explanation {
  const { verdict } = decide(policy, facts);
  return { verdict, allow: explainHalf(policy.allow, facts), deny: explainHalf(policy.deny, facts) };
}

function explainHalf(half: CompiledBlock, facts: Facts): HalfExplanation {
  const blocks = half.parts.map((part) => explainNode(part, facts))
    .filter((part) => part.kind === "block");
  return { ...outcomeOrError(half, facts), blocks };
}

function explainNode(node: PolicyNode, facts: Facts): BlockExplanation | CriterionExplanation {
  if (node.kind === "criterion") return explainCriterion(node, facts);
  const { operator, place, parts } = node;
  return {
    kind: "block",
    ...place,
    isShorthand: place.relativeTo === "route",
    operator,
    ...outcomeOrError(node, facts),
    parts: parts.map((part) => explainNode(part, facts)),
  };
}

function explainCriterion(criterion: CompiledCriterion, facts: Facts): CriterionExplanation {
  const { name, subpath, data, place } = criterion.source;
  const { value, reasons } = outcomeOrError(criterion, facts);
  return {
    kind: "criterion",
    ...place,
    name,
    subpath,
    expected: boundedJson(data),
    found: foundOrNull(criterion, facts),
    value,
    reason: reasons[0]!,
  };
}

function outcomeOrError(node: PolicyNode, facts: Facts): Outcome {
  try {
    return outcomeOf(node, facts);
  } catch {
    return { value: false, reasons: ["policy-error"] };
  }
}

function foundOrNull(criterion: CompiledCriterion, facts: Facts): Json {
  try {
    return boundedJson(criterion.found(facts));
  } catch {
    return null;
  }
}
