import { once } from "node:events";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import type { CertificateChoice } from "../../lib/listen/certificate_choice.ts";
import { ListenError } from "../../lib/listen/listen_error.ts";
import type { TlsAcceptorOptions } from "../../lib/listen/tls_acceptor.ts";
import { openDescriptors, readExactly, until } from "../_support/test_gateway.ts";
import {
  cleanUp,
  cleanup,
  clock,
  codeOf,
  complaints,
  connect,
  connections,
  dialPlain,
  either,
  HANDSHAKE_TIMEOUT_MS,
  hungUp,
  listen as listenWith,
  only,
  pairs,
  useAcceptors,
  WORKER_DESCRIPTORS,
} from "./_acceptors.ts";

useAcceptors();

describe.each<[string, () => CertificateChoice]>([
  ["one certificate", () => only(pairs.a)],
  ["several certificates", () => either()],
])("acceptTls() with %s", (_, certificates) => {
  const listen = (options: Partial<TlsAcceptorOptions> = {}) =>
    listenWith({ certificates: certificates(), ...options });

  it("hands over a connection after its handshake, with its facts", async () => {
    const acceptor = listen();
    const socket = await connect(acceptor, { ALPNProtocols: ["http/1.1"] });
    const { facts, stream } = await until(() => connections[0]);
    expect(facts).toMatchObject({
      peer: { address: "127.0.0.1", port: socket.localPort },
      clientCertificates: null,
      localAddress: "127.0.0.1",
      localPort: acceptor.port,
      alpn: "http/1.1",
    });
    socket.write("ping");
    expect(await readExactly(stream, 4)).toBe("ping");
    await stream.write(utf8("pong"));
    expect(String((await once(socket, "data"))[0])).toBe("pong");
  });

  it.each([
    [["h2"], "h2"],
    [["http/1.1"], "http/1.1"],
    [["http/1.1", "h2"], "h2"],
    [[], null],
  ])("agrees with a client that offers %j on %s", async (ALPNProtocols, alpn) => {
    const socket = await connect(listen(), { ALPNProtocols });
    expect(socket.alpnProtocol || null).toBe(alpn);
    expect((await until(() => connections[0])).facts.alpn).toBe(alpn);
  });

  it("does not limit the time of a connection after its handshake", async () => {
    const acceptor = listen();
    await connect(acceptor);
    await until(() => connections[0]);
    await until(() => clock.pending === 0);
    expect(acceptor.openConnections).toBe(1);
  });

  it.each([
    ["plain HTTP", utf8("GET / HTTP/1.1\r\nhost: a\r\n\r\n")],
    ["SSH", utf8("SSH-2.0-OpenSSH_9.6\r\n")],
    ["zeros", new Uint8Array(1000)],
    ["half a record", Uint8Array.of(22, 3, 1, 2, 0, 1)],
    ["an end at once", new Uint8Array(0)],
  ])("drops %s instead of a handshake, and goes on", async (_, bytes) => {
    const acceptor = listen();
    const conn = await dialPlain(acceptor);
    await conn.write(bytes);
    await conn.closeWrite();
    await hungUp(conn);
    await until(() => complaints.length === 1 && acceptor.openConnections === 0 && clock.pending === 0);
    await connect(acceptor);
    expect((await until(() => connections[0])).facts.peer.address).toBe("127.0.0.1");
  });

  it("lets a client wait while there is no room, and takes it when one has gone", async () => {
    const acceptor = listen({ maxConnections: 2 });
    await connect(acceptor);
    await connect(acceptor);
    const waiting = connect(acceptor);
    // Over a connection that is open, a whole round trip: the one that waits has had its time.
    const { stream } = await until(() => connections[1]);
    await stream.write(utf8("x"));
    expect([acceptor.openConnections, connections.length]).toEqual([2, 2]);
    stream.close();
    await waiting;
    await until(() => connections.length === 3 && acceptor.openConnections === 2);
  });

  it("counts handshakes under way against the limit", async () => {
    const acceptor = listen({ maxConnections: 1 });
    const silent = await dialPlain(acceptor);
    await until(() => acceptor.openConnections === 1);
    const waiting = connect(acceptor);
    silent.close();
    await waiting;
    await until(() => connections.length === 1);
    expect(complaints).toEqual(["TLS handshake failed"]);
  });

  it("closes a connection that its receiver fails on", async () => {
    const acceptor = listen({
      onConnection() {
        throw new Error("broken");
      },
    });
    const socket = await connect(acceptor);
    await once(socket.resume(), "close");
    await until(() => acceptor.openConnections === 0);
  });

  it("stops accepting when it is disposed: what it handed over lives on, handshakes under way do not", async () => {
    const acceptor = listen();
    const socket = await connect(acceptor);
    const { stream } = await until(() => connections[0]);
    await dialPlain(acceptor);
    await until(() => acceptor.openConnections === 2);
    await acceptor[Symbol.asyncDispose]();
    await until(() => acceptor.openConnections === 1);
    await expect(connect(acceptor)).rejects.toThrow();
    socket.write("still here");
    expect(await readExactly(stream, 10)).toBe("still here");
    expect(connections).toHaveLength(1);
    listen({ port: acceptor.port });
  });

  it("can be disposed while it has no room", async () => {
    const acceptor = listen({ maxConnections: 1 });
    await connect(acceptor);
    await until(() => connections[0]);
    await acceptor[Symbol.asyncDispose]();
    listen({ port: acceptor.port });
  });

  it("leaves no descriptor behind", async () => {
    const before = openDescriptors();
    const acceptor = listen();
    for (let i = 0; i < 10; i++) (await connect(acceptor)).destroy();
    const conn = await dialPlain(acceptor);
    await conn.write(utf8("garbage\r\n"));
    await hungUp(conn);
    await until(() => connections.length === 10);
    await cleanUp();
    await until(() => openDescriptors() <= before + WORKER_DESCRIPTORS);
  });

  it("refuses a port that is in use here", () => {
    const { port } = listen();
    expect(codeOf(() => listen({ port }))).toBe("listen/address-in-use");
  });

  it("refuses a port that another program shares with whoever wants", async () => {
    const script = `const l = Deno.listen({ hostname: "127.0.0.1", port: 0, reusePort: true });
      console.log(l.addr.port); await l.accept();`;
    await using other = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--unstable-net", script],
      stdout: "piped",
    }).spawn();
    const reader = other.stdout.getReader();
    const port = Number(new TextDecoder().decode((await reader.read()).value));
    expect(codeOf(() => listen({ port }))).toBe("listen/address-in-use");
    other.kill("SIGKILL");
    await reader.cancel();
  });

  it.each(["192.0.2.1", "name.invalid", "not an address"])(
    "refuses the address %j, which is not its own",
    (hostname) => {
      expect(codeOf(() => listen({ hostname }))).toBe("listen/bad-address");
    },
  );

  it.each([
    ["that is none", () => ({ certPem: "garbage", keyPem: "garbage" })],
    ["with the key of another", () => ({ certPem: pairs.a.certPem, keyPem: pairs.b.keyPem })],
  ])("refuses a certificate %s, and leaves nothing open", async (_, bad) => {
    const before = openDescriptors();
    const choices = Array.from({ length: 5 }, () => [only(bad()), either({ a: pairs.a, b: bad() })]).flat();
    for (const choice of choices) {
      expect(codeOf(() => listen({ certificates: choice }))).toBe("listen/bad-certificate");
    }
    await until(() => openDescriptors() <= before + WORKER_DESCRIPTORS);
  });
});

describe("acceptTls()", () => {
  it("needs a certificate", () => {
    const none: CertificateChoice = { certificates: [], select: () => pairs.a };
    expect(() => listenWith({ certificates: none })).toThrow(TypeError);
  });

  it("fails clearly where the platform lacks what it needs", () => {
    const { binding } = process as unknown as { binding: unknown };
    cleanup.defer(() => void Object.assign(process, { binding }));
    Object.assign(process, { binding: () => ({}) });
    expect(codeOf(() => listenWith())).toBe("listen/unsupported-platform");
  });

  it("keeps its time limit for handshakes", async () => {
    const acceptor = listenWith();
    await dialPlain(acceptor);
    await until(() => acceptor.openConnections === 1);
    clock.advance(HANDSHAKE_TIMEOUT_MS - 1);
    expect(acceptor.openConnections).toBe(1);
    clock.advance(1);
    await until(() => acceptor.openConnections === 0);
    expect(complaints).toEqual(["TLS handshake failed"]);
  });
});

describe("ListenError.from()", () => {
  it.each([
    [new Deno.errors.AddrInUse("in use"), "listen/address-in-use"],
    [new Deno.errors.PermissionDenied("no"), "listen/not-permitted"],
    [new Deno.errors.NotCapable("no"), "listen/not-permitted"],
    [new Deno.errors.AddrNotAvailable("not here"), "listen/bad-address"],
  ])("tells %s as %s, with where and what to do", (cause, code) => {
    const error = ListenError.from(cause, { hostname: "127.0.0.1", port: 443 });
    expect([error.code, error.cause]).toEqual([code, cause]);
    expect(error.message).toContain("127.0.0.1:443");
    expect(error.hint).toBeDefined();
  });
});
