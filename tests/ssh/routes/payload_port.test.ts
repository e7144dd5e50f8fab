import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
// @ts-types="@types/ssh2"
import ssh2, { type ClientChannel } from "ssh2";
import { denoStream } from "../../../lib/base/deno_stream.ts";
import { FastCiphers } from "../../../lib/ssh/fast_ciphers.ts";
import { PayloadPort } from "../../../lib/ssh/routes/_payload_port.ts";
import { SshSocket } from "../../../lib/ssh/ssh_socket.ts";
import { until } from "../../_support/until.ts";
import { TestServer } from "./_harness.ts";

describe("PayloadPort", () => {
  it("gives ssh2 messages that it may keep, although they are lent to the port", async () => {
    using server = new TestServer();
    const socket = new SshSocket(
      denoStream(await Deno.connect({ hostname: "127.0.0.1", port: await server.listen() })),
    );
    const client = new ssh2.Client();
    client.connect({
      sock: socket,
      username: "ada",
      algorithms: { cipher: ["chacha20-poly1305@openssh.com"] },
    });
    new FastCiphers().use(client);
    new PayloadPort(client);
    // Pieces of it are alike nowhere.
    const data = new Uint8Array(500_000).map((_, i) => Math.imul(i, 0x9e3779b1) >>> 16);
    const connection = await server.connection;
    connection.on("session", (accept) => accept().on("shell", (accept) => void accept().end(data)));
    const channel = await new Promise<ClientChannel>((resolve, reject) =>
      client.shell(false, (error, channel) => error ? reject(error) : resolve(channel))
    );
    await until(() => channel.readableLength === data.length);
    const chunks: Uint8Array[] = [];
    for await (const chunk of channel) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(data)).toBe(true);
    client.destroy();
  });
});
