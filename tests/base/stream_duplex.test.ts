import { describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { StreamDuplex } from "../../lib/base/stream_duplex.ts";
import { memoryPair } from "./_memory_stream.ts";
import { readAll, readExactly } from "../_support/test_gateway.ts";

function open(): { duplex: StreamDuplex; far: ByteStream } {
  const [far, near] = memoryPair();
  const duplex = new StreamDuplex(near);
  duplex.on("error", () => {});
  return { duplex, far };
}

/** Waits for the next bytes that the duplex gives out. */
function nextChunk(duplex: StreamDuplex): Promise<string> {
  return new Promise((resolve) => duplex.once("data", (chunk) => resolve(String(chunk))));
}

describe("StreamDuplex", () => {
  it("is a duplex of the stream", async () => {
    const { duplex, far } = open();
    expect(duplex.encrypted).toBe(true);
    const chunk = nextChunk(duplex);
    await far.write(utf8("ping"));
    expect(await chunk).toBe("ping");
    duplex.write("pong");
    expect(await readExactly(far, 4)).toBe("pong");
  });

  it("sends what is written in a few turns in one piece", async () => {
    const { duplex, far } = open();
    duplex.write("a");
    for (const text of ["b", "c"]) duplex.write(text);
    setImmediate(() => duplex.write("d"));
    const buffer = new Uint8Array(10);
    expect(await far.read(buffer)).toBe(4);
    expect(buffer.subarray(0, 4)).toEqual(utf8("abcd"));
  });

  it("passes on the end of either side", async () => {
    const { duplex, far } = open();
    duplex.end("last");
    expect(await readAll(far)).toEqual(utf8("last"));
    const ended = new Promise((resolve) => duplex.resume().once("end", resolve));
    await far.closeWrite();
    await ended;
  });

  it("closes the connection when it is destroyed", async () => {
    const { duplex, far } = open();
    duplex.destroy();
    expect(await far.read(new Uint8Array(1))).toBeNull();
  });

  it("is destroyed when the connection fails", async () => {
    const { duplex, far } = open();
    const closed = new Promise((resolve) => duplex.once("close", resolve));
    duplex.resume();
    duplex.write("nobody reads this");
    far.close();
    await closed;
    expect(duplex.destroyed).toBe(true);
  });
});
