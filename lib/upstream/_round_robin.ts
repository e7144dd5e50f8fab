import type { Balancer, Candidate } from "./balancer.ts";

/**
 * One after the other, by weight, those of one service as far apart as they can be: at each turn everyone gains their
 * weight, and whoever has most is taken and pays the sum.
 */
export class RoundRobin<C extends Candidate> implements Balancer<C> {
  readonly #credit = new WeakMap<C, number>();

  /** {@inheritDoc Balancer.pick} */
  pick(usable: readonly C[]): C {
    let best = usable[0]!;
    let sum = 0;
    for (const candidate of usable) {
      this.#credit.set(candidate, this.#creditOf(candidate) + candidate.weight);
      sum += candidate.weight;
      if (this.#creditOf(candidate) > this.#creditOf(best)) best = candidate;
    }
    this.#credit.set(best, this.#creditOf(best) - sum);
    return best;
  }

  #creditOf(candidate: C): number {
    return this.#credit.get(candidate) ?? 0;
  }
}
