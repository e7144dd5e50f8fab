import { Recent } from "../base/recent.ts";

/** How many attempts one key has. */
export interface AttemptRule {
  /** Attempts in one window. */
  readonly limit: number;
  /** Length of the window. */
  readonly windowMs: number;
  /** Attempts before each further one must wait: a second, then twice as long each time. */
  readonly undelayed: number;
}

interface Window {
  readonly startedAt: number;
  readonly lastAt: number;
  readonly count: number;
}

const FIRST_DELAY_MS = 1000;

/** Counts the attempts of each key in a window that begins with its first one. */
export class AttemptWindows {
  readonly #rule: AttemptRule;
  readonly #windows: Recent<Window>;

  /** Counts by `rule`, for the `maxKeys` keys that tried last. */
  constructor(rule: AttemptRule, options: { maxKeys: number }) {
    this.#rule = rule;
    this.#windows = new Recent(options.maxKeys);
  }

  /** How long until the key may try, 0 when it may now. */
  waitMs(key: string, now: number): number {
    const { limit, windowMs, undelayed } = this.#rule;
    const window = this.#current(key, now);
    if (window === null) return 0;
    if (window.count >= limit) return window.startedAt + windowMs - now;
    if (window.count < undelayed) return 0;
    return Math.max(0, window.lastAt + FIRST_DELAY_MS * 2 ** (window.count - undelayed) - now);
  }

  /** Counts one attempt. */
  count(key: string, now: number): void {
    const window = this.#current(key, now);
    this.#windows.set(key, {
      startedAt: window?.startedAt ?? now,
      lastAt: now,
      count: (window?.count ?? 0) + 1,
    });
  }

  /** Lets the key begin afresh. */
  forget(key: string): void {
    this.#windows.delete(key);
  }

  #current(key: string, now: number): Window | null {
    const window = this.#windows.get(key);
    return window === undefined || now >= window.startedAt + this.#rule.windowMs ? null : window;
  }
}
