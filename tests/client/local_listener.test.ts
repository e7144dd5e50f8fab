import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { pump } from "../../lib/base/pump.ts";
import { joinStreams } from "../../lib/client/join_streams.ts";
import { listenLocally, type LocalListener } from "../../lib/client/local_listener.ts";
import { memoryPair } from "../base/_memory_stream.ts";
import { readText } from "./_scripted_gateway.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

let stop: AbortController;
beforeEach(() => {
  stop = new AbortController();
});
afterEach(() => stop.abort());

function listen(connect: () => Promise<ByteStream>, options: { maxConnections?: number } = {}) {
  const errors: unknown[] = [];
  const listener = listenLocally(LOOPBACK, {
    carry: async (local) => void await joinStreams(local, await connect(), { signal: stop.signal }),
    onError: (error) => errors.push(error),
    signal: stop.signal,
    ...options,
  });
  return { listener, errors };
}

async function dial({ address }: LocalListener): Promise<ByteStream> {
  return denoStream(await Deno.connect({ hostname: "127.0.0.1", port: Number(address.split(":")[1]) }));
}

function echo(): Promise<ByteStream> {
  const [near, far] = memoryPair();
  pump(far, far).catch(() => {});
  return Promise.resolve(near);
}

async function ask(stream: ByteStream, question: string): Promise<string> {
  await stream.write(utf8(question));
  await stream.closeWrite();
  const answer = await readText(stream);
  stream.close();
  return answer;
}

describe("listenLocally()", () => {
  it("gives every connection a tunnel of its own", async () => {
    let tunnels = 0;
    const { listener, errors } = listen(() => {
      tunnels++;
      return echo();
    });
    expect(listener.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    const streams = await Promise.all([dial(listener), dial(listener), dial(listener)]);
    expect(await Promise.all(streams.map((stream, i) => ask(stream, `question ${i}`))))
      .toEqual(["question 0", "question 1", "question 2"]);
    expect(tunnels).toBe(3);
    stop.abort();
    await listener.finished;
    expect(errors).toEqual([]);
  });

  it("closes a connection that gets no tunnel, tells why, and goes on", async () => {
    let attempts = 0;
    const failure = new Error("denied");
    const { listener, errors } = listen(() => attempts++ === 0 ? Promise.reject(failure) : echo());
    const refused = await dial(listener);
    expect(await readText(refused)).toBe("");
    refused.close();
    expect(await ask(await dial(listener), "again")).toBe("again");
    expect(errors).toEqual([failure]);
  });

  it("ends live tunnels with an end when it is stopped", async () => {
    const [near, far] = memoryPair();
    const { listener, errors } = listen(() => Promise.resolve(near));
    const local = await dial(listener);
    await local.write(utf8("x"));
    const into = new Uint8Array(1);
    expect(await far.read(into)).toBe(1);
    stop.abort();
    expect(await far.read(into)).toBeNull();
    await far.closeWrite();
    await listener.finished;
    expect(await readText(local)).toBe("");
    local.close();
    expect(errors).toEqual([]);
  });

  it("lets further connections wait when there are enough", async () => {
    const tunnels: ByteStream[] = [];
    const { promise: second, resolve } = Promise.withResolvers<void>();
    const { listener } = listen(() => {
      const [near, far] = memoryPair();
      if (tunnels.push(far) === 2) resolve();
      return Promise.resolve(near);
    }, { maxConnections: 1 });
    const first = await dial(listener);
    await first.write(utf8("a"));
    const into = new Uint8Array(1);
    while (tunnels.length === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    await tunnels[0]!.read(into);
    const waiting = await dial(listener);
    await waiting.write(utf8("b"));
    expect(tunnels).toHaveLength(1);
    await first.closeWrite();
    await tunnels[0]!.closeWrite();
    await second;
    await tunnels[1]!.read(into);
    expect(into).toEqual(utf8("b"));
    first.close();
    waiting.close();
  });

  it("says so when the port is taken", () => {
    using taken = Deno.listen(LOOPBACK);
    const again = () =>
      listenLocally({ ...LOOPBACK, port: taken.addr.port }, {
        carry: () => Promise.resolve(),
        onError() {},
        signal: stop.signal,
      });
    expect(again).toThrow(expect.objectContaining({ code: "client/cannot-listen" }));
  });
});
