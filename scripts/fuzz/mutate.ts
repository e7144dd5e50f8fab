import { concatBytes } from "../../lib/base/bytes.ts";
import type { PseudoRandom } from "./pseudo_random.ts";

/** Bytes at which formats change their mind: bounds of integers, lengths and texts. */
const INTERESTING: readonly Uint8Array[] = [
  ...[
    "00",
    "01",
    "20",
    "3f",
    "40",
    "7f",
    "80",
    "c0",
    "ff",
    "4000",
    "7fff",
    "80000000",
    "ffff",
    "ffffffffffffffff",
  ],
  ...[
    "c000000000000000",
    "c01fffffffffffff",
    "d000000000000000",
    "0d0a",
    "25",
    "2f",
    "3a",
    "8000ffe8",
    "4400",
  ],
].map((hex) => Uint8Array.fromHex(hex));

type Mutation = (input: Uint8Array, random: PseudoRandom) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  (input, random) => replace(input, { random, length: 1, by: [Uint8Array.of(random.below(256))] }),
  (input, random) => replace(input, { random, length: 0, by: [Uint8Array.of(random.below(256))] }),
  (input, random) => replace(input, { random, length: 1 + random.below(8), by: [] }),
  (input, random) => {
    const bytes = random.pick(INTERESTING);
    return replace(input, { random, length: random.below(2) * bytes.length, by: [bytes] });
  },
  (input, random) => {
    const start = random.below(input.length + 1);
    const part = input.subarray(start, start + 1 + random.below(32));
    return replace(input, { random, length: 0, by: Array<Uint8Array>(1 + random.below(4)).fill(part) });
  },
  (input, random) => {
    if (input.length === 0) return input;
    const at = random.below(input.length);
    return input.with(at, input[at]! ^ (1 << random.below(8)));
  },
  (input, random) => input.slice(0, random.below(input.length + 1)),
];

/** The longest input that is made, in bytes. */
const MAX_BYTES = 8192;

/** An input that comes of one in `corpus`, changed in one to eight places, sometimes with the end of another. */
export function mutate(corpus: readonly Uint8Array[], random: PseudoRandom): Uint8Array {
  let input = random.pick(corpus);
  if (random.below(8) === 0) {
    const other = random.pick(corpus);
    input = concatBytes([
      input.subarray(0, random.below(input.length + 1)),
      other.subarray(random.below(other.length + 1)),
    ]);
  }
  for (let left = 1 + random.below(8); left > 0; left--) input = random.pick(MUTATIONS)(input, random);
  return input.slice(0, MAX_BYTES);
}

function replace(
  input: Uint8Array,
  { random, length, by }: { random: PseudoRandom; length: number; by: readonly Uint8Array[] },
): Uint8Array {
  const at = random.below(input.length + 1);
  return concatBytes([input.subarray(0, at), ...by, input.subarray(at + length)]);
}
