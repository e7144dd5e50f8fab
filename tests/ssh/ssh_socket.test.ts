import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { SshSocket } from "../../lib/ssh/ssh_socket.ts";
import { until } from "../_support/until.ts";

/** A stream whose other end is the test. */
class FakeStream implements ByteStream {
  readonly written: Uint8Array[] = [];
  isClosed = false;
  isFinished = false;
  /** Writes wait for it. */
  gate = Promise.resolve();
  #reader:
    | { into: Uint8Array; resolve: (count: number | null) => void; reject: (error: Error) => void }
    | null = null;

  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return new Promise((resolve, reject) => this.#reader = { into, resolve, reject });
  }
  async write(bytes: Uint8Array): Promise<void> {
    this.written.push(bytes.slice());
    await this.gate;
  }
  closeWrite(): Promise<void> {
    this.isFinished = true;
    return Promise.resolve();
  }
  close(): void {
    this.isClosed = true;
  }
  /** Gives the socket as much of it as it asks for. */
  async send(bytes: Uint8Array | null): Promise<number> {
    const { into, resolve } = await until(() => this.#reader ?? undefined);
    this.#reader = null;
    if (bytes === null) return resolve(null), 0;
    const count = Math.min(bytes.length, into.length);
    into.set(bytes.subarray(0, count));
    resolve(count);
    return count;
  }
  async fail(error: Error): Promise<void> {
    (await until(() => this.#reader ?? undefined)).reject(error);
  }
}

describe("SshSocket", () => {
  let stream: FakeStream;
  let socket: SshSocket;
  beforeEach(() => {
    stream = new FakeStream();
    socket = new SshSocket(stream);
  });
  afterEach(() => void socket.destroy());

  const bytes = (count: number, value: number) => new Uint8Array(count).fill(value);

  it("sends in one piece what is written at once", async () => {
    for (const value of [1, 2, 3]) socket.write(bytes(5, value));
    await until(() => stream.written.length > 0 || undefined);
    expect(stream.written).toEqual([Uint8Array.of(...bytes(5, 1), ...bytes(5, 2), ...bytes(5, 3))]);
  });

  it("sends large pieces in their order, whatever their size", async () => {
    const pieces = [10, 300_000, 40_000, 40_000, 200_000, 1, 70_000].map((size, i) => bytes(size, i));
    const done = Promise.withResolvers<void>();
    for (const piece of pieces) socket.write(piece);
    socket.end(() => done.resolve());
    await done.promise;
    const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of stream.written) {
      all.set(part, at);
      at += part.length;
    }
    expect(all).toEqual(Uint8Array.from(pieces.flatMap((piece) => [...piece])));
    expect(stream.isFinished).toBe(true);
  });

  it("says how much waits, and when there is room again", async () => {
    const gate = Promise.withResolvers<void>();
    stream.gate = gate.promise;
    expect(socket.write(bytes(100_000, 1))).toBe(false);
    const drained = new Promise((resolve) => socket.once("drain", resolve));
    expect(socket.writableLength).toBe(100_000);
    gate.resolve();
    await drained;
    expect(socket.writableLength).toBe(0);
  });

  it("reads more at once as more comes", async () => {
    socket.on("data", () => {});
    const counts = [];
    for (let i = 0; i < 8; i++) counts.push(await stream.send(bytes(1_000_000, i)));
    expect([counts[0], counts.at(-1)]).toEqual([4096, 131_072]);
  });

  it.each([[false, [1, 2]], [true, [2, 2]]])(
    "gives chunks away, unless it lends them: %s",
    async (lends, expected) => {
      socket.lends = lends;
      const kept: Uint8Array[] = [];
      socket.on("data", (chunk) => kept.push(chunk));
      await stream.send(bytes(9, 1));
      await stream.send(bytes(9, 2));
      await until(() => kept.length === 2 || undefined);
      expect(kept.map((chunk) => chunk[0])).toEqual(expected);
    },
  );

  it("lends nothing that waits until it is read on", async () => {
    socket.lends = true;
    const kept: Uint8Array[] = [];
    socket.on("data", (chunk) => kept.push(chunk.slice()));
    socket.pause();
    await stream.send(bytes(9, 1));
    await stream.send(bytes(9, 2));
    await until(() => socket.readableLength === 18 || undefined);
    socket.resume();
    await until(() => kept.length > 0 || undefined);
    expect(kept.flatMap((chunk) => [...chunk])).toEqual([...bytes(9, 1), ...bytes(9, 2)]);
  });

  it("ends when the stream ends, and can still send", async () => {
    const ended = new Promise((resolve) => socket.once("end", resolve));
    socket.resume();
    await stream.send(null);
    await ended;
    socket.write(bytes(3, 1));
    await until(() => stream.written.length > 0 || undefined);
    expect(stream.isClosed).toBe(false);
  });

  it("fails when the stream fails, and closes it", async () => {
    const failed = new Promise<Error>((resolve) => socket.once("error", resolve));
    socket.resume();
    await stream.fail(new Error("It was reset"));
    expect((await failed).message).toBe("It was reset");
    expect(stream.isClosed).toBe(true);
  });
});
