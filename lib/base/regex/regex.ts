import { holdsCode } from "./_char_set.ts";
import { MAX_TEXT_LENGTH } from "./_limits.ts";
import { compileProgram, type Instruction, type RegexProgram } from "./_program.ts";
import { parseRegex } from "./_syntax.ts";

/** Numbers that all states together may hold. */
const MAX_CACHE = 200_000;
const MIN_STATES = 8;

/** All places of the program at which a match can be, when some of the text has been read. */
interface State {
  /** Of the instructions that read a character. */
  readonly positions: readonly number[];
  /** Whether the text may end here. */
  readonly accepts: boolean;
  /** The state after a character, by its class, as far as it has been needed. */
  readonly next: (State | undefined)[];
}

/**
 * A test whether a text as a whole matches a regular expression. It takes time in proportion to the text, and to the
 * pattern at worst, and never goes back. Characters are Unicode code points.
 *
 * @param options `ignoreCase`: letters of ASCII match in both cases, default false; `maxTextLength`: in UTF-16 code units,
 *   default 4096
 * @returns a function that throws {@link RangeError} for a longer text
 * @throws {RegexError} `regex/unsupported`, `regex/too-large`
 */
export function compileRegex(
  pattern: string,
  { ignoreCase = false, maxTextLength = MAX_TEXT_LENGTH }: { ignoreCase?: boolean; maxTextLength?: number } =
    {},
): (text: string) => boolean {
  const automaton = new Automaton(compileProgram(parseRegex(pattern, { ignoreCase })));
  return (text) => {
    if (text.length > maxTextLength) {
      throw new RangeError(
        `Cannot match a text of more than ${maxTextLength} characters: it has ${text.length}`,
      );
    }
    return automaton.matches(text);
  };
}

/** The deterministic automaton of a program, of which only those states are made that some text has led to. */
class Automaton {
  readonly #instructions: readonly Instruction[];
  readonly #entry: number;
  /** First code points of the classes whose characters no instruction tells apart. */
  readonly #classes: readonly number[];
  readonly #classOfAscii: Uint16Array;
  readonly #maxStates: number;
  readonly #states = new Map<string, State>();
  #start: State;

  constructor({ instructions, entry }: RegexProgram) {
    this.#instructions = instructions;
    this.#entry = entry;
    this.#classes = classesOf(instructions);
    this.#classOfAscii = Uint16Array.from({ length: 128 }, (_, code) => this.#searchClass(code));
    const stateSize = instructions.length + this.#classes.length;
    this.#maxStates = Math.max(MIN_STATES, Math.floor(MAX_CACHE / stateSize));
    this.#start = this.#stateOf([entry], true);
  }

  matches(text: string): boolean {
    let state = this.#start;
    for (let at = 0; at < text.length; at++) {
      if (state.positions.length === 0) return false;
      const code = text.codePointAt(at)!;
      if (code > 0xffff) at++;
      const charClass = code < 128 ? this.#classOfAscii[code]! : this.#searchClass(code);
      state = state.next[charClass] ?? this.#step(state, charClass);
    }
    return state.accepts;
  }

  #step(state: State, charClass: number): State {
    const code = this.#classes[charClass]!;
    const reached: number[] = [];
    for (const position of state.positions) {
      const instruction = this.#instructions[position]!;
      if (instruction.op === "set" && holdsCode(instruction.set, code)) reached.push(instruction.next);
    }
    const next = this.#stateOf(reached, false);
    state.next[charClass] = next;
    return next;
  }

  /** The state of a match that goes on at any of `seeds`. */
  #stateOf(seeds: readonly number[], isAtStart: boolean): State {
    const positions = this.#closure(seeds, { isAtStart, isAtEnd: false });
    const accepts = this.#closure(seeds, { isAtStart, isAtEnd: true })[0] === 0;
    const key = `${accepts ? "+" : "-"}${String.fromCharCode(...positions)}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= this.#maxStates) {
      this.#states.clear();
      this.#start = this.#stateOf([this.#entry], true);
    }
    const reading = positions[0] === 0 ? positions.slice(1) : positions;
    const state: State = { positions: reading, accepts, next: [] };
    this.#states.set(key, state);
    return state;
  }

  /** What is reached without reading, in order: 0, which is the match, and instructions that read. */
  #closure(seeds: readonly number[], at: { isAtStart: boolean; isAtEnd: boolean }): number[] {
    const seen = new Uint8Array(this.#instructions.length);
    const pending = [...seeds];
    while (pending.length > 0) {
      const position = pending.pop()!;
      if (seen[position] === 1) continue;
      seen[position] = 1;
      const instruction = this.#instructions[position]!;
      if (instruction.op === "split") pending.push(instruction.next, instruction.other);
      if (instruction.op === "start" && at.isAtStart) pending.push(instruction.next);
      if (instruction.op === "end" && at.isAtEnd) pending.push(instruction.next);
    }
    const reached: number[] = [];
    for (let position = 0; position < seen.length; position++) {
      const { op } = this.#instructions[position]!;
      if (seen[position] === 1 && (op === "set" || op === "match")) reached.push(position);
    }
    return reached;
  }

  #searchClass(code: number): number {
    let low = 0;
    let high = this.#classes.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#classes[middle]! <= code) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function classesOf(instructions: readonly Instruction[]): number[] {
  const starts = new Set([0]);
  for (const instruction of instructions) {
    if (instruction.op !== "set") continue;
    instruction.set.forEach((code, index) => starts.add(index % 2 === 0 ? code : code + 1));
  }
  return [...starts].sort((a, b) => a - b);
}
