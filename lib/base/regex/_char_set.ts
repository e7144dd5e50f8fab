/** Code points as sorted, disjoint, inclusive ranges: first, last, first, last. */
export type CharSet = readonly number[];

const MAX_CODE_POINT = 0x10ffff;
/** What upper and lower case of the letters of ASCII differ by. */
const CASE = 32;

/** `0` to `9`. */
export const DIGITS: CharSet = [0x30, 0x39];
/** Letters and digits of ASCII, and `_`. */
export const WORD: CharSet = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a];
/** Tab, line feed, form feed, carriage return and space. */
export const SPACE: CharSet = [0x09, 0x0a, 0x0c, 0x0d, 0x20, 0x20];
/** Everything but a line feed. */
export const DOT: CharSet = complementOf([0x0a, 0x0a]);

/** The set of any ranges, in any order. */
export function unionOf(ranges: readonly (readonly [first: number, last: number])[]): CharSet {
  const set: number[] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const end = set.length - 1;
    if (end > 0 && first <= set[end]! + 1) set[end] = Math.max(set[end]!, last);
    else set.push(first, last);
  }
  return set;
}

/** The ranges of a set. */
export function rangesOf(set: CharSet): (readonly [first: number, last: number])[] {
  return Array.from(
    { length: set.length / 2 },
    (_, index) => [set[2 * index]!, set[2 * index + 1]!] as const,
  );
}

/** All code points that are not in the set. */
export function complementOf(set: CharSet): CharSet {
  const rest: number[] = [];
  let next = 0;
  for (const [first, last] of rangesOf(set)) {
    if (first > next) rest.push(next, first - 1);
    next = last + 1;
  }
  if (next <= MAX_CODE_POINT) rest.push(next, MAX_CODE_POINT);
  return rest;
}

/** The set with both cases of every letter of ASCII that is in it. */
export function withBothCases(set: CharSet): CharSet {
  const ranges = rangesOf(set);
  return unionOf([
    ...ranges,
    ...ranges.flatMap((range) => clipped(range, [0x41, 0x5a])).map(([a, z]) => [a + CASE, z + CASE] as const),
    ...ranges.flatMap((range) => clipped(range, [0x61, 0x7a])).map(([a, z]) => [a - CASE, z - CASE] as const),
  ]);
}

/** Whether a code point is in the set. */
export function holdsCode(set: CharSet, code: number): boolean {
  for (let index = 0; index < set.length && set[index]! <= code; index += 2) {
    if (code <= set[index + 1]!) return true;
  }
  return false;
}

function clipped(
  [first, last]: readonly [number, number],
  [low, high]: readonly [number, number],
): (readonly [number, number])[] {
  return first > high || last < low ? [] : [[Math.max(first, low), Math.min(last, high)]];
}
