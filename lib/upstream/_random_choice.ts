import type { Balancer, BalancerOptions, Candidate } from "./balancer.ts";
import { draw } from "./_draw.ts";

/** Any of them, by weight. */
export class RandomChoice<C extends Candidate> implements Balancer<C> {
  readonly #random: () => number;

  /** Keeps no state. */
  constructor({ random }: Pick<BalancerOptions<C>, "random">) {
    this.#random = random;
  }

  /** {@inheritDoc Balancer.pick} */
  pick(usable: readonly C[]): C {
    return draw(usable, this.#random);
  }
}
