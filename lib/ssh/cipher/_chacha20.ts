import { all, type Code, i32, i32x4, type Local } from "./_wasm.ts";

/** Bytes of a block of the stream. */
export const BLOCK_BYTES = 64;
/** So many blocks are made side by side, one in each lane of a vector. */
export const LANES = 4;
/** A block takes so many double rounds (RFC 8439 section 2.3.1). */
export const DOUBLE_ROUNDS = 10;
/** "expand 32-byte k" (RFC 8439 section 2.3), as words. */
export const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;

/** Words that a quarter round is of: those of the columns, then those of the diagonals make a double round. */
const COLUMNS = [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]] as const;
const DIAGONALS = [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]] as const;

/** What rounds are made of, for one block or several. */
export interface Arithmetic {
  readonly add: (a: Code, b: Code) => Code;
  readonly xor: (a: Code, b: Code) => Code;
  readonly rotateLeft: (value: Local, bits: 16 | 12 | 8 | 7) => Code;
}

/** Rounds of one block. */
export const ONE_BLOCK: Arithmetic = {
  add: i32.add,
  xor: i32.xor,
  rotateLeft: ({ get }, bits) => i32.rotateLeft(get, i32.value(bits)),
};

/** Rounds of {@link LANES} blocks. */
export const BLOCKS: Arithmetic = {
  add: i32x4.add,
  xor: i32x4.xor,
  rotateLeft: ({ get }, bits) => {
    if (bits === 16) return i32x4.bytes(get, [2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13]);
    if (bits === 8) return i32x4.bytes(get, [3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14]);
    return i32x4.or(i32x4.shiftLeft(get, bits), i32x4.shiftRight(get, 32 - bits));
  },
};

/** A double round (RFC 8439 section 2.3.1). @param between done between its halves, and after them */
export function doubleRound(state: readonly Local[], arithmetic: Arithmetic, between: Code = []): Code {
  const half = (places: readonly (readonly number[])[]) =>
    all(...places.map((place) => quarterRound(state, place, arithmetic)));
  return all(half(COLUMNS), between, half(DIAGONALS), between);
}

/** RFC 8439 section 2.1. */
function quarterRound(
  state: readonly Local[],
  places: readonly number[],
  { add, xor, rotateLeft }: Arithmetic,
): Code {
  const [a, b, c, d] = places.map((place) => state[place]!) as [Local, Local, Local, Local];
  const half = (first: 16 | 8, second: 12 | 7) => [
    a.set(add(a.get, b.get)),
    d.set(xor(d.get, a.get)),
    d.set(rotateLeft(d, first)),
    c.set(add(c.get, d.get)),
    b.set(xor(b.get, c.get)),
    b.set(rotateLeft(b, second)),
  ];
  return all(...half(16, 12), ...half(8, 7));
}

/** Hides what stands at `input` in the stream of {@link LANES} blocks, or brings it out of it, to `output`. */
export function xorStream(
  state: readonly Local[],
  { initial, input, output }: { initial: readonly Code[]; input: Local; output: Local },
): Code {
  const stream = state.map((word, i) => word.set(i32x4.add(word.get, initial[i]!)));
  const rows = [0, 4, 8, 12].flatMap((row) =>
    rowsOfBlocks(state.slice(row, row + 4)).map((words, block) => {
      const at = block * BLOCK_BYTES + row * 4;
      return i32x4.store(output.get, at, i32x4.xor(i32x4.load(input.get, at), words));
    })
  );
  return all(...stream, ...rows);
}

/** The same four words of each block, one block after the other, from vectors of which each has one word of all blocks. */
function rowsOfBlocks(words: readonly Local[]): readonly Code[] {
  const [a, b, c, d] = words.map(({ get }) => get) as [Code, Code, Code, Code];
  const pairs = (order: readonly number[]) => [i32x4.words(a, b, order), i32x4.words(c, d, order)] as const;
  const [lowAb, lowCd] = pairs([0, 4, 1, 5]);
  const [highAb, highCd] = pairs([2, 6, 3, 7]);
  return [
    i32x4.words(lowAb, lowCd, [0, 1, 4, 5]),
    i32x4.words(lowAb, lowCd, [2, 3, 6, 7]),
    i32x4.words(highAb, highCd, [0, 1, 4, 5]),
    i32x4.words(highAb, highCd, [2, 3, 6, 7]),
  ];
}
