import type { Clock } from "../base/clock.ts";

/** How often something may happen. */
export interface BudgetOptions {
  /** So often at once. */
  readonly burst: number;
  /** So often for long. */
  readonly perSecond: number;
  /** For the seconds. */
  readonly clock: Pick<Clock, "monotonic">;
}

/** Bounds what a peer does that costs something and is of no use. */
export class FrameBudget {
  readonly #options: BudgetOptions;
  #left: number;
  #since: number;

  /** All of the burst is left. */
  constructor(options: BudgetOptions) {
    this.#options = options;
    this.#left = options.burst;
    this.#since = options.clock.monotonic();
  }

  /** It happens once more. @returns whether that is not too often */
  take(): boolean {
    if (this.#left < 1) this.#refill();
    return --this.#left >= 0;
  }

  /** Something useful came, which makes up for one. */
  earn(): void {
    if (this.#left < this.#options.burst) this.#left++;
  }

  #refill(): void {
    const { burst, perSecond, clock } = this.#options;
    const now = clock.monotonic();
    this.#left = Math.min(burst, this.#left + (now - this.#since) / 1000 * perSecond);
    this.#since = now;
  }
}
