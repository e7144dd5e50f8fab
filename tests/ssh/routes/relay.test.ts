// @ts-types="@types/ssh2"
import type { ClientChannel, ServerChannel } from "ssh2";
import { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import type { PayloadPort } from "../../../lib/ssh/routes/_payload_port.ts";
import { Relay, type RelayWatcher } from "../../../lib/ssh/routes/_relay.ts";
import { until } from "../../_support/until.ts";
import { internals, type ServedSession, serveSession } from "./_harness.ts";

const MEBIBYTE = 1024 * 1024;

/** A command at both ends. */
async function startCommand({ client, server }: ServedSession): Promise<[ClientChannel, ServerChannel]> {
  const accepted = new Promise<ServerChannel>((resolve) =>
    server.once("session", (accept) => accept().once("exec", (accept) => resolve(accept())))
  );
  const opened = new Promise<ClientChannel>((resolve, reject) =>
    client.exec("test", (error, channel) => error ? reject(error) : resolve(channel))
  );
  return await Promise.all([opened, accepted]);
}

function event<T extends unknown[]>(target: EventEmitter, name: string): Promise<T> {
  return new Promise((resolve) => target.once(name, (...args) => resolve(args as T)));
}

/** Sends a global request (RFC 4254 section 4), and waits for the answer. */
function globalRequest(end: unknown, name: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  answersOf(end).push(resolve);
  send(end, Buffer.concat([Buffer.of(80), length(name), Buffer.from(name), Buffer.of(1)]));
  return promise;
}

/** Who waits for answers of one end, in their order; keep-alives of that end are not among them. */
function answersOf(end: unknown): ((answer: string) => void)[] {
  const { _protocol: protocol } = internals(end);
  if (protocol.answers !== undefined) return protocol.answers;
  protocol.answers = [];
  protocol._handlers.REQUEST_SUCCESS = (_: unknown, data?: Uint8Array) =>
    protocol.answers.shift()?.(`accepted ${Buffer.from(data ?? []).toString()}`);
  protocol._handlers.REQUEST_FAILURE = () => protocol.answers.shift()?.("refused");
  return protocol.answers;
}

function send(end: unknown, payload: Uint8Array): void {
  const { _protocol: protocol } = internals(end);
  const packet = protocol._packetRW.write.alloc(payload.length);
  packet.set(payload, protocol._packetRW.write.allocStart);
  protocol._cipher.encrypt(protocol._packetRW.write.finalize(packet));
}

function length(text: string): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(text.length);
  return bytes;
}

describe("a session of a route", () => {
  it.each([0, 1, 255, 4_294_967_295])("passes the exit code %i on", async (code) => {
    await using session = await serveSession();
    const [client, server] = await startCommand(session);
    const exit = event(client, "exit");
    server.exit(code);
    expect(await exit).toEqual([code]);
  });

  it("passes on which signal ended a command, whether it left a dump, and what was said", async () => {
    await using session = await serveSession();
    const [client, server] = await startCommand(session);
    const exit = event(client, "exit");
    server.exit("SEGV", true, "it broke");
    expect(await exit).toEqual([null, "SIGSEGV", true, "it broke"]);
  });

  it("passes on the end of either side alone, and then the other", async () => {
    await using session = await serveSession();
    const [client, server] = await startCommand(session);
    client.resume();
    server.resume();
    const ended = event(server, "end");
    client.end("last");
    await ended;
    const gotten = event(client, "data");
    server.write("answer");
    expect(String((await gotten)[0])).toBe("answer");
    const closed = event(client, "close");
    server.end();
    await closed;
  });

  it("passes on why the server does not open a channel", async () => {
    await using session = await serveSession();
    const opening = new Promise((resolve) =>
      session.client.forwardOut("", 0, "nowhere", 1, (error) => resolve(error))
    );
    expect(await opening).toMatchObject({ reason: 1 });
  });

  it("opens 1,024 channels at once, and another when one is closed", async () => {
    await using session = await serveSession();
    session.server.on("tcpip", (accept) => accept().resume());
    const open = () =>
      new Promise<ClientChannel>((resolve, reject) =>
        session.client.forwardOut(
          "",
          0,
          "nowhere",
          1,
          (error, channel) => error ? reject(error) : resolve(channel),
        )
      );
    const [first] = await Promise.all(Array.from({ length: 1024 }, open));
    await expect(open()).rejects.toMatchObject({ reason: 4, message: expect.stringContaining("Too many") });
    const closed = event(first!, "close");
    first!.resume();
    first!.destroy();
    await closed;
    await open();
    await expect(open()).rejects.toMatchObject({ reason: 4 });
  });

  it("answers each end's global requests with what the other says, keep-alives of the gateway between them", async () => {
    await using session = await serveSession({ gateway: { keepaliveInterval: 100, keepaliveCountMax: 3 } });
    let pings = 0;
    const { _protocol: protocol } = internals(session.gateway);
    const ping = protocol.ping;
    protocol.ping = () => {
      pings++;
      ping.call(protocol);
    };
    session.server.on("request", (_accept, reject) => reject?.());
    internals(session.server)._protocol._handlers.GLOBAL_REQUEST = (
      end: { requestSuccess(data: Buffer): void; requestFailure(): void },
      name: string,
    ) => name === "known@test" ? end.requestSuccess(Buffer.from("data")) : end.requestFailure();
    internals(session.client)._protocol._handlers.GLOBAL_REQUEST = (
      end: { requestSuccess(data: Buffer): void; requestFailure(): void },
      name: string,
    ) => name === "theirs@test" ? end.requestSuccess(Buffer.from("mine")) : end.requestFailure();
    // More than the number after which a client that does not answer is given up.
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all([
        globalRequest(session.client, "known@test"),
        globalRequest(session.client, "unknown@test"),
        globalRequest(session.server, "theirs@test"),
        globalRequest(session.server, "unknown@test"),
      ]);
      expect(answers).toEqual(["accepted data", "refused", "accepted mine", "refused"]);
      const before = pings;
      await until(() => pings > before);
    }
  });

  it("does not tell a client the other host keys of the server", async () => {
    const heard: string[] = [];
    await using session = await serveSession();
    const { _handlers: handlers } = internals(session.client)._protocol;
    const original = handlers.GLOBAL_REQUEST;
    handlers.GLOBAL_REQUEST = (end: unknown, name: string, ...rest: unknown[]) => {
      heard.push(name);
      original(end, name, ...rest);
    };
    void globalRequest(session.server, "hostkeys-00@openssh.com");
    void globalRequest(session.server, "seen@test");
    await until(() => heard.length > 0);
    expect(heard).toEqual(["seen@test"]);
  });

  it("asks both ends for packets of 32 KiB at most", async () => {
    await using session = await serveSession();
    const sizes: number[] = [];
    for (const end of [session.client, session.server]) {
      const { _handlers: handlers } = internals(end)._protocol;
      for (const name of ["CHANNEL_OPEN", "CHANNEL_OPEN_CONFIRMATION"]) {
        const original = handlers[name];
        handlers[name] = (protocol: unknown, info: { packetSize: number }) => {
          sizes.push(info.packetSize);
          original(protocol, info);
        };
      }
      const protocol = internals(end)._protocol;
      const { channelOpenConfirm: confirm, session: open } = protocol;
      protocol.session = (channel: number, window: number) => open.call(protocol, channel, window, 2 ** 20);
      protocol.channelOpenConfirm = (remote: number, local: number, window: number) =>
        confirm.call(protocol, remote, local, window, 2 ** 20);
    }
    await startCommand(session);
    expect(sizes).toEqual([32 * 1024, 32 * 1024]);
  });

  it("keeps little in memory for a client that does not read, whatever window it has opened", async () => {
    await using session = await serveSession();
    const [client, server] = await startCommand(session);
    internals(session.client)._protocol.channelWindowAdjust(internals(client).outgoing.id, 2 ** 31);
    internals(session.client)._sock.pause();
    const total = 96 * MEBIBYTE;
    let written = 0;
    const write = () => {
      if (written === total) return void server.end();
      written += MEBIBYTE;
      server.write(Buffer.alloc(MEBIBYTE), write);
    };
    await until(() => internals(server).outgoing.window > 2 ** 30);
    write();
    // Nothing goes on, for as long as many turns of the loop take.
    for (let last = -1, same = 0; same < 50; last = written) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      same = written === last ? same + 1 : 0;
    }
    expect(session.counters.bytesDown).toBeLessThan(32 * MEBIBYTE);
    let got = 0;
    client.on("data", (bytes: Uint8Array) => got += bytes.length);
    internals(session.client)._sock.resume();
    await until(() => got === total);
    expect(session.counters.bytesDown).toBe(total);
  });

  it.each<[string, (session: ServedSession) => void, string]>([
    ["the client has gone in the midst of it", ({ client }) => client.destroy(), "client-reset"],
    ["the server has gone", ({ server }) => internals(server)._sock.destroy(), "upstream-reset"],
    ["it is ended", ({ end }) => end("no-longer-allowed"), "no-longer-allowed"],
  ])("says that %s", async (_, leave, reason) => {
    await using session = await serveSession();
    await startCommand(session);
    const gone = event(session.server, "close");
    leave(session);
    expect(await session.ended).toBe(reason);
    await gone;
  });

  it("is completed when a client goes whose channels are closed", async () => {
    await using session = await serveSession();
    const [client, server] = await startCommand(session);
    const closed = event(client, "close");
    client.resume();
    client.end();
    server.exit(0);
    server.end();
    server.resume();
    await closed;
    session.client.end();
    expect(await session.ended).toBe("completed");
  });

  it("ends with a server whose messages cannot be read", async () => {
    await using session = await serveSession();
    await startCommand(session);
    send(session.server, Uint8Array.of(90, 0, 0));
    expect(await session.ended).toBe("upstream-reset");
  });
});

/** An end without network. */
class FakePort {
  readonly sent: number[] = [];
  isFull = false;
  isHeld = false;
  isDestroyed = false;
  onPayload: ((payload: Uint8Array) => boolean) | null = null;
  onRoom = () => {};
  send(payload: Uint8Array): void {
    this.sent.push(payload[5]!);
  }
  hold(isHeld: boolean): void {
    this.isHeld = isHeld;
  }
  destroy(): void {
    this.isDestroyed = true;
  }
}

describe("a relay", () => {
  const data = (byte: number) => Uint8Array.of(94, 0, 0, 0, 0, byte);

  function begin(watcher: RelayWatcher | null) {
    const [client, server] = [new FakePort(), new FakePort()];
    const counters = { bytesUp: 0, bytesDown: 0, packetsUp: 0, packetsDown: 0 };
    const ends = { client, server } as unknown as Record<"client" | "server", PayloadPort>;
    return { client, server, relay: new Relay({ ...ends, counters, watcher }) };
  }

  it("keeps the order of messages while one of them is thought about, and reads no more", async () => {
    const gates = new Map([[1, Promise.withResolvers<boolean>()], [3, Promise.withResolvers<boolean>()]]);
    const { client, server } = begin({
      fromClient: (payload) => gates.get(payload[5]!)?.promise ?? true,
      fromServer: () => true,
    });
    for (const byte of [0, 1, 2, 3, 4]) client.onPayload!(data(byte));
    expect(server.sent).toEqual([0]);
    expect(client.isHeld).toBe(true);
    gates.get(1)!.resolve(false);
    await until(() => server.sent.length === 2);
    expect(server.sent).toEqual([0, 2]);
    expect(client.isHeld).toBe(true);
    gates.get(3)!.resolve(true);
    await until(() => server.sent.length === 4);
    expect(server.sent).toEqual([0, 2, 3, 4]);
    expect(client.isHeld).toBe(false);
  });

  it("ends an end whose messages turn out to be unreadable after one was thought about", async () => {
    const gate = Promise.withResolvers<boolean>();
    const { client } = begin({ fromClient: () => gate.promise, fromServer: () => true });
    client.onPayload!(data(1));
    client.onPayload!(Uint8Array.of(90, 0, 0));
    gate.resolve(true);
    await until(() => client.isDestroyed);
  });

  it("reads no more of one end while the other is full, and goes on when it is not", () => {
    const { client, server } = begin(null);
    client.isFull = true;
    server.onPayload!(data(1));
    expect([server.isHeld, client.isHeld]).toEqual([true, false]);
    client.isFull = false;
    client.onRoom();
    expect(server.isHeld).toBe(false);
  });

  it("leaves to the library what is not about channels and requests", () => {
    const { client } = begin(null);
    const numbers = [1, 2, 20, 30, 50, 79, 80, 82, 90, 100, 127, 128, 192];
    const taken = numbers.filter((number) => client.onPayload!(Uint8Array.of(number, ...new Uint8Array(20))));
    expect(taken).toEqual([80, 82, 90, 100, 127]);
  });

  it("passes nothing more on after it was stopped, and holds nobody", () => {
    const { client, server, relay } = begin(null);
    client.isFull = true;
    server.onPayload!(data(1));
    relay.stop();
    expect([client.onPayload, server.onPayload, server.isHeld]).toEqual([null, null, false]);
  });
});
