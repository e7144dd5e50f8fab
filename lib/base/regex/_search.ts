import { holdsCode } from "./_char_set.ts";
import type { RegexProgram } from "./_program.ts";

/** Where a match and its groups begin and end: 2g and 2g + 1 for group g, -1 for one that took no part. */
export type Slots = readonly number[];

interface Thread {
  readonly position: number;
  readonly slots: Slots;
}

/**
 * Finds the first match at or after `from`: the leftmost, and of those the one that the pattern prefers, as RE2 does. Takes
 * time in proportion to text and program, and never goes back.
 *
 * @returns `null` when there is none
 */
export function search(program: RegexProgram, text: string, from: number): Slots | null {
  let threads: Thread[] = [];
  let found: Slots | null = null;
  for (let at = from;; at++) {
    if (found === null) threads = [...threads, { position: program.entry, slots: [at, -1] }];
    const code = text.codePointAt(at);
    const { reading, match } = follow(program, threads, { at, isAtEnd: code === undefined });
    if (match !== null) found = [match[0]!, at, ...match.slice(2)];
    if (code === undefined || (reading.length === 0 && found !== null)) return found;
    threads = reading.flatMap(({ position, slots }) => {
      const instruction = program.instructions[position]!;
      if (instruction.op !== "set" || !holdsCode(instruction.set, code)) return [];
      return [{ position: instruction.next, slots }];
    });
    if (code > 0xffff) at++;
  }
}

/** Goes on without reading, in the order of preference, up to the first match: what comes after it is worse. */
function follow(
  { instructions }: RegexProgram,
  threads: readonly Thread[],
  { at, isAtEnd }: { at: number; isAtEnd: boolean },
): { reading: Thread[]; match: Slots | null } {
  const seen = new Uint8Array(instructions.length);
  const reading: Thread[] = [];
  const pending = threads.toReversed();
  while (pending.length > 0) {
    const { position, slots } = pending.pop()!;
    if (seen[position] === 1) continue;
    seen[position] = 1;
    const instruction = instructions[position]!;
    switch (instruction.op) {
      case "match":
        return { reading, match: slots };
      case "set":
        reading.push({ position, slots });
        break;
      case "split":
        pending.push({ position: instruction.other, slots }, { position: instruction.next, slots });
        break;
      case "save": {
        const noted = [...slots];
        noted[instruction.slot] = at;
        pending.push({ position: instruction.next, slots: noted });
        break;
      }
      case "start":
        if (at === 0) pending.push({ position: instruction.next, slots });
        break;
      case "end":
        if (isAtEnd) pending.push({ position: instruction.next, slots });
    }
  }
  return { reading, match: null };
}
