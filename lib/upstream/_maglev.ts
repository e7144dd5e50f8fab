import type { Balancer, BalancerOptions, Candidate } from "./balancer.ts";
import { draw } from "./_draw.ts";
import { hashes } from "./_hash.ts";

/** A prime, so that every step goes through the whole table. */
const TABLE_SIZE = 65_537;

/**
 * Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4): services take places of a table in turn, each in an order of
 * its own, and a key belongs to a place. Shares are closer to the weights than on a ring. When a service cannot be used,
 * its keys alone go to others, those of the places that follow.
 */
export class Maglev<C extends Candidate> implements Balancer<C> {
  readonly #table: readonly C[];
  readonly #random: () => number;

  /** Fills the table. */
  constructor({ candidates, random }: BalancerOptions<C>) {
    this.#table = tableOf(candidates);
    this.#random = random;
  }

  /** {@inheritDoc Balancer.pick} */
  pick(usable: readonly C[], hashKey: string | null): C {
    if (hashKey === null) return draw(usable, this.#random);
    const allowed = new Set(usable);
    const start = hashes(hashKey)[0] % TABLE_SIZE;
    for (let step = 0; step < TABLE_SIZE; step++) {
      const candidate = this.#table[(start + step) % TABLE_SIZE]!;
      if (allowed.has(candidate)) return candidate;
    }
    // One of so little weight that it has no place.
    return usable[0]!;
  }
}

function tableOf<C extends Candidate>(candidates: readonly C[]): readonly C[] {
  if (candidates.length === 0) return [];
  const table = new Array<C | undefined>(TABLE_SIZE);
  const heaviest = Math.max(...candidates.map(({ weight }) => weight));
  const takers = candidates.map((candidate) => {
    const [offset, skip] = hashes(candidate.id);
    const rate = candidate.weight / heaviest;
    return { candidate, next: offset % TABLE_SIZE, skip: skip % (TABLE_SIZE - 1) + 1, rate, due: 0 };
  });
  for (let filled = 0; filled < TABLE_SIZE;) {
    for (const taker of takers) {
      taker.due += taker.rate;
      if (taker.due < 1 || filled === TABLE_SIZE) continue;
      taker.due -= 1;
      while (table[taker.next] !== undefined) taker.next = (taker.next + taker.skip) % TABLE_SIZE;
      table[taker.next] = taker.candidate;
      filled++;
    }
  }
  return table as C[];
}
