import { describe, expect, it, vi } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { hangUp } from "../../lib/base/hang_up.ts";
import { memoryPair } from "./_memory_stream.ts";

/** A stream that notes what is done to it; it reads nothing for ever unless told otherwise. */
function scripted(overrides: Partial<ByteStream> = {}) {
  const calls: string[] = [];
  const note = <T>(call: string, result: T): T => (calls.push(call), result);
  const behaviour: Partial<ByteStream> = { read: () => new Promise(() => {}), ...overrides };
  const stream: ByteStream = {
    read: (into) => note("read", behaviour.read!(into)),
    write: () => note("write", Promise.resolve()),
    closeWrite: () => note("closeWrite", behaviour.closeWrite?.() ?? Promise.resolve()),
    close: () => note("close", undefined),
  };
  return { stream, calls };
}

describe("hangUp()", () => {
  it("says the end first, drops what still comes, and closes when the peer ends", async () => {
    const [near, far] = memoryPair();
    const done = hangUp(near, { lingerMs: 60_000 });
    expect(await far.read(new Uint8Array(1))).toBeNull();
    await far.write(utf8("still talking"));
    await far.write(new Uint8Array(100_000));
    await far.closeWrite();
    await done;
    await expect(near.read(new Uint8Array(1))).rejects.toThrow("closed");
  });

  it("closes without the peer's end when it has waited lingerMs", async () => {
    const { stream, calls } = scripted();
    await hangUp(stream, { lingerMs: 1 });
    expect(calls).toEqual(["closeWrite", "read", "close"]);
  });

  it("waits two seconds by default", async () => {
    vi.useFakeTimers();
    const { stream, calls } = scripted();
    const done = hangUp(stream);
    await vi.advanceTimersByTimeAsync(1999);
    expect(calls).not.toContain("close");
    await vi.advanceTimersByTimeAsync(1);
    await done;
    vi.useRealTimers();
    expect(calls).toContain("close");
  });

  it.each([
    ["the end cannot be said", { closeWrite: () => Promise.reject(new Error("broken pipe")) }],
    ["reading fails", { read: () => Promise.reject(new Error("reset")) }],
  ])("closes at once when %s", async (_, overrides) => {
    const { stream, calls } = scripted(overrides);
    await hangUp(stream, { lingerMs: 60_000 });
    expect(calls.at(-1)).toBe("close");
  });

  it.each(["resolves", "rejects"])("reads only once `after` %s", async (how) => {
    const reader = Promise.withResolvers<void>();
    const { stream, calls } = scripted({ read: () => Promise.resolve(null) });
    const done = hangUp(stream, { lingerMs: 60_000, after: reader.promise });
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(calls).toEqual(["closeWrite"]);
    if (how === "resolves") reader.resolve();
    else reader.reject(new Error("gone"));
    await done;
    expect(calls).toEqual(["closeWrite", "read", "close"]);
  });
});
