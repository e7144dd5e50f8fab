import type { CharSet } from "./_char_set.ts";
import { MAX_PATTERN_SIZE } from "./_limits.ts";
import type { RegexNode } from "./_syntax.ts";
import { RegexError } from "./regex_error.ts";

/** A step of a nondeterministic automaton; `next` and `other` are positions in the program. */
export type Instruction =
  | { readonly op: "set"; readonly set: CharSet; readonly next: number }
  /** `next` is preferred. */
  | { readonly op: "split"; next: number; other: number }
  /** Notes the place in the text: 2g where group g begins, 2g + 1 where it ends. */
  | { readonly op: "save"; readonly slot: number; readonly next: number }
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
 * @param options `captures`: groups note where they begin and end; default false
 * @throws {RegexError} `regex/too-large` when the program would have more than 1000 instructions
 */
export function compileProgram(node: RegexNode, { captures = false } = {}): RegexProgram {
  // Known before the first instruction: counted repetitions multiply.
  if (sizeOf(node) >= MAX_PATTERN_SIZE) {
    const hint = "use fewer or smaller counted repetitions, like x{10}";
    throw new RegexError("regex/too-large", "This pattern is too complex", { hint });
  }
  const instructions: Instruction[] = [{ op: "match" }];
  return { instructions, entry: emit(node, { instructions, next: 0, captures }) };
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
    case "capture":
      return sizeOf(node.part);
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
  readonly captures: boolean;
}

/** Appends what matches the node. @returns where that begins */
function emit(node: RegexNode, target: Target): number {
  const { instructions, next, captures } = target;
  switch (node.kind) {
    case "set":
      return instructions.push({ op: "set", set: node.set, next }) - 1;
    case "start":
    case "end":
      return instructions.push({ op: node.kind, next }) - 1;
    case "concat":
      return node.parts.reduceRight((after, part) => emit(part, { ...target, next: after }), next);
    case "either":
      return node.parts.map((part) => emit(part, target)).reduceRight((other, first) =>
        instructions.push({ op: "split", next: first, other }) - 1
      );
    case "capture": {
      if (!captures) return emit(node.part, target);
      const { part, group } = node;
      const end = instructions.push({ op: "save", slot: 2 * group + 1, next }) - 1;
      return instructions.push({ op: "save", slot: 2 * group, next: emit(part, { ...target, next: end }) }) -
        1;
    }
    case "repeat":
      return emitRepeat(node, target);
  }
}

function emitRepeat(
  { part, min, max, isLazy }: Extract<RegexNode, { kind: "repeat" }>,
  target: Target,
): number {
  const { instructions, next } = target;
  let entry = next;
  if (max === null) {
    const loop: Extract<Instruction, { op: "split" }> = { op: "split", next, other: next };
    entry = instructions.push(loop) - 1;
    const body = emit(part, { ...target, next: entry });
    if (isLazy) loop.other = body;
    else loop.next = body;
  } else {
    for (let optional = max - min; optional > 0; optional--) {
      const body = emit(part, { ...target, next: entry });
      const [first, other] = isLazy ? [next, body] : [body, next];
      entry = instructions.push({ op: "split", next: first, other }) - 1;
    }
  }
  for (let required = min; required > 0; required--) entry = emit(part, { ...target, next: entry });
  return entry;
}
