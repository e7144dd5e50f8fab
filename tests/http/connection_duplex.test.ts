import { describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { ConnectionDuplex } from "../../lib/http/connection_duplex.ts";
import { memoryPair } from "../base/_memory_stream.ts";
import { readAll, readExactly } from "../_support/test_gateway.ts";
import { factsOf } from "./_edge.ts";

const NONE = new Uint8Array(0);

function open(): { duplex: ConnectionDuplex; far: ByteStream } {
  const [far, near] = memoryPair();
  const duplex = new ConnectionDuplex({ facts: factsOf(null), stream: near });
  duplex.on("error", () => {});
  return { duplex, far };
}

/** Waits for the next bytes that the duplex gives out. */
function nextChunk(duplex: ConnectionDuplex): Promise<string> {
  return new Promise((resolve) => duplex.once("data", (chunk) => resolve(String(chunk))));
}

describe("ConnectionDuplex", () => {
  it("is a duplex of the connection, with its facts", async () => {
    const { duplex, far } = open();
    expect([duplex.remoteAddress, duplex.remotePort, duplex.encrypted]).toEqual(["192.0.2.7", 40_000, true]);
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

  it("sends what is written before it is detached", async () => {
    const { duplex, far } = open();
    duplex.write("a");
    const stream = duplex.detach(NONE);
    const buffer = new Uint8Array(10);
    expect(await far.read(buffer)).toBe(1);
    stream.close();
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

describe("ConnectionDuplex.detach()", () => {
  it("gives out the head, what was read ahead, and what a read in flight brings, in this order", async () => {
    const { duplex, far } = open();
    duplex.read(0);
    await far.write(utf8("ahead "));
    await new Promise((resolve) => setTimeout(resolve));
    const stream = duplex.detach(utf8("head "));
    await far.write(utf8("in flight "));
    void far.write(utf8("later")).then(() => far.closeWrite());
    expect(new TextDecoder().decode(await readAll(stream))).toBe("head ahead in flight later");
  });

  it.each([1, 2, 3, 5, 100])("splits early bytes over reads of %d bytes", async (size) => {
    const { duplex, far } = open();
    duplex.read(0);
    const stream = duplex.detach(utf8("0123"));
    void far.write(utf8("456789")).then(() => far.closeWrite());
    let text = "";
    const buffer = new Uint8Array(size);
    for (let count = await stream.read(buffer); count !== null; count = await stream.read(buffer)) {
      expect(count).toBeGreaterThan(0);
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    expect(text).toBe("0123456789");
  });

  it("gives out the end that a read in flight brings", async () => {
    const { duplex, far } = open();
    duplex.read(0);
    const stream = duplex.detach(NONE);
    await far.closeWrite();
    expect(await stream.read(new Uint8Array(1))).toBeNull();
    expect(await stream.read(new Uint8Array(1))).toBeNull();
  });

  it("fails the reads after a read in flight that fails, and lets nobody else hear of it", async () => {
    const { duplex } = open();
    let heard = 0;
    duplex.on("error", () => heard++);
    duplex.read(0);
    const stream = duplex.detach(NONE);
    stream.close();
    await expect(stream.read(new Uint8Array(1))).rejects.toThrow("closed");
    expect(heard).toBe(0);
  });

  it("leaves the connection open when the duplex is ended and destroyed afterwards", async () => {
    const { duplex, far } = open();
    const stream = duplex.detach(NONE);
    const closed = new Promise((resolve) => duplex.once("close", resolve));
    duplex.end();
    duplex.destroy();
    await closed;
    void stream.write(utf8("still here"));
    expect(await readExactly(far, 10)).toBe("still here");
    await stream.closeWrite();
    expect(await far.read(new Uint8Array(1))).toBeNull();
  });

  it("takes no more bytes for the duplex", async () => {
    const { duplex, far } = open();
    const stream = duplex.detach(NONE);
    duplex.read(0);
    void far.write(utf8("mine"));
    expect(await readExactly(stream, 4)).toBe("mine");
  });
});
