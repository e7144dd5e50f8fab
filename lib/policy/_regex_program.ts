import type { CharSet } from "./_char_set.ts";
import { MAX_PATTERN_SIZE } from "./_limits.ts";
import type { RegexNode } from "./_regex_syntax.ts";
import { PolicyError, type PolicyPlace } from "./errors.ts";

/** A step of a nondeterministic automaton; `next` and `other` are positions in the program. */
export type Instruction =
  | { readonly op: "set"; readonly set: CharSet; readonly next: number }
  | { readonly op: "split"; next: number; readonly other: number }
  | { readonly op: "start" | "end"; readonly next: number }
  | { readonly op: "match" };

/** An automaton after Thompson. */
export interface RegexProgram {
  /** At most 1000. */
  readonly instructions: readonly Instruction[];
  /** Where it begins. */
  readonly entry: number;
}

/**
 * Translates a regular expression.
 *
 * @throws {PolicyError} `policy/too-large` when the program would have more than 1000 instructions
 */
export function compileProgram(node: RegexNode, options: { place: PolicyPlace }): RegexProgram {
  // Known before the first instruction: counted repetitions multiply.
  if (sizeOf(node) >= MAX_PATTERN_SIZE) {
    const hint = "use fewer or smaller counted repetitions, like x{10}";
    throw new PolicyError("policy/too-large", "This pattern is too complex", { place: options.place, hint });
  }
  const instructions: Instruction[] = [{ op: "match" }];
  return { instructions, entry: emit(node, { instructions, next: 0 }) };
}

/** The number of instructions of a node; of one without any, 1, so that repeating it counts. */
function sizeOf(node: RegexNode): number {
  switch (node.kind) {
    case "set":
    case "start":
    case "end":
      return 1;
    case "concat":
      return Math.max(1, node.parts.reduce((sum, part) => sum + sizeOf(part), 0));
    case "either":
      return node.parts.reduce((sum, part) => sum + sizeOf(part) + 1, -1);
    case "repeat": {
      const { min, max } = node;
      const copies = max === null ? min + 1 : max;
      const splits = max === null ? 1 : max - min;
      return Math.max(1, sizeOf(node.part) * copies + splits);
    }
  }
}

interface Target {
  readonly instructions: Instruction[];
  /** Where to go on when the node is done. */
  readonly next: number;
}

/** Appends what matches the node. @returns where that begins */
function emit(node: RegexNode, target: Target): number {
  const { instructions, next } = target;
  switch (node.kind) {
    case "set":
      return instructions.push({ op: "set", set: node.set, next }) - 1;
    case "start":
    case "end":
      return instructions.push({ op: node.kind, next }) - 1;
    case "concat":
      return node.parts.reduceRight((after, part) => emit(part, { instructions, next: after }), next);
    case "either":
      return node.parts.map((part) => emit(part, target)).reduceRight((other, first) =>
        instructions.push({ op: "split", next: first, other }) - 1
      );
    case "repeat":
      return emitRepeat(node, target);
  }
}

function emitRepeat(
  { part, min, max }: Extract<RegexNode, { kind: "repeat" }>,
  { instructions, next }: Target,
): number {
  let entry = next;
  if (max === null) {
    const loop = { op: "split" as const, next: 0, other: next };
    entry = instructions.push(loop) - 1;
    loop.next = emit(part, { instructions, next: entry });
  } else {
    for (let optional = max - min; optional > 0; optional--) {
      const first = emit(part, { instructions, next: entry });
      entry = instructions.push({ op: "split", next: first, other: next }) - 1;
    }
  }
  for (let required = min; required > 0; required--) entry = emit(part, { instructions, next: entry });
  return entry;
}
