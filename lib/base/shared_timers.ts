import type { Clock } from "./clock.ts";

/** With more different delays at once, the rest have timers of their own. */
const MAX_DELAYS = 64;
/** Delays that are settings, and so come again, are round; those that are the rest of a time hardly ever. */
const ROUND_MS = 100;

/**
 * A clock whose timers of the same round delay share one of the machine's: they fall due in the order in which they were set, and
 * nearly all are disposed long before, so that setting one and disposing it costs next to nothing.
 */
export function sharedTimers(clock: Clock): Clock {
  const queues = new Map<number, DelayQueue>();
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    timer(delayMs, run) {
      if (delayMs % ROUND_MS !== 0) return clock.timer(delayMs, run);
      let queue = queues.get(delayMs);
      if (queue === undefined) {
        if (queues.size >= MAX_DELAYS) return clock.timer(delayMs, run);
        queue = new DelayQueue(clock, { delayMs, onIdle: () => queues.delete(delayMs) });
        queues.set(delayMs, queue);
      }
      return queue.add(run);
    },
  };
}

/** Timers of one delay, the first to fall due in front. */
class DelayQueue {
  readonly #clock: Clock;
  readonly #options: { readonly delayMs: number; readonly onIdle: () => void };
  readonly #ring: Entry;

  constructor(clock: Clock, options: { delayMs: number; onIdle: () => void }) {
    this.#clock = clock;
    this.#options = options;
    this.#ring = new Entry(Infinity, () => {});
    this.#wait(options.delayMs);
  }

  add(run: () => void): Disposable {
    const entry = new Entry(this.#clock.monotonic() + this.#options.delayMs, run);
    entry.linkBefore(this.#ring);
    return entry;
  }

  #wait(ms: number): void {
    this.#clock.timer(ms, () => this.#fire());
  }

  #fire(): void {
    for (let first = this.#ring.next; first.atMs <= this.#clock.monotonic(); first = this.#ring.next) {
      first[Symbol.dispose]();
      try {
        first.run();
      } catch (error) {
        // The others are not to wait for ever.
        reportError(error);
      }
    }
    const { atMs } = this.#ring.next;
    if (atMs === Infinity) this.#options.onIdle();
    else this.#wait(Math.max(1, Math.ceil(atMs - this.#clock.monotonic())));
  }
}

class Entry implements Disposable {
  readonly atMs: number;
  readonly run: () => void;
  next: Entry = this;
  #previous: Entry = this;

  constructor(atMs: number, run: () => void) {
    this.atMs = atMs;
    this.run = run;
  }

  linkBefore(other: Entry): void {
    this.next = other;
    this.#previous = other.#previous;
    other.#previous.next = this;
    other.#previous = this;
  }

  [Symbol.dispose](): void {
    this.#previous.next = this.next;
    this.next.#previous = this.#previous;
    this.next = this.#previous = this;
  }
}
