import type { Clock } from "../base/clock.ts";
import { parseIp } from "../base/ip.ts";

/** What a host is held to account for, and for how long, in milliseconds. */
const PENALTIES: Readonly<Record<Offence, number>> = {
  /** It went, or was late, without having proven to hold a key. */
  "no-sign-in": 1000,
  /** It failed to sign in as often as one may. */
  "sign-in-failed": 5000,
  /** It broke the rules of the protocol. */
  "protocol-error": 2000,
};

/** What a host did. */
export type Offence = "no-sign-in" | "sign-in-failed" | "protocol-error";

/** Below this nobody is turned away: everybody errs at times, and `ssh-keyscan` asks for keys that are not there. */
const TOLERATED_MS = 30_000;
/** Nobody is turned away for longer. */
const MAX_MS = 10 * 60_000;
const MAX_HOSTS = 10_000;

/**
 * Turns away hosts that keep failing: each offence adds to a time that runs down by itself, and whoever has more than 30
 * seconds of it is not served. Remembers 10,000 hosts, those that offended last; an IPv6 host is its /64.
 */
export class Penalties {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();
  /** Hears of each offence that was noted here, and of who was forgiven (`null`), for others who keep the same. */
  onChange: (address: string, offence: Offence | null) => void = () => {};

  /** Nobody has a penalty yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes an offence. @param address without port */
  add(address: string, offence: Offence): void {
    this.heard(address, offence);
    this.onChange(address, offence);
  }

  /** Forgets what a host did: its user has signed in. */
  forgive(address: string): void {
    this.heard(address, null);
    this.onChange(address, null);
  }

  /** Takes what another process has noted. @param offence `null`: the host is forgiven */
  heard(address: string, offence: Offence | null): void {
    if (offence === null) return void this.#until.delete(hostOf(address));
    const host = hostOf(address);
    const now = this.#clock.monotonic();
    const until = Math.min(Math.max(now, this.#until.get(host) ?? 0) + PENALTIES[offence], now + MAX_MS);
    this.#until.delete(host);
    this.#until.set(host, until);
    if (this.#until.size > MAX_HOSTS) this.#until.delete(this.#until.keys().next().value!);
  }

  /** Whether a host is not to be served now. */
  isRefused(address: string): boolean {
    return (this.#until.get(hostOf(address)) ?? 0) - this.#clock.monotonic() > TOLERATED_MS;
  }
}

function hostOf(address: string): string {
  const ip = parseIp(address);
  if (ip === null) return address;
  return ip.version === 4 ? address : `6/${ip.value >> 64n}`;
}
