import { beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { splice } from "../../lib/tunnel/splice.ts";
import type { TunnelEndReason } from "../../lib/tunnel/tunnel_end.ts";
import { readAll, readExactly } from "../_support/test_gateway.ts";
import { tunnelEnds, turn } from "./_ends.ts";

let ends: ReturnType<typeof tunnelEnds>;
let counters: { bytesUp: number; bytesDown: number };
let ending: ReturnType<typeof endingOf>;

beforeEach(() => {
  ends = tunnelEnds();
  counters = { bytesUp: 0, bytesDown: 0 };
  ending = endingOf();
});

/** What ends a splice from outside. */
function endingOf() {
  const { promise, resolve } = Promise.withResolvers<TunnelEndReason>();
  return { end: resolve, whenEnded: (end: (reason: TunnelEndReason) => void) => void promise.then(end) };
}

function start(options: { lingerMs?: number } = {}): Promise<TunnelEndReason> {
  return splice(ends.client, ends.service, { counters, whenEnded: ending.whenEnded, ...options });
}

function expectBothClosed(): void {
  expect([ends.client.isClosed, ends.service.isClosed]).toEqual([true, true]);
}

describe("splice()", () => {
  it("carries bytes both ways at once, and counts what the other side has taken", async () => {
    const { clientFar, serviceFar } = ends;
    const done = start();
    const up = Promise.all([clientFar.write(utf8("question")), readExactly(serviceFar, 8)]);
    const down = Promise.all([serviceFar.write(utf8("greeting!")), readExactly(clientFar, 9)]);
    expect([(await up)[1], (await down)[1]]).toEqual(["question", "greeting!"]);
    await turn();
    expect(counters).toEqual({ bytesUp: 8, bytesDown: 9 });
    await Promise.all([clientFar.closeWrite(), serviceFar.closeWrite()]);
    expect(await done).toBe("completed");
    expectBothClosed();
  });

  it("does not count bytes before the other side has taken them", async () => {
    void start();
    void ends.clientFar.write(utf8("nobody reads this")).catch(() => {});
    await turn();
    expect(counters.bytesUp).toBe(0);
    ending.end("gateway-stopping");
  });

  it.each(
    [
      ["client", "clientFar", "serviceFar"],
      ["service", "serviceFar", "clientFar"],
    ] as const,
  )("passes on a half-close of the %s, and goes on the other way", async (_, first, second) => {
    const done = start();
    await ends[first].closeWrite();
    expect(await ends[second].read(new Uint8Array(1))).toBeNull();
    void ends[second].write(utf8("late")).then(() => ends[second].closeWrite());
    expect(await readAll(ends[first])).toEqual(utf8("late"));
    expect(await done).toBe("completed");
    expectBothClosed();
  });

  it.each(
    [
      ["client", "client-reset"],
      ["service", "upstream-reset"],
    ] as const,
  )("ends when a read of the %s fails: %s", async (side, reason) => {
    const done = start({ lingerMs: 1 });
    await turn();
    ends[side].break();
    expect(await done).toBe(reason);
    expectBothClosed();
  });

  it.each(
    [
      ["client", "serviceFar", "client-reset"],
      ["service", "clientFar", "upstream-reset"],
    ] as const,
  )("ends when a write to the %s fails: %s", async (side, sender, reason) => {
    ends[side].write = () => Promise.reject(new Error("broken pipe"));
    const done = start({ lingerMs: 1 });
    await Promise.allSettled([ends[sender].write(utf8("x")), done]);
    expect(await done).toBe(reason);
    expectBothClosed();
  });

  it("says upstream-reset when the service cannot be told of the client's end", async () => {
    ends.service.closeWrite = () => Promise.reject(new Error("not connected"));
    const done = start({ lingerMs: 1 });
    await ends.clientFar.closeWrite();
    expect(await done).toBe("upstream-reset");
    expectBothClosed();
  });

  it.each<TunnelEndReason>(["idle-timeout", "time-limit", "session-expired", "gateway-stopping"])(
    "ends when it is told to: %s",
    async (reason) => {
      const done = start({ lingerMs: 1 });
      await turn();
      ending.end(reason);
      expect(await done).toBe(reason);
      expectBothClosed();
    },
  );

  it("ends at once when it was told to before it began", async () => {
    ending.end("gateway-stopping");
    expect(await start({ lingerMs: 1 })).toBe("gateway-stopping");
    expectBothClosed();
  });

  it("gives the client its end, and drops what it still sends, before it closes", async () => {
    const { client, clientFar, serviceFar } = ends;
    const done = start({ lingerMs: 60_000 });
    await turn();
    ending.end("session-expired");
    expect(await clientFar.read(new Uint8Array(1))).toBeNull();
    expect(await serviceFar.read(new Uint8Array(1))).toBeNull();
    for (let i = 0; i < 10; i++) await clientFar.write(new Uint8Array(50_000));
    expect(client.isClosed).toBe(false);
    await clientFar.closeWrite();
    expect(await done).toBe("session-expired");
    expect(counters).toEqual({ bytesUp: 0, bytesDown: 0 });
    expectBothClosed();
  });

  it("waits no longer than lingerMs for a client that does not end", async () => {
    const done = start({ lingerMs: 1 });
    ends.service.break();
    expect(await done).toBe("upstream-reset");
    expect(ends.client.isClosed).toBe(true);
  });

  it("is not held up by a client that reads nothing", async () => {
    const done = start({ lingerMs: 1 });
    ends.serviceFar.write(utf8("nobody reads this")).catch(() => {});
    await turn();
    ending.end("idle-timeout");
    expect(await done).toBe("idle-timeout");
    expectBothClosed();
  });

  it("keeps the first reason", async () => {
    const done = start({ lingerMs: 1 });
    ending.end("time-limit");
    ends.client.break();
    ends.service.break();
    expect(await done).toBe("time-limit");
  });
});
