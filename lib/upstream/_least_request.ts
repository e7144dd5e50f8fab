import type { Balancer, BalancerOptions, Candidate } from "./balancer.ts";
import { draw } from "./_draw.ts";

/** Of two, drawn by weight, the one with less to do for its weight. */
export class LeastRequest<C extends Candidate> implements Balancer<C> {
  readonly #random: () => number;

  /** Keeps no state: what there is to do is counted elsewhere. */
  constructor({ random }: Pick<BalancerOptions<C>, "random">) {
    this.#random = random;
  }

  /** {@inheritDoc Balancer.pick} */
  pick(usable: readonly C[]): C {
    const first = draw(usable, this.#random);
    if (usable.length === 1) return first;
    const second = draw(usable.filter((candidate) => candidate !== first), this.#random);
    return load(second) < load(first) ? second : first;
  }
}

function load({ active, weight }: Candidate): number {
  return (active + 1) / weight;
}
