import type { CircuitBreakers } from "../config/upstream_settings.ts";

/** What is counted. */
export type Breaker = keyof CircuitBreakers;

/** Counts what a route has at once, up to its limits. */
export class Breakers {
  /** What is refused; changes count from the next on. */
  limits: CircuitBreakers;
  readonly #counts: Record<Breaker, number> = {
    maxConnections: 0,
    maxPendingRequests: 0,
    maxRequests: 0,
    maxRetries: 0,
  };

  /** Nothing is counted yet. */
  constructor(limits: CircuitBreakers) {
    this.limits = limits;
  }

  /** Counts one more. @returns how to give it back, once; `null` when there are as many as there may be */
  take(breaker: Breaker): Disposable | null {
    const limit = this.limits[breaker];
    if (limit !== null && this.#counts[breaker] >= limit) return null;
    return new Place(this.#counts, breaker);
  }
}

class Place implements Disposable {
  readonly #counts: Record<Breaker, number>;
  readonly #breaker: Breaker;
  #isHeld = true;

  constructor(counts: Record<Breaker, number>, breaker: Breaker) {
    this.#counts = counts;
    this.#breaker = breaker;
    counts[breaker]++;
  }

  [Symbol.dispose](): void {
    if (this.#isHeld) this.#counts[this.#breaker]--;
    this.#isHeld = false;
  }
}
