import { describe, expect, it } from "vitest";
import { pump } from "../../lib/base/pump.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { memoryPair } from "./_memory_stream.ts";

/** A source that answers each read with the next count (capped at the buffer) and notes the buffer's length. */
function scriptedSource(counts: readonly number[]) {
  const bufferSizes: number[] = [];
  let at = 0;
  return {
    bufferSizes,
    read(into: Uint8Array<ArrayBuffer>) {
      bufferSizes.push(into.length);
      const count = counts[at++];
      return Promise.resolve(count === undefined ? null : Math.min(count, into.length));
    },
  };
}

const nowhere = { write: () => Promise.resolve(), closeWrite: () => Promise.resolve() };
const ALL = Infinity;
const KIB = 1024;

describe("pump()", () => {
  it("copies bytes, counts them, and passes the end on as a half-close", async () => {
    const [near, source] = memoryPair();
    const [sink, far] = memoryPair();
    let total = 0;
    const done = pump(source, sink, { onBytes: (count) => total += count });
    await near.write(utf8("ping"));
    await near.closeWrite();
    const into = new Uint8Array(16);
    expect(await far.read(into)).toBe(4);
    expect(into.subarray(0, 4)).toEqual(utf8("ping"));
    expect(await far.read(into)).toBeNull();
    await done;
    expect(total).toBe(4);
    // The other direction still works: the end was a half-close.
    const answer = sink.read(into);
    await far.write(utf8("pong!"));
    expect(await answer).toBe(5);
  });

  it("does not read again before the bytes were taken", async () => {
    const taken = Promise.withResolvers<void>();
    const source = scriptedSource([10, 10]);
    const done = pump(source, { ...nowhere, write: () => taken.promise });
    await Promise.resolve();
    await Promise.resolve();
    expect(source.bufferSizes).toHaveLength(1);
    taken.resolve();
    await done;
    expect(source.bufferSizes).toHaveLength(3);
  });

  it.each([
    [
      "grows fourfold up to 128 KiB while reads fill it",
      [ALL, ALL, ALL, ALL, ALL, ALL],
      [0.5, 2, 8, 32, 128, 128, 128],
    ],
    [
      "is small again after 16 small reads",
      [ALL, ALL, ...Array(16).fill(KIB / 2)],
      [0.5, 2, ...Array(16).fill(8), 0.5],
    ],
    [
      "grows to whole TLS records, the last piece of which is small",
      [ALL, ALL, KIB / 2, ALL],
      [0.5, 2, 8, 8, 32],
    ],
    ["stays while reads are of middling size", [ALL, ALL, KIB, KIB], [0.5, 2, 8, 8, 8]],
  ])("uses a buffer that %s", async (_, counts, expectedKib) => {
    const source = scriptedSource(counts);
    await pump(source, nowhere);
    expect(source.bufferSizes.map((size) => size / KIB)).toEqual(expectedKib);
  });

  it("carries a megabyte unchanged through readers of another size", async () => {
    const [near, source] = memoryPair();
    const [sink, far] = memoryPair();
    const sent = Uint8Array.from({ length: KIB * KIB }, (_, i) => (i * 31) ^ (i >> 8));
    const done = Promise.all([pump(source, sink), near.write(sent).then(() => near.closeWrite())]);
    const received = new Uint8Array(sent.length);
    let offset = 0;
    const into = new Uint8Array(1021);
    for (let n = await far.read(into); n !== null; n = await far.read(into)) {
      received.set(into.subarray(0, n), offset);
      offset += n;
    }
    await done;
    expect(received).toEqual(sent);
  });

  it("rejects with the failure of the reader, without an end to the writer", async () => {
    let ended = false;
    const failing = { read: () => Promise.reject(new Error("reset")) };
    const sink = { ...nowhere, closeWrite: () => Promise.resolve(void (ended = true)) };
    await expect(pump(failing, sink)).rejects.toThrow("reset");
    expect(ended).toBe(false);
  });

  it.each(
    [
      ["from", "of reading", () => Promise.reject(new Error("reset")), nowhere],
      ["to", "of writing", null, { ...nowhere, write: () => Promise.reject(new Error("broken pipe")) }],
      ["to", "to pass on the end", null, {
        ...nowhere,
        closeWrite: () => Promise.reject(new Error("not connected")),
      }],
    ] as const,
  )("says that `%s` broke, before it rejects with the failure %s", async (side, _, read, sink) => {
    const broken: string[] = [];
    const source = read === null ? scriptedSource([1]) : { read };
    await expect(pump(source, sink, { onBreak: (which) => broken.push(which) })).rejects.toThrow();
    expect(broken).toEqual([side]);
  });

  it("rejects with the failure of the writer", async () => {
    const sink = { ...nowhere, write: () => Promise.reject(new Error("broken pipe")) };
    await expect(pump(scriptedSource([1]), sink)).rejects.toThrow("broken pipe");
  });
});
