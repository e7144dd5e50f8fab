import type { Balancer, BalancerOptions, Candidate } from "./balancer.ts";
import { draw } from "./_draw.ts";
import { hashes } from "./_hash.ts";

/** Points on the ring for each service on average; with fewer, the shares are further from the weights. */
const POINTS_EACH = 256;
const MAX_POINTS = 65_536;

/**
 * Consistent hashing: every service has points on a ring, and a key belongs to the next point after its own. When a
 * service cannot be used, its keys alone go to others.
 */
export class RingHash<C extends Candidate> implements Balancer<C> {
  readonly #ring: readonly { readonly at: number; readonly candidate: C }[];
  readonly #random: () => number;

  /** Lays out the ring. */
  constructor({ candidates, random }: BalancerOptions<C>) {
    const weights = candidates.reduce((sum, { weight }) => sum + weight, 0);
    const points = Math.min(MAX_POINTS, candidates.length * POINTS_EACH);
    this.#ring = candidates
      .flatMap((candidate) => {
        const count = Math.max(1, Math.round(points * candidate.weight / weights));
        return Array.from(
          { length: count },
          (_, i) => ({ at: hashes(`${candidate.id}#${i}`)[0], candidate }),
        );
      })
      .sort((a, b) => a.at - b.at);
    this.#random = random;
  }

  /** {@inheritDoc Balancer.pick} */
  pick(usable: readonly C[], hashKey: string | null): C {
    if (hashKey === null) return draw(usable, this.#random);
    const allowed = new Set(usable);
    const start = this.#firstFrom(hashes(hashKey)[0]);
    for (let step = 0; step < this.#ring.length; step++) {
      const { candidate } = this.#ring[(start + step) % this.#ring.length]!;
      if (allowed.has(candidate)) return candidate;
    }
    return usable[0]!;
  }

  #firstFrom(point: number): number {
    let [low, high] = [0, this.#ring.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ring[middle]!.at < point) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
