import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { channelStream } from "../../lib/ssh/channel_stream.ts";

describe("channelStream()", () => {
  it.each([1, 7, 10, 64, 1000])(
    "reads what waits in pieces, %i bytes at once at most, and then the end",
    async (size) => {
      const channel = new PassThrough();
      const stream = channelStream(channel);
      const sent = [10, 1, 30, 200].map((length, i) => new Uint8Array(length).fill(i + 1));
      for (const piece of sent) channel.write(piece);
      channel.end();
      const received: number[] = [];
      const into = new Uint8Array(size);
      for (let count = await stream.read(into); count !== null; count = await stream.read(into)) {
        expect(count).toBeGreaterThan(0);
        received.push(...into.subarray(0, count));
      }
      expect(received).toEqual(sent.flatMap((piece) => [...piece]));
    },
  );

  it("waits for what comes later", async () => {
    const channel = new PassThrough();
    const stream = channelStream(channel);
    const into = new Uint8Array(9);
    const reading = stream.read(into);
    channel.write(Uint8Array.of(5, 6));
    expect([await reading, into[0], into[1]]).toEqual([2, 5, 6]);
  });
});
