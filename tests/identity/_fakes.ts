import type { Clock } from "../../lib/base/clock.ts";
import type { Random } from "../../lib/base/random.ts";
import { deriveKeys } from "../../lib/identity/keys.ts";

/** The moment at which the tests of this folder begin. */
export const NOW = Date.UTC(2026, 5, 1, 12);

/** A clock that moves only when told. It has no timers. */
export class FakeClock implements Clock {
  #now = NOW;

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - NOW;
  }

  timer(): Disposable {
    throw new Error("no timers here");
  }

  advance(ms: number): void {
    this.#now += ms;
  }
}

/** Random bytes that are all `byte`. */
export function constantRandom(byte: number): Random {
  return { bytes: (length) => new Uint8Array(length).fill(byte) };
}

/** The keys of the secret 01 01 01 …, and those of a stranger's. */
export const keys = await deriveKeys(new Uint8Array(32).fill(1));
export const strangersKeys = await deriveKeys(new Uint8Array(32).fill(2));
