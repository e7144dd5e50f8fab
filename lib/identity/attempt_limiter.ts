import type { Clock } from "../base/clock.ts";
import { parseIp } from "../base/ip.ts";
import { type AttemptRule, AttemptWindows } from "./_attempt_window.ts";
import { Recent } from "../base/recent.ts";

/** Somebody tries to sign in. */
export interface Attempt {
  /** IP address of the caller, without port; every text that is none counts as one caller. */
  readonly address: string;
  /** The name that was typed, whether or not there is such a user. */
  readonly account: string;
}

/** What is known of an attempt: that it was made, or that its password was right. */
export type AttemptOutcome = "counted" | "right";

/** Whether an attempt may go on. */
export interface AttemptVerdict {
  /** When false, the password must not even be looked at. */
  readonly allowed: boolean;
  /** How long until it is worth trying again, in milliseconds; 0 when allowed. */
  readonly retryAfterMs: number;
}

const MINUTE_MS = 60_000;
const BY_ADDRESS: AttemptRule = { limit: 20, windowMs: MINUTE_MS, undelayed: 20 };
const BY_PAIR: AttemptRule = { limit: 10, windowMs: 15 * MINUTE_MS, undelayed: 3 };
const BY_ACCOUNT: AttemptRule = { limit: 100, windowMs: 15 * MINUTE_MS, undelayed: 100 };
const DEFAULT_MAX_KEYS = 10_000;
/** The longest name a user can have; longer ones count by their beginning. */
const MAX_ACCOUNT_LENGTH = 64;

/**
 * Limits how often a password can be tried, in memory of this process. An attempt must pass three counts:
 *
 * - 20 in a minute for one address (an IPv6 address by its /64), which stops one caller who goes through many accounts;
 * - 10 in 15 minutes for one account from one address, from the fourth on each after a wait that doubles from one second;
 * - 100 in 15 minutes for one account from everywhere, which stops one who comes from many addresses. Addresses from
 *   which the account was signed in to before are not counted and not held up by it, so that others can keep no one out
 *   of their account from where they usually come.
 *
 * Each count remembers its last 10,000 keys. Refused attempts do not count.
 */
export class AttemptLimiter {
  readonly #clock: Clock;
  readonly #byAddress: AttemptWindows;
  readonly #byPair: AttemptWindows;
  readonly #byAccount: AttemptWindows;
  /** Pairs that have signed in. */
  readonly #known: Recent<true>;
  /** Hears of each attempt that was counted here, and of each that was right, for others who count the same. */
  onAttempt: (attempt: Attempt, outcome: AttemptOutcome) => void = () => {};

  /** A limiter that knows of no attempts. `maxKeys`: keys each count remembers; default 10,000. */
  constructor(options: { clock: Clock; maxKeys?: number }) {
    const { clock, maxKeys = DEFAULT_MAX_KEYS } = options;
    this.#clock = clock;
    this.#byAddress = new AttemptWindows(BY_ADDRESS, { maxKeys });
    this.#byPair = new AttemptWindows(BY_PAIR, { maxKeys });
    this.#byAccount = new AttemptWindows(BY_ACCOUNT, { maxKeys });
    this.#known = new Recent(maxKeys);
  }

  /**
   * Asks for an attempt and counts it at once, before the password is looked at, so that many at the same time gain
   * nothing.
   */
  check(attempt: Attempt): AttemptVerdict {
    const now = this.#clock.monotonic();
    const counts = this.#countsFor(attempt);
    const retryAfterMs = Math.max(...counts.map(([windows, key]) => windows.waitMs(key, now)));
    if (retryAfterMs > 0) return { allowed: false, retryAfterMs };
    for (const [windows, key] of counts) windows.count(key, now);
    this.onAttempt(attempt, "counted");
    return { allowed: true, retryAfterMs: 0 };
  }

  /** Says that an allowed attempt had the right password: the account starts afresh from that address. */
  succeeded(attempt: Attempt): void {
    this.heard(attempt, "right");
    this.onAttempt(attempt, "right");
  }

  /** Takes what another process has counted. */
  heard(attempt: Attempt, outcome: AttemptOutcome): void {
    if (outcome === "counted") {
      const now = this.#clock.monotonic();
      for (const [windows, key] of this.#countsFor(attempt)) windows.count(key, now);
      return;
    }
    const { pair } = keysOf(attempt);
    this.#byPair.forget(pair);
    this.#known.set(pair, true);
  }

  #countsFor(attempt: Attempt): readonly (readonly [AttemptWindows, string])[] {
    const { address, account, pair } = keysOf(attempt);
    const counts = [[this.#byAddress, address], [this.#byPair, pair]] as const;
    return this.#known.get(pair) ? counts : [...counts, [this.#byAccount, account]];
  }
}

function keysOf(attempt: Attempt): { address: string; account: string; pair: string } {
  const address = prefixOf(attempt.address);
  const account = attempt.account.toLowerCase().slice(0, MAX_ACCOUNT_LENGTH);
  return { address, account, pair: `${address} ${account}` };
}

function prefixOf(address: string): string {
  const ip = parseIp(address);
  if (ip === null) return "unknown";
  return ip.version === 4 ? `4/${ip.value}` : `6/${ip.value >> 64n}`;
}
