import type { Answer, Outcome, Reason } from "./decision.ts";
import type { Facts } from "./facts.ts";
import type { NestedOperator, PolicyCriterion, PolicyOperator } from "./parse.ts";
import type { PolicyPlace } from "./errors.ts";

/** What a criterion asks, ready to be asked of any facts. */
export interface Question {
  /** The answer, one of a few that are never made anew. */
  readonly ask: (facts: Facts) => Answer;
  /** The part of the facts that the answer is about, as JSON values; `null` when there is none. */
  readonly found: (facts: Facts) => unknown;
  /**
   * The first instant after `now` at which the answer differs from that at `now` if nothing but time passes, in
   * milliseconds since 1970-01-01T00:00:00Z; `null` when there is none. Absent when the answer does not depend on time.
   */
  readonly nextChange?: (now: number) => number | null;
}

/** A criterion, ready to be asked. */
export interface CompiledCriterion extends Question {
  /** Tells it from a block. */
  readonly kind: "criterion";
  /** What was written. */
  readonly source: PolicyCriterion;
}

/** Criteria and blocks joined by an operator. */
export interface CompiledBlock {
  /** Tells it from a criterion. */
  readonly kind: "block";
  /** As it was written. */
  readonly operator: PolicyOperator | NestedOperator;
  /** Where it stands. */
  readonly place: PolicyPlace;
  /** `every` is AND, `some` is OR. Of no parts at all, `every` is true and `some` is false. */
  readonly join: "every" | "some";
  /** Joins the opposites of the parts, which keep their reasons. */
  readonly negated: boolean;
  /** In the order in which they were written. */
  readonly parts: readonly PolicyNode[];
}

/** A node of a compiled policy. */
export type PolicyNode = CompiledCriterion | CompiledBlock;

/**
 * What `node` comes to. The reasons are those of the parts that agree with the result: a true AND and a false OR are the
 * work of all their parts, a false AND of its false parts, a true OR of its true parts. Every part is asked, so that one
 * that fails is never passed over.
 *
 * @throws whatever a criterion fails with
 */
export function outcomeOf(node: PolicyNode, facts: Facts): Outcome {
  const evaluation = new Evaluation(facts);
  const value = evaluation.ask(node);
  return { value, reasons: evaluation.reasons() };
}

/** Collects the reasons of a whole tree in one list, which holds each at most once for each level of the tree. */
class Evaluation {
  readonly #facts: Facts;
  readonly #reasons: Reason[] = [];
  #count = 0;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  reasons(): readonly Reason[] {
    return this.#reasons.slice(0, this.#count);
  }

  /** @returns the value of `node`, whose reasons are now the last of the list */
  ask(node: PolicyNode): boolean {
    if (node.kind === "block") return this.#askBlock(node);
    const { value, reason } = node.ask(this.#facts);
    this.#reasons[this.#count++] = reason;
    return value;
  }

  #askBlock({ parts, join, negated }: CompiledBlock): boolean {
    const undecided = join === "every";
    const start = this.#count;
    let value = undecided;
    for (const part of parts) {
      const mark = this.#count;
      const partValue = this.ask(part) !== negated;
      if (partValue === value) this.#dropKnown(start, mark);
      else if (value === undecided) {
        value = partValue;
        this.#drop(start, mark);
      } else this.#count = mark;
    }
    return value;
  }

  /** Drops the reasons from `start` to before `mark`. */
  #drop(start: number, mark: number): void {
    const reasons = this.#reasons;
    let end = start;
    for (let i = mark; i < this.#count; i++) reasons[end++] = reasons[i]!;
    this.#count = end;
  }

  /** Drops of the reasons from `mark` on those that stand between `start` and `mark`. */
  #dropKnown(start: number, mark: number): void {
    const reasons = this.#reasons;
    let end = mark;
    for (let i = mark; i < this.#count; i++) {
      const found = reasons.indexOf(reasons[i]!, start);
      if (found >= mark) reasons[end++] = reasons[i]!;
    }
    this.#count = end;
  }
}
