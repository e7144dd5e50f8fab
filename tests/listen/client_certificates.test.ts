import { Buffer } from "node:buffer";
import { once } from "node:events";
import type tls from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../lib/base/clock.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import type { CertificateChoice, ClientCertificateRequest } from "../../lib/listen/certificate_choice.ts";
import { silentLog } from "../../lib/observe/log.ts";
import { type ClientPair, TestAuthority } from "../_support/test_authority.ts";
import { requirePeer } from "../_support/peers.ts";
import { openDescriptors, readAll, readExactly, until } from "../_support/test_gateway.ts";
import {
  ca,
  cleanUp,
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
  only,
  pairs,
  resettableProxy,
  shown,
  useAcceptors,
  WORKER_DESCRIPTORS,
} from "./_acceptors.ts";

const MIB = 1024 * 1024;

let authority: TestAuthority;
let alice: ClientPair;

useAcceptors();

beforeAll(async () => {
  authority = await TestAuthority.create("Callers of the test");
  alice = await authority.issue({ commonName: "alice" });
});

/** Asks on `a.test` for certificates. */
function asking(request: Partial<ClientCertificateRequest> = {}): CertificateChoice {
  const asked = { authoritiesPem: [authority.pem], admission: null, ...request };
  return { ...either(), clientCertificates: { request: (name) => name === "a.test" ? asked : null } };
}

/** A client of `a.test` with the certificate of alice, and what was handed over for it. */
async function pair() {
  const acceptor = listen({ certificates: asking() });
  const options = { servername: "a.test", allowHalfOpen: true, cert: alice.certPem, key: alice.keyPem };
  const socket = await connect(acceptor, options as tls.ConnectionOptions);
  const { stream, facts } = await until(() => connections[0]);
  return { acceptor, socket, stream, facts };
}

/** The same with a client that reads when it is told to: those of node:tls take everything in. */
async function slowPair() {
  const acceptor = listen({ certificates: asking() });
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: acceptor.port });
  const client = denoStream(await Deno.startTls(conn, { hostname: "a.test", caCerts: [ca] }));
  cleanup.defer(() => client.close());
  await client.write(utf8("hello"));
  const { stream } = await until(() => connections[0]);
  await readExactly(stream, 5);
  return { client, stream };
}

/** What `openssl s_client` says of its handshake. */
async function sClient(port: number, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${port}`, ...args],
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

/** @returns a file with the session of a connection of `openssl s_client` that is over */
async function sessionOf(port: number, args: readonly string[]): Promise<string> {
  const session = await Deno.makeTempFile();
  cleanup.defer(() => Deno.remove(session));
  // A session of TLS 1.3 comes after the handshake.
  const program = new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${port}`, ...args, "-sess_out", session, "-ign_eof"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await until(() => Deno.statSync(session).size > 0);
  connections[0]!.stream.close();
  await program.status;
  return session;
}

async function filesOf({ certPem, keyPem }: ClientPair): Promise<string[]> {
  const [cert, key] = await Promise.all([certPem, keyPem].map(async (pem) => {
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, pem);
    cleanup.defer(() => Deno.remove(file));
    return file;
  }));
  return ["-cert", cert!, "-key", key!];
}

describe("acceptTls() that asks for client certificates", () => {
  it.each([
    ["a.test", "Acceptable client certificate CA names\nCN = Callers of the test\n"],
    ["b.test", "No client certificate CA names sent"],
    ["c.test", "No client certificate CA names sent"],
  ])("on some names only: openssl s_client to %s", { skip: !requirePeer("openssl") }, async (name, said) => {
    const { port } = listen({ certificates: asking() });
    expect(await sClient(port, "-servername", name)).toContain(said);
  });

  it.each(["-tls1_2", "-tls1_3"])("states the certificate that openssl s_client %s has proven to hold", {
    skip: !requirePeer("openssl"),
  }, async (version) => {
    const { port } = listen({ certificates: asking() });
    await sClient(port, "-servername", "a.test", "-alpn", "h2", version, ...await filesOf(alice));
    const { facts } = await until(() => connections[0]);
    expect(facts).toMatchObject({ serverName: "a.test", alpn: "h2", peer: { address: "127.0.0.1" } });
    expect(facts.clientCertificates?.[0]).toEqual(alice.der);
  });

  it.each(["-tls1_2", "-tls1_3"])("states it as well when openssl s_client %s resumes its session", {
    skip: !requirePeer("openssl"),
  }, async (version) => {
    const { port } = listen({ certificates: asking() });
    const args = ["-servername", "a.test", version, ...await filesOf(alice)];
    const session = await sessionOf(port, args);
    expect(await sClient(port, ...args, "-sess_in", session)).toMatch(/^Reused/m);
    expect(connections[1]!.facts.clientCertificates?.[0]).toEqual(alice.der);
  });

  it("states the chain in the order in which it was sent", async () => {
    const below = await authority.intermediate("Intermediate");
    const bob = await below.issue({ commonName: "bob" });
    const acceptor = listen({ certificates: asking() });
    await connect(acceptor, { servername: "a.test", cert: bob.certPem + below.pem, key: bob.keyPem });
    const { facts } = await until(() => connections[0]);
    expect(facts.clientCertificates?.slice(0, 2)).toEqual([bob.der, below.der]);
  });

  it.each([
    ["no certificate", () => ({}), 0],
    ["a certificate of somebody else's authority", async () => {
      const { certPem, keyPem } = await (await TestAuthority.create("Callers of the test")).issue({});
      return { cert: certPem, key: keyPem };
    }, 1],
  ])("hands over a client with %s", async (_, present, least) => {
    const acceptor = listen({ certificates: asking() });
    const socket = await connect(acceptor, { servername: "a.test", ...await present() });
    const { stream, facts } = await until(() => connections[0]);
    expect(facts.clientCertificates!.length).toBeGreaterThanOrEqual(least);
    expect(facts.clientCertificates!.length > 0).toBe(least > 0);
    socket.write("ping");
    expect(await readExactly(stream, 4)).toBe("ping");
  });

  it("says of names on which it does not ask that nobody was asked", async () => {
    const acceptor = listen({ certificates: asking() });
    await connect(acceptor, { servername: "b.test" });
    expect((await until(() => connections[0])).facts.clientCertificates).toBeNull();
  });

  it("asks with a single certificate too, from and to an acceptor that does not", async () => {
    const one = only(pairs.a);
    const acceptor = listen({ certificates: one, clock: systemClock });
    await connect(acceptor);
    acceptor.setCertificates({ ...one, clientCertificates: asking().clientCertificates! });
    await connect(acceptor, { servername: "a.test" });
    acceptor.setCertificates(one);
    await connect(acceptor, { servername: "a.test" });
    await until(() => connections.length === 3);
    expect(connections.map(({ facts }) => facts.clientCertificates)).toEqual([null, [], null]);
  });

  it("shows each name its own certificate", async () => {
    const everywhere = { authoritiesPem: [authority.pem], admission: null };
    const acceptor = listen({
      certificates: { ...either(), clientCertificates: { request: () => everywhere } },
    });
    expect(await Promise.all(["a.test", "b.test"].map((name) => shown(acceptor, name))))
      .toEqual(["a.test", "b.test"]);
  });

  it("carries megabytes both ways at once, and the end of each", async () => {
    const { socket, stream } = await pair();
    const up = new Uint8Array(5 * MIB).map((_, at) => at * 7);
    const down = new Uint8Array(6 * MIB).map((_, at) => at * 11);
    const received: Uint8Array[] = [];
    socket.on("data", (chunk: Uint8Array) => received.push(chunk));
    const ended = once(socket, "end");
    socket.end(up);
    const [got] = await Promise.all([
      readAll(stream),
      stream.write(down).then(() => stream.closeWrite()),
    ]);
    await ended;
    expect(Buffer.compare(got, up)).toBe(0);
    expect(Buffer.compare(Buffer.concat(received), down)).toBe(0);
  });

  it("goes on sending after the client has ended", async () => {
    const { socket, stream } = await pair();
    let said = "";
    socket.on("data", (chunk) => said += chunk);
    socket.end("first");
    expect(new TextDecoder().decode(await readAll(stream))).toBe("first");
    const ended = once(socket, "end");
    await stream.write(utf8("second"));
    await stream.closeWrite();
    await ended;
    expect(said).toBe("second");
  });

  it("goes on receiving after it has ended itself", async () => {
    const { socket, stream } = await pair();
    const ended = once(socket.resume(), "end");
    await stream.closeWrite();
    await ended;
    socket.end("late");
    expect(new TextDecoder().decode(await readAll(stream))).toBe("late");
  });

  it("takes no more from a client than a reader that does not read leaves room for", async () => {
    const { client, stream } = await slowPair();
    let sent = 0;
    const chunk = new Uint8Array(MIB);
    const sending = (async () => {
      for (; sent < 64 * MIB; sent += MIB) await client.write(chunk);
      await client.closeWrite();
    })();
    await settles(() => sent);
    // What has gone is in the buffers of the system, a few MiB, and a quarter of one here.
    expect(sent).toBeLessThan(32 * MIB);
    expect((await readAll(stream)).length).toBe(64 * MIB);
    await sending;
  });

  it("takes no more to send than a client that does not read leaves room for", async () => {
    const { client, stream } = await slowPair();
    let sent = 0;
    const sending = (async () => {
      for (; sent < 64 * MIB; sent += MIB) await stream.write(new Uint8Array(MIB));
      await stream.closeWrite();
    })();
    await settles(() => sent);
    expect(sent).toBeLessThan(32 * MIB);
    expect((await readAll(client)).length).toBe(64 * MIB);
    await sending;
  });

  it("fails reading when the client has reset the connection", async () => {
    const acceptor = listen({ certificates: asking() });
    const { port, reset } = resettableProxy(acceptor);
    await connect({ port }, { servername: "a.test" });
    const { stream } = await until(() => connections[0]);
    const reading = readAll(stream);
    reset();
    await expect(reading).rejects.toThrow();
    stream.close();
    await until(() => acceptor.openConnections === 0);
  });

  it("fails what is written after the connection was closed", async () => {
    const { stream } = await pair();
    stream.close();
    await expect(stream.write(utf8("x"))).rejects.toThrow();
    await expect(readAll(stream)).rejects.toThrow();
  });

  it("drops a client whose handshake takes too long", async () => {
    const acceptor = listen({ certificates: asking() });
    const conn = await dialPlain(acceptor);
    await until(() => acceptor.openConnections === 1);
    clock.advance(HANDSHAKE_TIMEOUT_MS);
    await hungUp(conn);
    await until(() => acceptor.openConnections === 0);
    expect(complaints).toEqual(["TLS handshake failed"]);
  });

  it("leaves no descriptor and no connection behind", async () => {
    const before = openDescriptors();
    const { acceptor, socket, stream } = await pair();
    for (const cert of [alice.certPem, undefined]) {
      const key = cert && alice.keyPem;
      (await connect(acceptor, { servername: "a.test", ...(cert && key ? { cert, key } : {}) })).destroy();
    }
    socket.destroy();
    stream.close();
    await until(() => connections.length === 3);
    connections.forEach((connection) => connection.stream.close());
    await until(() => acceptor.openConnections === 0);
    await cleanUp();
    await until(() => openDescriptors() <= before + WORKER_DESCRIPTORS);
  });
});

describe("acceptTls() that requires client certificates", () => {
  const logged: Record<string, unknown>[] = [];
  const required = (refusal: string | null) => {
    logged.length = 0;
    return listen({
      certificates: asking({
        admission: () => Promise.resolve(refusal === null ? null : { reason: refusal, certificate: "its" }),
      }),
      log: { ...silentLog, info: (message, fields) => void logged.push({ message, ...fields }) },
    });
  };

  it.each(["-tls1_2", "-tls1_3"])("tells openssl s_client %s without one so, with an alert", {
    skip: !requirePeer("openssl"),
  }, async (version) => {
    const { port } = required(null);
    expect(await sClient(port, "-servername", "a.test", version, "-ign_eof"))
      .toContain("alert certificate required");
    await until(() => logged.length > 0);
    expect(logged).toEqual([{
      message: "listener connection failure",
      "client-certificate": null,
      ip: "127.0.0.1",
      "tls-sni-hostname": "a.test",
      "downstream-transport-failure-reason": expect.any(String),
    }]);
    expect(connections).toEqual([]);
  });

  it.each(["-tls1_2", "-tls1_3"])(
    "lets nobody in with a session of openssl s_client %s from before it asked",
    {
      skip: !requirePeer("openssl"),
    },
    async (version) => {
      const acceptor = listen({ certificates: { ...either() } });
      const args = ["-servername", "a.test", version];
      const session = await sessionOf(acceptor.port, args);
      acceptor.setCertificates(asking({ admission: () => Promise.resolve(null) }));
      await sClient(acceptor.port, ...args, "-sess_in", session, "-ign_eof");
      await until(() => acceptor.openConnections === 0);
      expect(connections).toHaveLength(1);
    },
  );

  it("hands over a client that is admitted", async () => {
    const acceptor = required(null);
    await connect(acceptor, { servername: "a.test", cert: alice.certPem, key: alice.keyPem });
    await until(() => connections.length === 1);
    expect(logged).toEqual([]);
  });

  it("closes the connection of one that is not, before a byte of it is handed over", async () => {
    const acceptor = required("it is revoked");
    const socket = await connect(acceptor, { servername: "a.test", cert: alice.certPem, key: alice.keyPem });
    socket.resume();
    await once(socket, "close");
    await until(() => acceptor.openConnections === 0);
    expect(connections).toEqual([]);
    expect(logged).toMatchObject([{
      "client-certificate": "its",
      "downstream-transport-failure-reason": "it is revoked",
    }]);
  });
});

/** Waits until a value has stayed the same for a while. */
async function settles(value: () => number): Promise<void> {
  for (let seen = -1, same = 0; same < 20; same = value() === seen ? same + 1 : 0) {
    seen = value();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
