import { Buffer } from "node:buffer";
import { once } from "node:events";
import type tls from "node:tls";
import { describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { requirePeer } from "../_support/peers.ts";
import { openDescriptors, readAll, readExactly, until } from "../_support/test_gateway.ts";
import {
  ca,
  cleanup,
  clock,
  complaints,
  connect,
  connections,
  dialPlain,
  either,
  HANDSHAKE_TIMEOUT_MS,
  hungUp,
  listen,
  resettableProxy,
  shown,
  useAcceptors,
  WORKER_DESCRIPTORS,
} from "./_acceptors.ts";

useAcceptors();

/**
 * Passes one connection on; of what the client says first, until it is answered, `size` bytes at a time.
 *
 * @returns its port, and how many pieces there were
 */
function splittingProxy(
  target: { port: number },
  { size }: { size: number },
): { port: number; pieces: () => number } {
  const proxy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let pieces = 0;
  cleanup.defer(() => proxy.close());
  void (async () => {
    const near = await proxy.accept();
    const far = await dialPlain(target);
    void far.readable.pipeTo(near.writable).catch(() => {});
    const hello = new Uint8Array(16 * 1024);
    const count = (await near.read(hello))!;
    for (let at = 0; at < count; at += size) {
      pieces++;
      await far.write(hello.subarray(at, Math.min(at + size, count)));
      await new Promise((resolve) => setTimeout(resolve, size === 1 ? 0 : 20));
    }
    void near.readable.pipeTo(far.writable).catch(() => {});
  })();
  return { port: proxy.addr.port, pieces: () => pieces };
}

/** A ClientHello that takes so many bytes on its way, from 1,000 on. */
async function clientHelloOf(bytes: number): Promise<Uint8Array> {
  const names = ["h2"];
  for (;;) {
    const hello = await recordedHello({ ALPNProtocols: names });
    if (hello.length === bytes) return hello;
    // A name takes a byte more than it has.
    names.push("-".repeat(Math.min(200, bytes - hello.length - 1)));
  }
}

async function recordedHello(options: tls.ConnectionOptions = {}): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void connect(listener.addr, options).catch(() => {});
  using conn = await listener.accept();
  const buffer = new Uint8Array(16 * 1024);
  return buffer.subarray(0, (await conn.read(buffer))!);
}

/** A client, and what was handed over for it. */
async function pair() {
  const acceptor = listen();
  const socket = await connect(acceptor, { allowHalfOpen: true } as object);
  const { stream } = await until(() => connections[0]);
  return { acceptor, socket, stream };
}

function pattern(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + (i >> 10)) % 251);
}

describe("acceptTls() with several certificates", () => {
  it("shows each name its certificate, and others the first", async () => {
    const acceptor = listen();
    expect(await Promise.all(["a.test", "b.test", "c.test", "b.test"].map((name) => shown(acceptor, name))))
      .toEqual(["a.test", "b.test", "a.test", "b.test"]);
  });

  it("asks for the certificate of no name when the client sends none", async () => {
    const asked: string[] = [];
    const choice = either();
    const acceptor = listen({
      certificates: { ...choice, select: (name) => (asked.push(name), choice.select(name)) },
    });
    await connect(acceptor, { servername: "", checkServerIdentity: () => undefined });
    expect(asked).toEqual([""]);
  });

  it.each(["a.test", "b.test"])("shows openssl s_client the certificate of %s", {
    skip: !requirePeer("openssl"),
  }, async (name) => {
    const { port } = listen();
    const { stdout } = await new Deno.Command("openssl", {
      args: ["s_client", "-connect", `127.0.0.1:${port}`, "-servername", name, "-alpn", "h2"],
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    expect(text).toMatch(new RegExp(`subject=.*CN ?= ?${name}\n`));
    expect(text).toContain("ALPN protocol: h2");
  });

  it("fails only the handshake whose certificate cannot be chosen", async () => {
    const choice = either();
    const acceptor = listen({
      certificates: {
        ...choice,
        select(serverName) {
          if (serverName === "bad.test") throw new Error("no such certificate");
          if (serverName === "other.test") return { certPem: "not announced", keyPem: "not announced" };
          return choice.select(serverName);
        },
      },
    });
    for (const servername of ["bad.test", "other.test"]) {
      await expect(connect(acceptor, { servername })).rejects.toThrow();
    }
    await connect(acceptor);
    await until(() => connections.length === 1 && acceptor.openConnections === 1);
  });

  it.each([
    ["in two pieces", 200, 0],
    ["byte by byte", 1, 0],
    ["of 3 kB, 500 bytes at a time", 500, 3000],
  ])("takes a ClientHello %s", async (_, size, atLeast) => {
    const acceptor = listen();
    const proxy = splittingProxy(acceptor, { size });
    // What the client offers makes its first message as long as is wanted.
    const ALPNProtocols = [
      ...Array.from({ length: Math.ceil(atLeast / 200) }, (_, i) => `${i}`.padEnd(199, "-")),
      "h2",
    ];
    const socket = await connect(proxy, { ALPNProtocols, servername: "b.test" });
    expect(socket.getPeerCertificate().subject.CN).toBe("b.test");
    expect(proxy.pieces()).toBeGreaterThanOrEqual(Math.max(2, atLeast / size));
    expect((await until(() => connections[0])).facts.alpn).toBe("h2");
  });

  it("really closes 300 silent clients when their time is over, before and in the midst of the ClientHello", async () => {
    const acceptor = listen();
    const hello = Uint8Array.of(22, 3, 1, 2, 0, 1);
    const clients = await Promise.all(Array.from({ length: 300 }, () => dialPlain(acceptor)));
    for (const client of clients.slice(150)) await client.write(hello);
    await until(() => acceptor.openConnections === 300);
    const most = openDescriptors();
    clock.advance(HANDSHAKE_TIMEOUT_MS);
    await until(() => acceptor.openConnections === 0);
    await until(() => openDescriptors() <= most - 300 + WORKER_DESCRIPTORS);
    await Promise.all(clients.map(hungUp));
  });

  it("really closes a client that falls silent after its ClientHello", async () => {
    const acceptor = listen();
    const hello = await recordedHello();
    const clients = await Promise.all(Array.from({ length: 20 }, () => dialPlain(acceptor)));
    for (const client of clients) {
      await client.write(hello);
      // The answer of the server: the handshake is under way.
      await client.read(new Uint8Array(1));
    }
    const most = openDescriptors();
    clock.advance(HANDSHAKE_TIMEOUT_MS);
    await Promise.all(clients.map(hungUp));
    await until(() => acceptor.openConnections === 0);
    await until(() => openDescriptors() <= most - 20 + WORKER_DESCRIPTORS);
    expect(connections).toHaveLength(0);
  });

  it("leaves a client whose ClientHello comes in thousands of pieces", async () => {
    const acceptor = listen();
    const conn = await dialPlain(acceptor);
    conn.setNoDelay(true);
    const sending = (async () => {
      for (const byte of await clientHelloOf(16_000)) {
        await conn.write(Uint8Array.of(byte));
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    })();
    await Promise.allSettled([sending, hungUp(conn)]);
    await until(() => acceptor.openConnections === 0);
    expect(complaints).toEqual(["TLS handshake failed"]);
    expect(connections).toHaveLength(0);
  });

  it("takes nothing that comes in the clear with the ClientHello for what comes inside of TLS", async () => {
    const acceptor = listen();
    const conn = await dialPlain(acceptor);
    // So much is read at a time: what follows is not looked at before TLS begins.
    const hello = await clientHelloOf(4096);
    // Zeros are no record: the handshake fails, instead of waiting for more.
    await conn.write(concatBytes([hello, new Uint8Array(8192)]));
    await hungUp(conn);
    await until(() => acceptor.openConnections === 0);
    expect(complaints).toEqual(["TLS handshake failed"]);
  });

  it("carries megabytes both ways at once", async () => {
    const { socket, stream } = await pair();
    const bytes = Buffer.from(pattern(4 << 20));
    const received: Uint8Array[] = [];
    const ended = once(socket, "end");
    socket.on("data", (chunk: Uint8Array) => received.push(chunk));
    socket.end(bytes);
    const sent = stream.write(bytes).then(() => stream.closeWrite());
    expect(bytes.equals(await readAll(stream))).toBe(true);
    await Promise.all([sent, ended]);
    expect(bytes.equals(concatBytes(received))).toBe(true);
  });

  it("delivers all that was written before a close", async () => {
    const { acceptor, socket, stream } = await pair();
    const bytes = pattern(1 << 20);
    let count = 0;
    const ended = once(socket, "end");
    socket.on("data", (chunk: Uint8Array) => count += chunk.length);
    await stream.write(bytes);
    stream.close();
    await ended;
    expect(count).toBe(bytes.length);
    await until(() => acceptor.openConnections === 0);
  });

  it("does not make the writer go on when the client does not read", async () => {
    const acceptor = listen();
    // A client of node:tls takes everything in, however long it is paused.
    const client = await Deno.startTls(await dialPlain(acceptor), { hostname: "localhost", caCerts: [ca] });
    cleanup.use(client);
    await client.handshake();
    const { stream } = await until(() => connections[0]);
    const chunk = new Uint8Array(1 << 20);
    let taken = 0;
    let waiting = 0;
    const writing = (async () => {
      for (; taken < 256; taken++, waiting = 0) await stream.write(chunk);
    })().catch(() => {});
    await until(() => taken === 256 || ++waiting > 50);
    expect(taken).toBeLessThan(64);
    stream.close();
    await writing;
    await until(() => acceptor.openConnections === 0);
  });

  it("passes on that the client has finished, and goes on sending to it", async () => {
    const { socket, stream } = await pair();
    socket.end("done");
    expect(new TextDecoder().decode(await readAll(stream))).toBe("done");
    await stream.write(utf8("answer"));
    expect(String((await once(socket, "data"))[0])).toBe("answer");
  });

  it("goes on sending megabytes to a client that has finished and reads slowly", async () => {
    const acceptor = listen();
    const conn = await dialPlain(acceptor);
    const client = denoStream(await Deno.startTls(conn, { hostname: "localhost", caCerts: [ca] }));
    cleanup.defer(() => client.close());
    await client.write(utf8("done"));
    await client.closeWrite();
    const { stream } = await until(() => connections[0]);
    expect(new TextDecoder().decode(await readAll(stream))).toBe("done");
    const bytes = pattern(16 << 20);
    let isSent = false;
    const sent = stream.write(bytes).then(() => stream.closeWrite()).then(() => isSent = true);
    const first = new Uint8Array(1);
    await client.read(first);
    // Longer than the platform takes to look at a connection again.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isSent).toBe(false);
    expect(Buffer.compare(concatBytes([first, await readAll(client)]), bytes)).toBe(0);
    await sent;
  });

  it("passes on that our side has finished, and goes on receiving", async () => {
    const { socket, stream } = await pair();
    await stream.closeWrite();
    await once(socket.resume(), "end");
    socket.write("still here");
    expect(await readExactly(stream, 10)).toBe("still here");
  });

  it("fails reading when the client has reset the connection", async () => {
    const acceptor = listen();
    const { port, reset } = resettableProxy(acceptor);
    await connect({ port });
    const { stream } = await until(() => connections[0]);
    const reading = readAll(stream);
    reset();
    await expect(reading).rejects.toThrow();
    stream.close();
    await until(() => acceptor.openConnections === 0);
  });

  it("closes the client's connection when ours is closed, though the client says nothing more", async () => {
    const { acceptor, socket, stream } = await pair();
    stream.close();
    await once(socket.resume(), "end");
    await until(() => acceptor.openConnections === 0);
  });

  it("ends both ways when the client has gone", async () => {
    const { acceptor, socket, stream } = await pair();
    socket.destroy();
    await readAll(stream).catch(() => {});
    stream.close();
    await until(() => acceptor.openConnections === 0);
  });

  it("tells the client that no protocol is common to both", async () => {
    const acceptor = listen();
    await expect(connect(acceptor, { ALPNProtocols: ["smtp"] })).rejects.toThrow();
    await until(() => acceptor.openConnections === 0 && clock.pending === 0);
    expect(complaints).toEqual(["TLS handshake failed"]);
  });

  it("serves a hundred clients at once, each as itself", async () => {
    const acceptor = listen();
    const sockets = await Promise.all(
      Array.from({ length: 100 }, (_, i) => connect(acceptor, { servername: i % 2 ? "b.test" : "a.test" })),
    );
    await until(() => connections.length === 100);
    for (const [i, socket] of sockets.entries()) socket.write(`${i}`.padStart(3));
    for (const { facts, stream } of connections) {
      const index = Number(await readExactly(stream, 3));
      expect(facts.peer.port).toBe(sockets[index]!.localPort);
    }
  });
});
