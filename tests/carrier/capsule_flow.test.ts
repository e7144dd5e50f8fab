import { describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { concatBytes, fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { encodeCapsule, encodeUdpCapsule } from "../../lib/codec/capsule.ts";
import { capsuleFlow } from "../../lib/carrier/capsule_flow.ts";
import { memoryPair } from "../base/_memory_stream.ts";
import { until } from "../_support/test_gateway.ts";

/** A stream whose writes wait until they are let go. */
function gatedStream() {
  const written: Uint8Array[] = [];
  const waiting: { resolve(): void; reject(error: unknown): void }[] = [];
  const [, far] = memoryPair();
  const stream: ByteStream = {
    ...far,
    read: (into) => far.read(into),
    write(bytes) {
      written.push(bytes.slice());
      return new Promise<void>((resolve, reject) => void waiting.push({ resolve, reject }));
    },
    closeWrite: () => far.closeWrite(),
    close: () => far.close(),
  };
  return { stream, written, waiting };
}

describe("capsuleFlow()", () => {
  it("carries payloads both ways, in order", async () => {
    const flows = memoryPair().map((stream) => capsuleFlow(stream));
    const got: string[][] = [[], []];
    const receiving = flows.map((flow, i) => flow.receive((payload) => void got[i]!.push(fromUtf8(payload))));
    for (let i = 0; i < 100; i++) for (const flow of flows) expect(flow.send(utf8(`${i}`))).toBe(true);
    const wanted = Array.from({ length: 100 }, (_, i) => `${i}`);
    await until(() => got.every(({ length }) => length === 100));
    expect(got).toEqual([wanted, wanted]);
    flows.forEach((flow) => flow.close());
    await Promise.all(receiving);
  });

  it("writes a datagram at once, and those that come meanwhile in one piece after it", async () => {
    const { stream, written, waiting } = gatedStream();
    const flow = capsuleFlow(stream);
    flow.send(utf8("a"));
    expect(written).toEqual([encodeUdpCapsule(utf8("a"))]);
    flow.send(utf8("b"));
    flow.send(utf8(""));
    expect(written.length).toBe(1);
    waiting[0]!.resolve();
    await until(() => written.length === 2);
    expect(written[1]).toEqual(concatBytes([encodeUdpCapsule(utf8("b")), encodeUdpCapsule(utf8(""))]));
    waiting[1]!.resolve();
    await until(() => flow.send(utf8("c")) && written.length === 3);
  });

  it("drops what does not fit beside what waits, and keeps no reference to what it takes", async () => {
    const { stream, written, waiting } = gatedStream();
    const flow = capsuleFlow(stream, { maxWaitingBytes: 100 });
    const payload = utf8("0".repeat(60));
    expect([flow.send(payload), flow.send(payload), flow.send(payload)]).toEqual([true, true, false]);
    payload.fill(0);
    waiting[0]!.resolve();
    await until(() => written.length === 2);
    expect(written[1]).toEqual(encodeUdpCapsule(utf8("0".repeat(60))));
    expect(flow.send(payload)).toBe(true);
  });

  it("drops payloads above its longest, either way", async () => {
    const [near, far] = memoryPair();
    const flow = capsuleFlow(near, { maxPayloadBytes: 10 });
    expect(flow.maxPayloadBytes).toBe(10);
    expect([flow.send(new Uint8Array(11)), flow.send(new Uint8Array(10))]).toEqual([false, true]);
    const lengths: number[] = [];
    const receiving = flow.receive((payload) => void lengths.push(payload.length));
    await far.write(
      concatBytes([encodeUdpCapsule(new Uint8Array(11)), encodeUdpCapsule(new Uint8Array(10))]),
    );
    await far.closeWrite();
    await receiving;
    expect(lengths).toEqual([10]);
  });

  it("passes over capsules of other types", async () => {
    const [near, far] = memoryPair();
    const got: string[] = [];
    const receiving = capsuleFlow(near).receive((payload) => void got.push(fromUtf8(payload)));
    await far.write(
      concatBytes([encodeCapsule(0x2575, new Uint8Array(100_000)), encodeUdpCapsule(utf8("x"))]),
    );
    await far.closeWrite();
    await receiving;
    expect(got).toEqual(["x"]);
  });

  it.each([
    ["within a capsule", encodeUdpCapsule(utf8("abc")).subarray(0, 4), "codec/truncated"],
    ["with a datagram that has no context id", Uint8Array.of(0, 0), "codec/malformed"],
    [
      "with a payload above the longest of UDP",
      Uint8Array.of(0, 0xc0, 0, 0, 0, 0, 1, 0, 0, ...Array(9).fill(0)),
      "codec/too-large",
    ],
  ])("fails when the stream ends %s", async (_, bytes, code) => {
    const [near, far] = memoryPair();
    const receiving = capsuleFlow(near).receive(() => {});
    await far.write(bytes);
    await far.closeWrite();
    await expect(receiving).rejects.toMatchObject({ code });
  });

  it("fails with what writing failed with, and sends no more", async () => {
    const { stream, waiting } = gatedStream();
    const flow = capsuleFlow(stream);
    const receiving = flow.receive(() => {});
    flow.send(utf8("a"));
    waiting[0]!.reject(new Error("broken"));
    await expect(receiving).rejects.toThrow("broken");
    expect(flow.send(utf8("b"))).toBe(false);
  });

  it("is closed at once, twice too", async () => {
    const [near] = memoryPair();
    const flow = capsuleFlow(near);
    const receiving = flow.receive(() => {});
    flow.close();
    flow.close();
    await receiving;
    expect(flow.send(utf8("a"))).toBe(false);
  });
});
