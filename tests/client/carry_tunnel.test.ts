import { describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { carryTunnel } from "../../lib/client/carry_tunnel.ts";
import { memoryPair } from "../base/_memory_stream.ts";

/** A tunnel that lives for `lifeMs`, and what its gateway tells when it is asked. */
function carried({ lifeMs = 1000, why = "it is over" }: { lifeMs?: number; why?: string | null } = {}) {
  const [program, local] = memoryPair();
  const [near, service] = memoryPair();
  const stop = new AbortController();
  const asked: unknown[] = [];
  const times = [0, lifeMs];
  const carry = (tunnel: ByteStream = near) =>
    carryTunnel(local, { ...tunnel, requestId: "req-1", token: "the-token" }, {
      signal: stop.signal,
      now: () => times.shift()!,
      whyEnded: ({ requestId, token }) => {
        asked.push([requestId, token]);
        return Promise.resolve(why);
      },
    });
  return { program, service, stop, asked, carry };
}

const broken: ByteStream = {
  read: () => Promise.reject(new Error("reset")),
  write: () => Promise.reject(new Error("reset")),
  closeWrite: () => Promise.reject(new Error("reset")),
  close() {},
};

describe("carryTunnel()", () => {
  it.each([["it is over"], [null]])("asks why when the tunnel ended first: %s", async (why) => {
    const { program, service, asked, carry } = carried({ why });
    const done = carry();
    await service.closeWrite();
    await program.closeWrite();
    expect(await done).toBe(why);
    expect(asked).toEqual([["req-1", "the-token"]]);
  });

  it("asks nothing when the program ended first", async () => {
    const { program, service, asked, carry } = carried();
    const done = carry();
    await program.closeWrite();
    expect(await service.read(new Uint8Array(1))).toBeNull();
    await service.closeWrite();
    expect(await done).toBeNull();
    expect(asked).toEqual([]);
  });

  it("asks nothing when it was interrupted", async () => {
    const { service, stop, asked, carry } = carried();
    const done = carry();
    stop.abort();
    await service.closeWrite();
    expect(await done).toBeNull();
    expect(asked).toEqual([]);
  });

  it("asks nothing about a tunnel that lived for less than a second", async () => {
    const { program, service, asked, carry } = carried({ lifeMs: 999 });
    const done = carry();
    await service.closeWrite();
    await program.closeWrite();
    expect(await done).toBeNull();
    expect(asked).toEqual([]);
  });

  it("asks why when the tunnel broke", async () => {
    expect(await carried().carry(broken)).toBe("it is over");
  });

  it.each([
    ["the gateway tells nothing", { why: null }, 1],
    ["it lived for less than a second", { lifeMs: 999 }, 0],
  ])("rejects when the tunnel broke and %s", async (_, options, questions) => {
    const { asked, carry } = carried(options);
    await expect(carry(broken)).rejects.toMatchObject({ code: "client/tunnel-reset" });
    expect(asked).toHaveLength(questions);
  });
});
