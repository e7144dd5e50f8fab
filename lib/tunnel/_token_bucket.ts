/** A limit in units a second that lets a second's worth through at once. */
export class TokenBucket {
  #tokens: number;
  #atMs: number;

  /** A full bucket. @param perSecond how much it holds; @param nowMs of a clock that never goes back */
  constructor(perSecond: number, nowMs: number) {
    this.#tokens = perSecond;
    this.#atMs = nowMs;
  }

  /**
   * Takes `amount` out of the bucket, if there is so much in it.
   *
   * @param limit `perSecond`: as it is now, 0 is unlimited; `nowMs`: of the same clock
   * @returns whether there was
   */
  take(amount: number, { perSecond, nowMs }: { perSecond: number; nowMs: number }): boolean {
    if (perSecond === 0) return true;
    const filled = this.#tokens + (nowMs - this.#atMs) * perSecond / 1000;
    this.#tokens = Math.min(perSecond, filled);
    this.#atMs = nowMs;
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }
}
