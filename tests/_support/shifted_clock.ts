import { type Clock, systemClock } from "../../lib/base/clock.ts";

/** The machine's clock, but moved into the future when told. Its timers run as ever. */
export class ShiftedClock implements Clock {
  #shiftMs = 0;

  now(): number {
    return systemClock.now() + this.#shiftMs;
  }

  monotonic(): number {
    return systemClock.monotonic() + this.#shiftMs;
  }

  timer(delayMs: number, run: () => void): Disposable {
    return systemClock.timer(delayMs, run);
  }

  advance(ms: number): void {
    this.#shiftMs += ms;
  }
}
