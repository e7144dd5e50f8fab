import { beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { type TunnelFacts, type TunnelLimits, TunnelRegistry } from "../../lib/tunnel/registry.ts";
import { splice } from "../../lib/tunnel/splice.ts";
import type { TunnelEndReason } from "../../lib/tunnel/tunnel_end.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { readExactly } from "../_support/test_gateway.ts";
import { tunnelEnds, turn } from "./_ends.ts";

const UNLIMITED: TunnelLimits = { idleTimeoutMs: 0, maxDurationMs: 0, sessionExpiresAt: null };
const FACTS: Omit<TunnelFacts, "id"> = {
  protocol: "tcp",
  routeId: "r-1",
  target: { host: "redis.test", port: 6379 },
  upstreamUrl: "tcp://10.0.0.1:6379",
  ip: "192.0.2.7",
  clientCertificates: null,
  sessionId: "s-1",
  userId: "u-1",
  email: "ann@example.com",
};
const DAY_MS = 86_400_000;

let clock: ManualClock;
let registry: TunnelRegistry;

beforeEach(() => {
  clock = new ManualClock();
  registry = new TunnelRegistry(clock);
});

/** A tunnel in the registry. Its far ends answer an end with an end, as polite peers do. */
function open(id: string, limits: Partial<TunnelLimits> & { sessionId?: string } = {}) {
  const ends = tunnelEnds();
  const state = { hasEnded: false };
  const done = registry.run(
    { ...FACTS, id, sessionId: limits.sessionId ?? FACTS.sessionId },
    { move: (live) => splice(ends.client, ends.service, live), limits: { ...UNLIMITED, ...limits } },
  ).then((end) => {
    state.hasEnded = true;
    return end;
  });
  return {
    ...ends,
    done,
    get hasEnded() {
      return state.hasEnded;
    },
    hangUp: () => Promise.all([ends.clientFar.closeWrite(), ends.serviceFar.closeWrite()]),
  };
}

describe("TunnelRegistry.run()", () => {
  it("keeps a tunnel in the list, with live figures, until it ends", async () => {
    const openedAt = clock.now();
    const tunnel = open("t-1");
    const [live] = registry.list();
    expect(live).toMatchObject({ ...FACTS, id: "t-1", openedAt, bytesUp: 0, bytesDown: 0 });
    await Promise.all([tunnel.clientFar.write(utf8("ping")), readExactly(tunnel.serviceFar, 4)]);
    await Promise.all([tunnel.serviceFar.write(utf8("pong!")), readExactly(tunnel.clientFar, 5)]);
    await turn();
    expect([live!.bytesUp, live!.bytesDown]).toEqual([4, 5]);
    clock.advance(1500);
    await tunnel.hangUp();
    expect(await tunnel.done).toEqual({
      reason: "completed",
      detail: null,
      bytesUp: 4,
      bytesDown: 5,
      packetsUp: 0,
      packetsDown: 0,
      durationMs: 1500,
    });
    expect([registry.size, registry.list()]).toEqual([0, []]);
    expect([tunnel.client.isClosed, tunnel.service.isClosed]).toEqual([true, true]);
  });

  it("lists the oldest tunnel first", async () => {
    const tunnels = ["b", "a", "c"].map((id) => open(id));
    expect(registry.list().map(({ id }) => id)).toEqual(["b", "a", "c"]);
    await Promise.all(tunnels.map((tunnel) => tunnel.hangUp()));
    await registry.empty();
  });

  it.each(
    [
      ["client", "client-reset"],
      ["service", "upstream-reset"],
    ] as const,
  )("resolves when the %s breaks: %s", async (side, reason) => {
    const tunnel = open("t-1");
    tunnel[side].break();
    await tunnel.clientFar.closeWrite();
    expect((await tunnel.done).reason).toBe(reason);
    expect(registry.size).toBe(0);
  });

  it.each([
    ["its duration", { maxDurationMs: 60_000 }, 60_000, "time-limit"],
    ["a duration of more than 2^31 ms", { maxDurationMs: 60 * DAY_MS }, 60 * DAY_MS, "time-limit"],
    ["its session", { sessionExpiresAt: Date.UTC(2026, 5, 1, 13) }, 3_600_000, "session-expired"],
    ["a long session", { sessionExpiresAt: Date.UTC(2027, 5, 1, 12) }, 365 * DAY_MS, "session-expired"],
    ["the shorter of two", { maxDurationMs: 2, sessionExpiresAt: Date.UTC(2027, 0) }, 2, "time-limit"],
  ])("ends a tunnel at the end of %s, not before", async (_, limits, lifeMs, reason) => {
    const tunnel = open("t-1", limits);
    clock.advance(lifeMs - 1);
    await turn();
    expect(tunnel.service.isClosed).toBe(false);
    clock.advance(1);
    await tunnel.clientFar.closeWrite();
    expect(await tunnel.done).toMatchObject({ reason, durationMs: lifeMs });
  });

  it("ends a tunnel at once when its session is over already", async () => {
    const tunnel = open("t-1", { sessionExpiresAt: clock.now() - 1 });
    clock.advance(0);
    await tunnel.clientFar.closeWrite();
    expect((await tunnel.done).reason).toBe("session-expired");
  });

  it.each([8, 1000, 300_000, 60 * DAY_MS, 1])(
    "ends a tunnel without traffic after %d ms, or up to an eighth later",
    async (idleTimeoutMs) => {
      const tunnel = open("t-1", { idleTimeoutMs });
      clock.advance(idleTimeoutMs - 1);
      await turn();
      expect(tunnel.service.isClosed).toBe(false);
      clock.advance(1 + Math.ceil(idleTimeoutMs / 8));
      await tunnel.clientFar.closeWrite();
      expect((await tunnel.done).reason).toBe("idle-timeout");
    },
  );

  it.each(
    [
      ["client", "clientFar", "serviceFar"],
      ["service", "serviceFar", "clientFar"],
    ] as const,
  )("takes a single byte of the %s now and then for traffic", async (_, from, to) => {
    const tunnel = open("t-1", { idleTimeoutMs: 1000 });
    for (let i = 0; i < 20; i++) {
      clock.advance(900);
      await Promise.all([tunnel[from].write(utf8("x")), readExactly(tunnel[to], 1)]);
      await turn();
    }
    expect(tunnel.hasEnded).toBe(false);
    clock.advance(1250);
    await tunnel.clientFar.closeWrite();
    expect((await tunnel.done).reason).toBe("idle-timeout");
  });

  it("takes an empty datagram for traffic", async () => {
    let count = () => {};
    let hasEnded = false;
    const done = registry.run({ ...FACTS, protocol: "udp", id: "t-1" }, {
      move: ({ counters, signal }) => {
        count = () => void counters.packetsDown++;
        const { promise, resolve } = Promise.withResolvers<TunnelEndReason>();
        signal.addEventListener("abort", () => resolve(signal.reason));
        return promise;
      },
      limits: { ...UNLIMITED, idleTimeoutMs: 1000 },
    }).finally(() => hasEnded = true);
    for (let i = 0; i < 5; i++) {
      clock.advance(900);
      count();
      await turn();
    }
    expect([hasEnded, registry.list()[0]?.packetsDown]).toEqual([false, 5]);
    clock.advance(1250);
    expect(await done).toMatchObject({ reason: "idle-timeout", bytesDown: 0, packetsDown: 5 });
  });

  it("sets one timer for all limits, none for what is unlimited, and leaves none behind", async () => {
    const unlimited = open("t-1");
    expect(clock.pending).toBe(0);
    const limited = open("t-2", { idleTimeoutMs: 1, maxDurationMs: 10, sessionExpiresAt: clock.now() + 10 });
    expect(clock.pending).toBe(1);
    clock.advance(1);
    await Promise.all([unlimited.hangUp(), limited.hangUp()]);
    await registry.empty();
    await limited.done;
    expect(clock.pending).toBe(0);
  });
});

describe("TunnelRegistry", () => {
  it("ends one tunnel by its id, and no other", async () => {
    const [first, second] = [open("t-1"), open("t-2")];
    expect(registry.end("t-1", "session-expired")).toBe(true);
    await first.clientFar.closeWrite();
    expect((await first.done).reason).toBe("session-expired");
    expect(registry.list().map(({ id }) => id)).toEqual(["t-2"]);
    await second.hangUp();
    expect((await second.done).reason).toBe("completed");
  });

  it.each(["unknown", "t-1"])("says that there is no live tunnel %s", async (id) => {
    const gone = open("t-1");
    await gone.hangUp();
    await gone.done;
    expect(registry.end(id, "gateway-stopping")).toBe(false);
  });

  it("ends every tunnel of a session, and no other", async () => {
    const [first, second, other] = [open("a"), open("b"), open("c", { sessionId: "s-2" })];
    expect(registry.endSession("s-1", "session-ended")).toBe(2);
    await Promise.all([first.hangUp(), second.hangUp()]);
    expect([(await first.done).reason, (await second.done).reason]).toEqual([
      "session-ended",
      "session-ended",
    ]);
    expect(registry.list().map(({ id }) => id)).toEqual(["c"]);
    await other.hangUp();
    await other.done;
  });

  it("remembers how a tunnel ended, and what brought it about first", async () => {
    const tunnel = open("t-1");
    expect(registry.pastTunnel("t-1")).toBeNull();
    registry.end("t-1", "no-longer-allowed", "email-unauthorized");
    registry.end("t-1", "killed", "too late");
    await tunnel.clientFar.closeWrite();
    expect(await tunnel.done).toMatchObject({ reason: "no-longer-allowed", detail: "email-unauthorized" });
    expect(registry.pastTunnel("t-1")).toEqual({
      sessionId: "s-1",
      reason: "no-longer-allowed",
      detail: "email-unauthorized",
    });
  });

  it("forgets the oldest of more than 1,000 ends", async () => {
    for (let i = 0; i <= 1000; i++) {
      const tunnel = open(`t-${i}`);
      await tunnel.hangUp();
      await tunnel.done;
    }
    expect([registry.pastTunnel("t-0"), registry.pastTunnel("t-1")?.reason]).toEqual([null, "completed"]);
  });

  it("ends all tunnels, and resolves once the last one is gone", async () => {
    const tunnels = ["a", "b", "c"].map((id) => open(id));
    let isDone = false;
    const ended = registry.endAll("gateway-stopping").then(() => isDone = true);
    for (const tunnel of tunnels) {
      await turn();
      expect(isDone).toBe(false);
      await tunnel.clientFar.closeWrite();
    }
    await ended;
    const ends = await Promise.all(tunnels.map(({ done }) => done));
    expect(ends.map(({ reason }) => reason)).toEqual(Array(3).fill("gateway-stopping"));
    expect(registry.size).toBe(0);
  });

  it("ends a tunnel that comes after endAll(), such as one that was still being dialled", async () => {
    await registry.endAll("gateway-stopping");
    const late = open("late");
    await late.clientFar.closeWrite();
    expect((await late.done).reason).toBe("gateway-stopping");
    expect([late.client.isClosed, late.service.isClosed]).toEqual([true, true]);
  });

  it("is empty at once without tunnels, else when the last one ends", async () => {
    await registry.empty();
    const tunnels = [open("a"), open("b")];
    let isEmpty = false;
    const waiting = [registry.empty(), registry.empty()].map((each) => each.then(() => isEmpty = true));
    await tunnels[0]!.hangUp();
    await tunnels[0]!.done;
    await turn();
    expect(isEmpty).toBe(false);
    await tunnels[1]!.hangUp();
    await Promise.all(waiting);
  });
});
