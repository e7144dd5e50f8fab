import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
// @ts-types="@types/ssh2"
import ssh2, { type Connection, type ServerChannel } from "ssh2";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { StreamDuplex } from "../../lib/base/stream_duplex.ts";
import { limitChannels } from "../../lib/ssh/_channel_limits.ts";
import { makePrivateKey } from "../../lib/ssh/host_keys.ts";
import { until } from "../_support/until.ts";

const MIB = 1024 * 1024;
const MAX_CHANNELS = 5;

/** What of a client of ssh2 a test reaches into. */
interface RawSsh2Client {
  readonly _sock: Socket;
  readonly _protocol: {
    readonly _handlers: {
      CHANNEL_OPEN_CONFIRMATION: (protocol: unknown, info: unknown) => void;
      CHANNEL_OPEN_FAILURE: (protocol: unknown, channel: number, reason: number) => void;
      CHANNEL_DATA: (protocol: unknown, channel: number, data: Uint8Array) => void;
    };
    session(channel: number, window: number, packetSize: number): void;
    shell(channel: number, wantsReply: boolean): void;
    channelWindowAdjust(channel: number, bytes: number): void;
  };
}

describe("limitChannels()", () => {
  let listener: Deno.TcpListener;
  let socket: StreamDuplex;
  let client: ssh2.Client;
  let raw: RawSsh2Client;
  let shells: ServerChannel[];

  beforeEach(async () => {
    listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    shells = [];
    const server = new ssh2.Server({ hostKeys: [await makePrivateKey("ed25519")] });
    server.on("connection", (connection: Connection) => {
      limitChannels(connection, { maxChannels: MAX_CHANNELS });
      connection.on("error", () => {});
      connection.on("authentication", (context) => context.accept());
      connection.on("session", (accept) => accept().on("shell", (accept) => shells.push(accept())));
    });
    const ready = Promise.withResolvers<void>();
    client = new ssh2.Client();
    client.on("error", () => {});
    client.on("ready", () => ready.resolve());
    client.connect({ host: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port, username: "ada" });
    socket = new StreamDuplex(denoStream(await listener.accept()));
    server.injectSocket(socket as unknown as Socket);
    await ready.promise;
    raw = client as unknown as RawSsh2Client;
  });
  afterEach(() => {
    client.destroy();
    socket.destroy();
    listener.close();
  });

  /** Opens a session with this window, and a shell in it. */
  async function open(channel: number, window: number): Promise<ServerChannel> {
    raw._protocol._handlers.CHANNEL_OPEN_CONFIRMATION = () => raw._protocol.shell(channel, false);
    const before = shells.length;
    raw._protocol.session(channel, window, 32 * 1024);
    return await until(() => shells[before]);
  }

  /** Sends so much, as fast as it is taken. */
  function send(shell: ServerChannel, bytes: number): void {
    let left = bytes;
    const next = () => {
      const chunk = Math.min(left, 64 * 1024);
      left -= chunk;
      if (chunk > 0) shell.write(new Uint8Array(chunk), next);
    };
    next();
  }

  it.each([[2 ** 32 - 1], [64 * MIB]])(
    "keeps little in memory for who does not read, with a window of %d",
    async (window) => {
      const shell = await open(0, window);
      raw._sock.pause();
      let most = 0;
      send(shell, 64 * MIB);
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const look = setInterval(() => most = Math.max(most, socket.writableLength), 1);
      setTimeout(resolve, 500);
      await late;
      clearInterval(look);
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThan(4 * MIB);
      let received = 0;
      raw._protocol._handlers.CHANNEL_DATA = (_, _channel, data) => received += data.length;
      raw._sock.resume();
      await until(() => received === 64 * MIB || undefined);
    },
  );

  it.each([[0], [1], [100_000]])("sends no more than a window of %d", async (window) => {
    let received = 0;
    raw._protocol._handlers.CHANNEL_DATA = (_, _channel, data) => received += data.length;
    const shell = await open(0, window);
    send(shell, 2 * MIB);
    await until(() => received === window || undefined);
    raw._protocol.channelWindowAdjust(0, 2 * MIB - window);
    await until(() => received === 2 * MIB || undefined);
  });

  it("opens so many channels and no more, and others when some are closed", async () => {
    const answers: (number | "open")[] = [];
    raw._protocol._handlers.CHANNEL_OPEN_CONFIRMATION = () => answers.push("open");
    raw._protocol._handlers.CHANNEL_OPEN_FAILURE = (_, _channel, reason) => answers.push(reason);
    for (let channel = 0; channel < 33_000; channel++) raw._protocol.session(channel, 1024, 1024);
    await until(() => answers.length === 33_000 || undefined);
    expect(answers.filter((answer) => answer === "open")).toHaveLength(MAX_CHANNELS);
    expect(answers.filter((answer) => answer === 4)).toHaveLength(33_000 - MAX_CHANNELS);
  });
});
