import { describe, expect, it } from "vitest";
import { Penalties } from "../../lib/ssh/penalties.ts";
import { ManualClock } from "../_support/manual_clock.ts";

function offend(penalties: Penalties, address: string, times: number): void {
  for (let n = 0; n < times; n++) penalties.add(address, "sign-in-failed");
}

describe("Penalties", () => {
  it("turns a host away that keeps failing, and serves it again after a while", () => {
    const clock = new ManualClock();
    const penalties = new Penalties(clock);
    offend(penalties, "192.0.2.1", 6);
    expect(penalties.isRefused("192.0.2.1")).toBe(false);
    offend(penalties, "192.0.2.1", 1);
    expect(penalties.isRefused("192.0.2.1")).toBe(true);
    expect(penalties.isRefused("192.0.2.2")).toBe(false);
    clock.advance(5000);
    expect(penalties.isRefused("192.0.2.1")).toBe(false);
  });

  it("turns nobody away for more than ten minutes", () => {
    const clock = new ManualClock();
    const penalties = new Penalties(clock);
    offend(penalties, "192.0.2.1", 10_000);
    clock.advance(10 * 60_000);
    expect(penalties.isRefused("192.0.2.1")).toBe(false);
  });

  it("takes the /64 of IPv6 for one host", () => {
    const penalties = new Penalties(new ManualClock());
    offend(penalties, "2001:db8::1", 7);
    expect(penalties.isRefused("2001:db8::2")).toBe(true);
    expect(penalties.isRefused("2001:db8:0:1::1")).toBe(false);
  });

  it("forgets what a host did once its user has signed in", () => {
    const penalties = new Penalties(new ManualClock());
    offend(penalties, "192.0.2.1", 7);
    penalties.forgive("192.0.2.1");
    expect(penalties.isRefused("192.0.2.1")).toBe(false);
  });

  it("remembers 10,000 hosts", () => {
    const penalties = new Penalties(new ManualClock());
    offend(penalties, "10.0.0.0", 7);
    for (let n = 1; n <= 10_000; n++) offend(penalties, `10.0.${n >> 8}.${n & 255}`, 1);
    expect(penalties.isRefused("10.0.0.0")).toBe(false);
  });
});
