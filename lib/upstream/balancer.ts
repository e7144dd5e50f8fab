import type { BalancingPolicy } from "../config/upstream_settings.ts";
import { LeastRequest } from "./_least_request.ts";
import { Maglev } from "./_maglev.ts";
import { RandomChoice } from "./_random_choice.ts";
import { RingHash } from "./_ring_hash.ts";
import { RoundRobin } from "./_round_robin.ts";

/** What a balancer knows of a service. */
export interface Candidate {
  /** The same for the same service, whatever stands beside it. */
  readonly id: string;
  /** At least 1: its share relative to the others. */
  readonly weight: number;
  /** Requests and tunnels that it has now. */
  readonly active: number;
}

/** Spreads requests over services. */
export interface Balancer<C extends Candidate> {
  /**
   * The service for the next request.
   *
   * @param usable at least one of those that the balancer was made for, in any order
   * @param hashKey what has to lead to the same service each time, for the policies that look at it; `null`: nothing
   */
  pick(usable: readonly C[], hashKey: string | null): C;
}

/** What a balancer is made of. */
export interface BalancerOptions<C extends Candidate> {
  /** All there are. */
  readonly candidates: readonly C[];
  /** 0 (included) to 1 (excluded) at each call. */
  readonly random: () => number;
}

/** A balancer of one policy. */
export function balancerOf<C extends Candidate>(
  policy: BalancingPolicy,
  options: BalancerOptions<C>,
): Balancer<C> {
  switch (policy) {
    case "ROUND_ROBIN":
      return new RoundRobin();
    case "LEAST_REQUEST":
      return new LeastRequest(options);
    case "RANDOM":
      return new RandomChoice(options);
    case "RING_HASH":
      return new RingHash(options);
    case "MAGLEV":
      return new Maglev(options);
  }
}
