import { answer } from "./_answers.ts";
import { verdictOf } from "./_verdict.ts";
import type { CompiledPolicy } from "./compile.ts";
import type { Answer, Reason } from "./decision.ts";
import type { PolicyPlace } from "./errors.ts";
import { type CompiledBlock, type CompiledCriterion, outcomeOf, type PolicyNode } from "./evaluation.ts";
import type { Facts } from "./facts.ts";

/** Reasons that keep a caller out whatever the value is. */
const ASKING: ReadonlySet<Reason> = new Set<Reason>([
  "client-certificate-required",
  "device-unauthenticated",
  "invalid-client-certificate",
  "user-unauthenticated",
]);
const TRUE = answer(true, "accept");
const FALSE = answer(false, "reject");
const INVALID_CERTIFICATE = answer(true, "invalid-client-certificate");

/** A question that a policy asks, in one or several places, and what it could be answered. */
export interface Asked {
  /** Where it stands first. */
  readonly criterion: CompiledCriterion;
  /** All places where it stands. */
  readonly places: readonly PolicyPlace[];
  /** What it comes to; `null` when it fails to be decided. */
  readonly answer: Answer | null;
  /** What it could come to instead that would make a difference. */
  readonly others: readonly Answer[];
}

/** A policy whose questions can be answered otherwise than the facts do. The same question has the same answer everywhere. */
export class WhatIf {
  /** The questions, in the order in which they are asked. */
  readonly asked: readonly Asked[];
  /** All `allow` rules, and all `deny` rules, with the answers that were set. */
  readonly halves: { readonly allow: CompiledBlock; readonly deny: CompiledBlock };
  readonly #facts: Facts;
  readonly #answers: (Answer | null)[];
  readonly #indexes = new Map<CompiledCriterion, number>();

  constructor(policy: CompiledPolicy, facts: Facts) {
    const asked = new Map<string, { criterion: CompiledCriterion; places: PolicyPlace[]; index: number }>();
    const replace = (node: PolicyNode): PolicyNode => {
      if (node.kind === "block") return { ...node, parts: node.parts.map(replace) };
      const { name, subpath, data, place } = node.source;
      const key = JSON.stringify([name, subpath, data]);
      const known = asked.get(key) ?? { criterion: node, places: [], index: asked.size };
      known.places.push(place);
      asked.set(key, known);
      const replaced = { ...node, ask: () => this.#answerOf(known.index) };
      this.#indexes.set(replaced, known.index);
      return replaced;
    };
    const halfOf = (half: CompiledBlock) => ({ ...half, parts: half.parts.map(replace) });
    this.halves = { allow: halfOf(policy.allow), deny: halfOf(policy.deny) };
    this.#facts = facts;
    this.asked = [...asked.values()].map(({ criterion, places }) => {
      const answer = answerOrNull(criterion, facts);
      return { criterion, places, answer, others: othersOf(criterion.source.name, answer) };
    });
    this.#answers = this.asked.map(({ answer }) => answer);
  }

  /** The position in `asked` of a criterion of `halves`. */
  indexOf(criterion: CompiledCriterion): number {
    return this.#indexes.get(criterion)!;
  }

  /** Answers a question otherwise, or with `null` as the facts do. */
  set(index: number, answer: Answer | null): void {
    this.#answers[index] = answer ?? this.asked[index]!.answer;
  }

  /** Whether the answers let the caller in. */
  isAllowed(): boolean {
    if (this.#answers.includes(null)) return false;
    const { allow, deny } = this.halves;
    return verdictOf({ allow: outcomeOf(allow, this.#facts), deny: outcomeOf(deny, this.#facts) }) ===
      "allowed";
  }

  /** Whether a node comes to `value`, and without asking the caller for anything. */
  comesTo(node: PolicyNode, value: boolean): { value: boolean; asks: boolean } {
    const outcome = outcomeOf(node, this.#facts);
    return { value: outcome.value === value, asks: outcome.reasons.some((reason) => ASKING.has(reason)) };
  }

  #answerOf(index: number): Answer {
    const answer = this.#answers[index]!;
    if (answer === null) throw new TypeError("A question without answer was asked");
    return answer;
  }
}

function answerOrNull(criterion: CompiledCriterion, facts: Facts): Answer | null {
  try {
    return criterion.ask(facts);
  } catch {
    return null;
  }
}

function othersOf(name: string, answer: Answer | null): Answer[] {
  if (name === "accept" || name === "reject") return [];
  // The one criterion that asks for something when it is true.
  if (name === "invalid_client_certificate") return answer?.value ? [FALSE] : [INVALID_CERTIFICATE];
  const isSettled = answer !== null && !ASKING.has(answer.reason);
  return [TRUE, FALSE].filter(({ value }) => !isSettled || value !== answer.value);
}
