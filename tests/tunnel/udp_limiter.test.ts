import { beforeEach, describe, expect, it } from "vitest";
import type { UdpLimits } from "../../lib/config/udp_limits.ts";
import { UdpLimiter, type UdpPermit } from "../../lib/tunnel/udp_limiter.ts";
import { ManualClock } from "../_support/manual_clock.ts";

const UNLIMITED: UdpLimits = {
  packetsPerSecond: 0,
  bytesPerSecond: 0,
  tunnelsPerUser: 100,
  tunnelsPerRoute: 100,
  maxTunnels: 100,
  replyRatio: 0,
  mtuBytes: 1500,
};
const MIB = 1024 * 1024;

let clock: ManualClock;
let settings: UdpLimits;
let limiter: UdpLimiter;

beforeEach(() => {
  clock = new ManualClock();
  settings = UNLIMITED;
  limiter = new UdpLimiter({ settings: () => settings, clock });
});

function admit(user = "ann", routeId = "r"): UdpPermit {
  const permit = limiter.admit({ user, routeId });
  if (typeof permit === "string") throw new Error(permit);
  return permit;
}

/** How many datagrams in a row may pass. */
function count(permit: UdpPermit, direction: "up" | "down", bytes = 1): number {
  let passed = 0;
  while (passed < 10_000 && permit.check(direction, bytes) === null) passed++;
  return passed;
}

describe("UdpLimiter.admit()", () => {
  it.each([
    ["in all", { maxTunnels: 2 }, "udp/too-many-tunnels", "bob", "s"],
    ["of one user", { tunnelsPerUser: 2 }, "udp/too-many-of-user", "ann", "s"],
    ["of one route", { tunnelsPerRoute: 2 }, "udp/too-many-of-route", "bob", "r"],
  ])("refuses the third of two tunnels %s, until one has ended", (_what, limits, code, user, routeId) => {
    settings = { ...UNLIMITED, ...limits };
    const [first] = [admit(), admit()];
    expect(limiter.admit({ user, routeId })).toBe(code);
    expect(limiter.figures.refused).toMatchObject({ [code]: 1 });
    expect(limiter.tunnels).toBe(2);
    first![Symbol.dispose]();
    first![Symbol.dispose]();
    expect(limiter.tunnels).toBe(1);
    admit(user, routeId);
    expect(limiter.tunnels).toBe(2);
  });

  it("lets another user through another route in", () => {
    settings = { ...UNLIMITED, tunnelsPerUser: 1, tunnelsPerRoute: 1 };
    admit("ann", "r");
    admit("bob", "s");
    expect(limiter.tunnels).toBe(2);
  });
});

describe("the rate of a user", () => {
  it("is a second's worth at once, then so much as time goes on, over all their tunnels", () => {
    settings = { ...UNLIMITED, packetsPerSecond: 100 };
    const [first, second] = [admit(), admit()];
    expect([count(first!, "up"), count(second!, "up")]).toEqual([100, 0]);
    clock.advance(250);
    expect([count(second!, "up"), count(first!, "up")]).toEqual([25, 0]);
    clock.advance(60_000);
    expect(count(first!, "up")).toBe(100);
  });

  it("counts each way, and each user, by itself", () => {
    settings = { ...UNLIMITED, packetsPerSecond: 10 };
    const [ann, bob] = [admit("ann"), admit("bob")];
    expect([count(ann!, "up"), count(ann!, "down"), count(bob!, "up")]).toEqual([10, 10, 10]);
  });

  it("is also one of bytes", () => {
    settings = { ...UNLIMITED, bytesPerSecond: 100_000 };
    expect(count(admit(), "down", 1000)).toBe(100);
  });

  it("is not had anew by opening another tunnel", () => {
    settings = { ...UNLIMITED, packetsPerSecond: 100 };
    const first = admit();
    expect(count(first, "up")).toBe(100);
    first[Symbol.dispose]();
    clock.advance(100);
    expect(count(admit(), "up")).toBe(10);
  });

  it("follows the configuration", () => {
    settings = { ...UNLIMITED, packetsPerSecond: 10 };
    const permit = admit();
    expect(count(permit, "up")).toBe(10);
    settings = UNLIMITED;
    expect(count(permit, "up")).toBe(10_000);
    settings = { ...UNLIMITED, packetsPerSecond: 20 };
    clock.advance(1000);
    expect(count(permit, "up")).toBe(20);
  });

  it("leaves nothing behind of users who are gone", () => {
    admit()[Symbol.dispose]();
    expect(clock.pending).toBe(1);
    clock.advance(1000);
    expect(clock.pending).toBe(0);
  });
});

describe("the reply ratio", () => {
  beforeEach(() => {
    settings = { ...UNLIMITED, replyRatio: 10 };
  });

  it("lets 64 MiB in ten seconds pass, and ten times what the client sends", () => {
    const permit = admit();
    expect(permit.check("up", MIB)).toBeNull();
    expect(count(permit, "down", MIB)).toBe(74);
    expect(permit.check("down", MIB)).toBe("reply-ratio");
    expect(permit.check("up", MIB)).toBeNull();
    expect(count(permit, "down", MIB)).toBe(10);
    clock.advance(10_000);
    expect(count(permit, "down", MIB)).toBe(64);
  });

  it("is of each tunnel by itself", () => {
    const [first, second] = [admit(), admit()];
    expect([count(first!, "down", MIB), count(second!, "down", MIB)]).toEqual([64, 64]);
  });
});

it("counts what passed and what was lost, of each tunnel and of all", () => {
  const [first, second] = [admit(), admit()];
  first!.passed("up", 10);
  second!.passed("down", 20);
  first!.lost("congested");
  second!.lost("stranger");
  second!.lost("stranger");
  expect(limiter.figures).toMatchObject({
    packetsUp: 1,
    packetsDown: 1,
    bytesUp: 10,
    bytesDown: 20,
    dropped: { congested: 1, stranger: 2, "rate-limit": 0 },
  });
  expect([first!.dropped, second!.dropped]).toMatchObject([{ congested: 1, stranger: 0 }, { stranger: 2 }]);
});
