import { describe, expect, it } from "vitest";
import type { ByteStream } from "../../../lib/base/byte_stream.ts";
import { framedStream } from "../../../lib/gateway/workers/_framed_stream.ts";

/** What was written, and a stream that reads it back, so many bytes at a time. */
function tape(): { written: number[]; stream: ByteStream; play(chunk: number): ByteStream } {
  const written: number[] = [];
  const stream: ByteStream = {
    read: () => Promise.resolve(null),
    write: (bytes) => Promise.resolve(void written.push(...bytes)),
    closeWrite: () => Promise.resolve(),
    close() {},
  };
  const play = (chunk: number): ByteStream => {
    let at = 0;
    return {
      ...stream,
      read(into) {
        const part = written.slice(at, at + Math.min(chunk, into.length));
        at += part.length;
        into.set(part);
        return Promise.resolve(part.length === 0 ? null : part.length);
      },
    };
  };
  return { written, stream, play };
}

async function readAll(stream: ByteStream, size: number): Promise<number[]> {
  const all: number[] = [];
  const buffer = new Uint8Array(size);
  for (let count = await stream.read(buffer); count !== null; count = await stream.read(buffer)) {
    all.push(...buffer.subarray(0, count));
  }
  return all;
}

describe("framedStream()", () => {
  it.each([1, 2, 3, 5, 100].flatMap((chunk) => [1, 4, 100].map((size) => [chunk, size] as const)))(
    "brings what was written, and its end, in chunks of %i read %i at a time",
    async (chunk, size) => {
      const { stream, play } = tape();
      const writer = framedStream(stream);
      await writer.write(Uint8Array.of(1, 2, 3));
      await writer.write(Uint8Array.of(4));
      await writer.write(new Uint8Array(0).subarray(0));
      await writer.write(Uint8Array.of(5, 6, 7, 8, 9));
      await writer.closeWrite();
      const reader = framedStream(play(chunk));
      expect(await readAll(reader, size)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(await reader.read(new Uint8Array(1))).toBeNull();
    },
  );

  it.each([0, 2, 4, 5])(
    "fails where the other process is gone after %i bytes, which is no end",
    async (bytes) => {
      const { stream, written, play } = tape();
      await framedStream(stream).write(Uint8Array.of(1, 2));
      written.splice(bytes);
      await expect(readAll(framedStream(play(100)), 10)).rejects.toThrow("The other process is gone");
    },
  );

  it("refuses a frame that is too long", async () => {
    const { written, play } = tape();
    written.push(255, 255, 255, 255, 0);
    await expect(readAll(framedStream(play(100)), 10)).rejects.toThrow("does not speak as this one");
  });

  it("writes what is longer than a frame in several", async () => {
    const parts: number[] = [];
    const { stream } = tape();
    const writer = framedStream({
      ...stream,
      write: (bytes) => Promise.resolve(void parts.push(bytes.length)),
    });
    await writer.write(new Uint8Array(2.5 * 1024 * 1024));
    expect(parts).toEqual([1024 * 1024 + 4, 1024 * 1024 + 4, 512 * 1024 + 4]);
  });
});
