import { type RouteShorthands, shorthandBlock } from "./_shorthands.ts";
import { compileCriterion } from "./criteria.ts";
import type { CompiledBlock, PolicyNode } from "./evaluation.ts";
import type {
  NestedOperator,
  PolicyAction,
  PolicyBlock,
  PolicyOperator,
  PolicyPart,
  PolicyRules,
} from "./parse.ts";

export type { RouteShorthands } from "./_shorthands.ts";

/** A policy ready to decide. Immutable; one serves all requests of a route. */
export interface CompiledPolicy {
  /** Nothing was set, neither a criterion nor a shorthand: everyone is denied, and nobody is sent to sign in. */
  readonly isEmpty: boolean;
  /** All `allow` blocks, joined by OR. Only `decide` should ask it: it knows nothing of `deny`. */
  readonly allow: CompiledBlock;
  /** All `deny` blocks, joined by OR. */
  readonly deny: CompiledBlock;
}

type Joining = Pick<CompiledBlock, "join" | "negated">;

const AND: Joining = { join: "every", negated: false };
const OR: Joining = { join: "some", negated: false };
const NOT: Joining = { join: "every", negated: true };
const NOR: Joining = { join: "some", negated: true };

const OPERATORS: Readonly<Record<PolicyOperator | NestedOperator, Joining>> = {
  and: AND,
  or: OR,
  not: NOT,
  nor: NOR,
  all_of: AND,
  any_of: OR,
  none_of: NOT,
};

/**
 * Prepares a policy for deciding: looks up every criterion and reads its data once.
 *
 * @param rules the policy; @param shorthands of the route it stands in: one more `allow` block, joined by OR
 * @throws {PolicyError} the first fault: `policy/unknown-criterion`, `policy/bad-subpath`, `policy/bad-data`,
 * `policy/unknown-matcher`, `policy/too-large`, `policy/shorthand-conflict`
 */
export function compilePolicy(rules: PolicyRules, shorthands: RouteShorthands = {}): CompiledPolicy {
  const extra = shorthandBlock(shorthands);
  const blocks = extra === null ? rules.blocks : [...rules.blocks, extra];
  return Object.freeze({
    isEmpty: blocks.length === 0,
    allow: compileAction(blocks, "allow"),
    deny: compileAction(blocks, "deny"),
  });
}

function compileAction(blocks: readonly PolicyBlock[], action: PolicyAction): CompiledBlock {
  const parts = blocks.filter((block) => block.action === action).map(compileBlock);
  return { kind: "block", operator: "or", place: { relativeTo: "policy", path: [] }, ...OR, parts };
}

function compileBlock({ operator, criteria, place }: PolicyBlock): CompiledBlock {
  return { kind: "block", operator, place, ...OPERATORS[operator], parts: criteria.map(compilePart) };
}

function compilePart(part: PolicyPart): PolicyNode {
  if (!("parts" in part)) return compileCriterion(part);
  const { nested, place, parts } = part;
  return { kind: "block", operator: nested, place, ...OPERATORS[nested], parts: parts.map(compilePart) };
}
