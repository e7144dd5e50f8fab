import { beforeEach, describe, expect, it } from "vitest";
import { AttemptLimiter } from "../../lib/identity/attempt_limiter.ts";
import { FakeClock } from "./_fakes.ts";

const MINUTE_MS = 60_000;

let clock: FakeClock;
let limiter: AttemptLimiter;
beforeEach(() => {
  clock = new FakeClock();
  limiter = new AttemptLimiter({ clock });
});

/** Tries until refused, waiting as told when `patient`. @returns how many were allowed of `tries` */
function attack(
  tries: number,
  who: (i: number) => { address: string; account: string },
  patient = false,
): number {
  let allowed = 0;
  for (let i = 0; i < tries; i++) {
    const verdict = limiter.check(who(i));
    if (verdict.allowed) allowed++;
    else if (patient) clock.advance(verdict.retryAfterMs);
  }
  return allowed;
}

describe("AttemptLimiter", () => {
  it("lets a few mistakes pass at once", () => {
    expect(attack(3, () => ({ address: "192.0.2.1", account: "ada" }))).toBe(3);
  });

  it("doubles the wait for one account from one address", () => {
    const attempt = { address: "192.0.2.1", account: "ada" };
    attack(3, () => attempt);
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      const { allowed, retryAfterMs } = limiter.check(attempt);
      expect(allowed).toBe(false);
      waits.push(retryAfterMs);
      clock.advance(retryAfterMs - 1);
      expect(limiter.check(attempt)).toEqual({ allowed: false, retryAfterMs: 1 });
      clock.advance(1);
      expect(limiter.check(attempt)).toEqual({ allowed: true, retryAfterMs: 0 });
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 64_000]);
  });

  it("guessing one account: ten attempts in 15 minutes, however patient, then again ten", () => {
    const attempt = { address: "192.0.2.1", account: "ada" };
    let allowed = 0;
    for (; clock.monotonic() < 15 * MINUTE_MS; clock.advance(1000)) {
      if (limiter.check(attempt).allowed) allowed++;
    }
    expect(allowed).toBe(10);
    expect(limiter.check(attempt).allowed).toBe(true);
  });

  it("guessing in parallel gains nothing: an attempt counts before it is answered", () => {
    expect(attack(1000, () => ({ address: "192.0.2.1", account: "ada" }))).toBe(3);
  });

  it("spraying one password over many accounts: 20 in a minute from one address", () => {
    expect(attack(100, (i) => ({ address: "192.0.2.1", account: `user${i}` }))).toBe(20);
    expect(limiter.check({ address: "192.0.2.1", account: "x" }).retryAfterMs).toBe(MINUTE_MS);
    clock.advance(MINUTE_MS);
    expect(limiter.check({ address: "192.0.2.1", account: "x" }).allowed).toBe(true);
  });

  it.each([
    ["addresses of one IPv6 /64", (i: number) => `2001:db8:1:2::${i.toString(16)}`],
    ["spellings of one address", (i: number) => ["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"][i % 3]!],
    ["texts that are no address", (i: number) => `nonsense-${i}`],
  ])("hopping between %s gains nothing", (_, address) => {
    expect(attack(100, (i) => ({ address: address(i), account: `user${i}` }))).toBe(20);
  });

  it.each([
    ["two IPv4 addresses", (i: number) => `192.0.2.${i % 2}`],
    ["two IPv6 networks", (i: number) => `2001:db8:0:${i % 2}::1`],
  ])("counts %s apart", (_, address) => {
    expect(attack(100, (i) => ({ address: address(i), account: `user${i}` }))).toBe(40);
  });

  it.each([
    ["case", (i: number) => (i % 2 === 0 ? "ada" : "ADA")],
    ["what follows the 64th character", (i: number) => "x".repeat(64) + i],
  ])("varying an account by %s gains nothing", (_, account) => {
    expect(attack(100, (i) => ({ address: "192.0.2.1", account: account(i) }))).toBe(3);
  });

  it("guessing one account from everywhere: 100 in 15 minutes", () => {
    expect(attack(500, (i) => ({ address: `198.51.${i >> 8}.${i & 255}`, account: "ada" }))).toBe(100);
  });

  it("locking somebody out: an attack from elsewhere does not reach where they signed in before", () => {
    const home = { address: "192.0.2.1", account: "ada" };
    expect(limiter.check(home).allowed).toBe(true);
    limiter.succeeded(home);
    for (let round = 0; round < 10; round++) {
      attack(500, (i) => ({ address: `198.51.${i >> 8}.${i & 255}`, account: "ada" }));
      expect(limiter.check(home).allowed).toBe(true);
      limiter.succeeded(home);
      clock.advance(MINUTE_MS);
    }
  });

  it("locking somebody out: not even from elsewhere for longer than the window after the attack", () => {
    attack(500, (i) => ({ address: `198.51.${i >> 8}.${i & 255}`, account: "ada" }));
    const verdict = limiter.check({ address: "203.0.113.9", account: "ada" });
    expect(verdict).toEqual({ allowed: false, retryAfterMs: 15 * MINUTE_MS });
    clock.advance(verdict.retryAfterMs);
    expect(limiter.check({ address: "203.0.113.9", account: "ada" }).allowed).toBe(true);
  });

  it("does not count refused attempts, so that trying too early costs nothing", () => {
    const attempt = { address: "192.0.2.1", account: "ada" };
    attack(1000, () => attempt);
    clock.advance(1000);
    expect(limiter.check(attempt).allowed).toBe(true);
  });

  it("starts afresh after a success, but still guards that address", () => {
    const attempt = { address: "192.0.2.1", account: "ada" };
    for (let i = 0; i < 20; i++) {
      expect(limiter.check(attempt).allowed).toBe(true);
      limiter.succeeded(attempt);
    }
    expect(limiter.check(attempt)).toEqual({ allowed: false, retryAfterMs: MINUTE_MS });
  });

  it("remembers a bounded number of keys and forgets first what was quiet for longest", () => {
    limiter = new AttemptLimiter({ clock, maxKeys: 2 });
    const addressOf = (i: number) => ({ address: `192.0.2.${i}`, account: `user${i}` });
    attack(2, () => addressOf(1));
    attack(3, () => addressOf(2));
    attack(1, () => addressOf(1));
    expect(limiter.check(addressOf(2)).allowed).toBe(false);
    attack(1, () => addressOf(3));
    expect(limiter.check(addressOf(1)).allowed).toBe(false);
    expect(limiter.check(addressOf(2)).allowed).toBe(true);
  });
});
