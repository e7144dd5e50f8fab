import { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
// @ts-types="@types/ssh2"
import ssh2, { type ClientChannel, type Connection } from "ssh2";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { FastCipher } from "../../lib/ssh/cipher/fast_cipher.ts";
import { FastDecipher } from "../../lib/ssh/cipher/fast_decipher.ts";
import { FastCiphers } from "../../lib/ssh/fast_ciphers.ts";
import { makePrivateKey } from "../../lib/ssh/host_keys.ts";
import { SshSocket } from "../../lib/ssh/ssh_socket.ts";

const CHACHA = "chacha20-poly1305@openssh.com";

interface RawEnd {
  readonly _sock: { readonly lends?: boolean };
  readonly _protocol: { readonly _cipher: unknown; readonly _decipher: unknown; rekey(): void };
}

const rawOf = (end: unknown) => end as RawEnd;
const ciphersOf = (end: unknown) => [rawOf(end)._protocol._cipher, rawOf(end)._protocol._decipher];

function shell(client: ssh2.Client): Promise<ClientChannel> {
  return new Promise((resolve, reject) =>
    client.shell(false, (error, channel) => error ? reject(error) : resolve(channel))
  );
}

describe("FastCiphers", () => {
  let stack = new AsyncDisposableStack();
  afterEach(async () => {
    await stack[Symbol.asyncDispose]();
    stack = new AsyncDisposableStack();
  });

  /** A server that sends back what it gets, and its client, either of which has fast ciphers or not. */
  async function connect(
    { server: isServerFast, client: isClientFast }: { server: boolean; client: boolean },
    cipher = CHACHA,
  ) {
    const ciphers = new FastCiphers();
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    stack.defer(() => listener.close());
    const server = new ssh2.Server({ hostKeys: [await makePrivateKey("ed25519")] });
    const served = Promise.withResolvers<Connection>();
    server.on("connection", (connection: Connection) => {
      if (isServerFast) ciphers.use(connection);
      connection.on("error", () => {});
      connection.on("authentication", (context) => context.accept());
      connection.on("session", (accept) =>
        accept().on("shell", (accept) => {
          const shell = accept();
          shell.pipe(shell);
        }));
      served.resolve(connection);
    });
    const client = new ssh2.Client();
    const ready = Promise.withResolvers<void>();
    client.on("error", ready.reject);
    client.on("ready", () => ready.resolve());
    const { port } = listener.addr;
    const [dialled, accepted] = await Promise.all([
      Deno.connect({ hostname: "127.0.0.1", port }),
      listener.accept(),
    ]);
    server.injectSocket(new SshSocket(denoStream(accepted)) as unknown as Socket);
    client.connect({
      sock: new SshSocket(denoStream(dialled)),
      username: "ada",
      algorithms: { cipher: [cipher] as ssh2.CipherAlgorithm[] },
    });
    if (isClientFast) ciphers.use(client);
    await ready.promise;
    stack.defer(() => void client.destroy());
    return { client, connection: await served.promise };
  }

  async function echo(
    client: ssh2.Client,
    bytes: Uint8Array,
    during: (channel: ClientChannel) => void,
  ): Promise<Buffer> {
    const channel = await shell(client);
    during(channel);
    channel.end(bytes);
    const chunks: Uint8Array[] = [];
    for await (const chunk of channel) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  const data = new Uint8Array(3 * 1024 * 1024).map((_, i) => Math.imul(i, 0x9e3779b1) >>> 16);

  it.each([
    { server: true, client: false },
    { server: false, client: true },
    { server: true, client: true },
  ])("carries what ssh2 carries, new keys in the midst of it: %o", async (fast) => {
    const { client, connection } = await connect(fast);
    const rekeyed = new Promise((resolve) => (connection as EventEmitter).once("rekey", resolve));
    const received = await echo(client, data, () => rawOf(client)._protocol.rekey());
    await rekeyed;
    expect(received.equals(data)).toBe(true);
    const isFast = (end: unknown) =>
      ciphersOf(end)[0] instanceof FastCipher && ciphersOf(end)[1] instanceof FastDecipher;
    expect([isFast(connection), isFast(client)]).toEqual([fast.server, fast.client]);
    // What ssh2 deciphers itself might keep parts of what was read.
    expect([rawOf(connection)._sock.lends, rawOf(client)._sock.lends]).toEqual([fast.server, fast.client]);
  });

  it.each(["aes256-gcm@openssh.com", "aes128-ctr"])("leaves %s to ssh2", async (cipher) => {
    const { client } = await connect({ server: true, client: true }, cipher);
    const received = await echo(client, data, () => {});
    expect(received.equals(data)).toBe(true);
    expect(ciphersOf(client).some((made) => made instanceof FastCipher || made instanceof FastDecipher)).toBe(
      false,
    );
    expect(rawOf(client)._sock.lends).toBe(false);
  });

  it.each([
    ["has other names", { _key: new Uint8Array(64), outSeqno: 0, _onWrite: () => {} }],
    ["has keys of another length", {
      _encKeyMain: new Uint8Array(16),
      _encKeyPktLen: new Uint8Array(16),
      outSeqno: 0,
      _onWrite: () => {},
    }],
    ["is nothing", undefined],
  ])("leaves what ssh2 makes as it is when that %s", (_, made) => {
    const protocol: { _cipher: unknown; _decipher: unknown } = { _cipher: null, _decipher: null };
    new FastCiphers().use({ _protocol: protocol } as unknown as ssh2.Client);
    protocol._cipher = protocol._decipher = made;
    expect([protocol._cipher, protocol._decipher]).toEqual([made, made]);
  });
});
