/** Numbers that look random and are the same again for the same seed (the generator "mulberry32"). Not for secrets. */
export class PseudoRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 to `bound`-1; `bound` is 1 to 2^32. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * bound);
  }

  /** One of `items`, of which there must be some. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}
