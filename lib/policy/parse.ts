import { isRecord, quote, suggest } from "./_data.ts";
import { MAX_CRITERIA, MAX_NESTING } from "./_limits.ts";
import { PolicyError, type PolicyPlace, within } from "./errors.ts";

/** What a rule does for those whom it matches. */
export type PolicyAction = "allow" | "deny";

/**
 * How the criteria of a block are joined: `and`, every one is true; `or`, at least one is true; `not`, every one is
 * false; `nor`, at least one is false.
 */
export type PolicyOperator = "and" | "or" | "not" | "nor";

/** An operator that stands where a criterion may: `and`, `or` and `not` of the criteria in its list. */
export type NestedOperator = "all_of" | "any_of" | "none_of";

/** One question about a request, not yet looked up in the table of criteria. */
export interface PolicyCriterion {
  /** What stands before the first slash: `claim` of `claim/groups`. */
  readonly name: string;
  /** What stands after the first slash; `null` when there is no slash. */
  readonly subpath: string | null;
  /** What the criterion compares with, as it was read. */
  readonly data: unknown;
  /** Where `data` stands. */
  readonly place: PolicyPlace;
}

/** Criteria in place of one. */
export interface PolicyGroup {
  /** How its parts are joined. */
  readonly nested: NestedOperator;
  /** At least one, in the order in which they were written. */
  readonly parts: readonly PolicyPart[];
  /** Where its list stands. */
  readonly place: PolicyPlace;
}

/** What stands in the list of an operator. */
export type PolicyPart = PolicyCriterion | PolicyGroup;

/** One operator and its criteria, of which there is at least one. */
export interface PolicyBlock {
  /** What it does for those whom it matches. */
  readonly action: PolicyAction;
  /** How its criteria are joined. */
  readonly operator: PolicyOperator;
  /** In the order in which they were written. */
  readonly criteria: readonly PolicyPart[];
  /** Where its list stands. */
  readonly place: PolicyPlace;
}

/** A policy whose grammar is right. All blocks of an action are joined by OR, whatever rule they stood in. */
export interface PolicyRules {
  /** In the order in which they were written. */
  readonly blocks: readonly PolicyBlock[];
}

const ACTIONS: readonly PolicyAction[] = ["allow", "deny"];
const OPERATORS: readonly PolicyOperator[] = ["and", "or", "not", "nor"];
const NESTED: readonly NestedOperator[] = ["all_of", "any_of", "none_of"];

/**
 * Reads a policy: an object, or a list of at most 10,000 objects, of `allow` and `deny`, each with any of the operators
 * `and`, `or`, `not`, `nor` and their lists of criteria; at most 10,000 criteria in all. An operator with an empty
 * list counts as absent. A key `action` beside the operators is ignored. In place of a criterion may stand `all_of`,
 * `any_of` or `none_of` with a list of at least one, at most 8 levels deep.
 *
 * @param data JSON values, as read from YAML
 * @throws {PolicyError} the first fault: `policy/not-an-object`, `policy/unknown-action`, `policy/unknown-operator`,
 * `policy/operator-not-a-list`, `policy/criterion-not-one-key`, `policy/bad-data`, `policy/bad-subpath`,
 * `policy/too-large`
 */
export function parsePolicy(data: unknown): PolicyRules {
  const root: PolicyPlace = { relativeTo: "policy", path: [] };
  const blocks = Array.isArray(data) ? parseList(data, root) : parseRule(data, root);
  const excess = blocks.flatMap((block) => block.criteria.flatMap(withParts))[MAX_CRITERIA];
  if (excess !== undefined) {
    const message = `The policy has more than ${MAX_CRITERIA} criteria`;
    throw new PolicyError("policy/too-large", message, { place: excess.place });
  }
  return { blocks: blocks.filter((block) => block.criteria.length > 0) };
}

function parseList(rules: readonly unknown[], place: PolicyPlace): PolicyBlock[] {
  if (rules.length > MAX_CRITERIA) {
    throw new PolicyError("policy/too-large", `The policy has more than ${MAX_CRITERIA} rules`, { place });
  }
  return rules.flatMap((rule, index) => parseRule(rule, within(place, index)));
}

function parseRule(rule: unknown, place: PolicyPlace): PolicyBlock[] {
  if (!isRecord(rule)) {
    const hint = "a policy is an object, or a list of objects, with the keys allow and deny";
    throw new PolicyError("policy/not-an-object", "A rule must be an object", { place, hint });
  }
  return Object.entries(rule).flatMap(([word, body]) => {
    const there = within(place, word);
    const action = ACTIONS.find((known) => known === word);
    if (action !== undefined) return parseBody(body, { action, place: there });
    const hint = suggest(word, ACTIONS);
    throw new PolicyError("policy/unknown-action", `${quote(word)} is not an action`, { place: there, hint });
  });
}

function parseBody(body: unknown, rule: { action: PolicyAction; place: PolicyPlace }): PolicyBlock[] {
  const { action, place } = rule;
  if (!isRecord(body)) {
    const hint = "put the criteria in a list under or, and, not or nor";
    throw new PolicyError("policy/not-an-object", `What ${action} holds must be an object`, { place, hint });
  }
  return Object.entries(body).filter(([word]) => word !== "action").map(([word, list]) => {
    const there = within(place, word);
    const operator = OPERATORS.find((known) => known === word);
    if (operator !== undefined) {
      return { action, operator, criteria: parseCriteria(list, { place: there, depth: 0 }), place: there };
    }
    const hint = suggest(word, OPERATORS);
    const message = `${quote(word)} is not an operator`;
    throw new PolicyError("policy/unknown-operator", message, { place: there, hint });
  });
}

function parseCriteria(list: unknown, options: { place: PolicyPlace; depth: number }): PolicyPart[] {
  const { place, depth } = options;
  if (!Array.isArray(list)) {
    const hint = "begin each criterion with a dash";
    throw new PolicyError("policy/operator-not-a-list", "An operator holds a list of criteria", {
      place,
      hint,
    });
  }
  return list.map((criterion, index) => parsePart(criterion, { place: within(place, index), depth }));
}

function parsePart(part: unknown, options: { place: PolicyPlace; depth: number }): PolicyPart {
  const { place, depth } = options;
  const entries = isRecord(part) ? Object.entries(part) : [];
  const [entry] = entries;
  if (entry === undefined || entries.length > 1) {
    const hint = "write it as name: value, each with a dash of its own";
    const message = "A criterion must be an object with exactly one key";
    throw new PolicyError("policy/criterion-not-one-key", message, { place, hint });
  }
  const [key, data] = entry;
  const slash = key.indexOf("/");
  const name = slash < 0 ? key : key.slice(0, slash);
  const there = within(place, key);
  const nested = NESTED.find((known) => known === name);
  if (nested === undefined) {
    return { name, subpath: slash < 0 ? null : key.slice(slash + 1), data, place: there };
  }
  if (slash < 0) return parseGroup(data, { nested, place: there, depth: depth + 1 });
  throw new PolicyError("policy/bad-subpath", `${nested} takes no path`, { place: there });
}

function parseGroup(
  list: unknown,
  options: { nested: NestedOperator; place: PolicyPlace; depth: number },
): PolicyGroup {
  const { nested, place, depth } = options;
  if (depth > MAX_NESTING) {
    const message = `Criteria are nested more than ${MAX_NESTING} levels deep`;
    throw new PolicyError("policy/too-large", message, { place });
  }
  const parts = parseCriteria(list, { place, depth });
  // Of nothing, all are true and none is.
  if (parts.length === 0) {
    throw new PolicyError("policy/bad-data", `${nested} of nothing asks for nothing`, { place });
  }
  return { nested, parts, place };
}

function withParts(part: PolicyPart): PolicyPart[] {
  return "parts" in part ? [part, ...part.parts.flatMap(withParts)] : [part];
}
