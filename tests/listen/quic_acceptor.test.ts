import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CertificateChoice } from "../../lib/listen/certificate_choice.ts";
import {
  acceptQuic,
  type QuicAcceptor,
  type QuicAcceptorOptions,
  type QuicConnection,
} from "../../lib/listen/quic_acceptor.ts";
import { silentLog } from "../../lib/observe/log.ts";
import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { until } from "../_support/test_gateway.ts";

let ca: string;
let choice: { a: CertificateChoice; b: CertificateChoice };
let clock: ManualClock;
let cleanup: AsyncDisposableStack;
let connections: QuicConnection[];
let complaints: string[];

beforeAll(async () => {
  const now = Date.now();
  const authority = await createAuthority({ now, commonName: "Test authority" });
  ca = authority.certPem;
  const only = async (name: string) => {
    const pair = await issueServerCertificate({ authority, names: [name], now });
    return { certificates: [{ pair }], select: () => pair };
  };
  choice = { a: await only("a.test"), b: await only("b.test") };
});

beforeEach(() => {
  clock = new ManualClock();
  cleanup = new AsyncDisposableStack();
  connections = [];
  complaints = [];
});

afterEach(() => cleanup.disposeAsync());

function listen(options: Partial<QuicAcceptorOptions> = {}): QuicAcceptor {
  const handedOver = connections;
  const acceptor = acceptQuic({
    hostname: "127.0.0.1",
    port: 0,
    certificates: choice.a,
    maxConnections: 10,
    maxStreams: 10,
    handshakeTimeoutMs: 10_000,
    idleTimeoutMs: 30_000,
    onConnection: (connection) => void handedOver.push(connection),
    clock,
    log: { ...silentLog, debug: (message) => void complaints.push(message) },
    ...options,
  });
  cleanup.use(acceptor);
  cleanup.defer(() => handedOver.forEach(({ conn }) => conn.close()));
  return acceptor;
}

async function dial(
  { port }: { port: number },
  options: Partial<Deno.ConnectQuicOptions<false>> = {},
): Promise<Deno.QuicConn> {
  const conn = await Deno.connectQuic<false>({
    hostname: "127.0.0.1",
    port,
    serverName: "a.test",
    caCerts: [ca],
    alpnProtocols: ["h3"],
    ...options,
  });
  cleanup.defer(() => conn.close());
  return conn;
}

describe("acceptQuic()", () => {
  it("hands over a connection with its facts, and counts it until it is closed", async () => {
    const acceptor = listen();
    const conn = await dial(acceptor);
    const { facts } = await until(() => connections[0]);
    expect(facts).toMatchObject({
      peer: { address: "127.0.0.1" },
      localAddress: "127.0.0.1",
      localPort: acceptor.port,
      alpn: "h3",
      serverName: "a.test",
      clientCertificates: null,
    });
    expect(acceptor.openConnections).toBe(1);
    conn.close();
    await until(() => acceptor.openConnections === 0);
  });

  it("shows another certificate from now on, while connections that are open live on", async () => {
    const acceptor = listen();
    const old = await dial(acceptor);
    await expect(dial(acceptor, { serverName: "b.test" })).rejects.toThrow("certificate");
    acceptor.setCertificates(choice.b);
    await dial(acceptor, { serverName: "b.test" });
    await expect(dial(acceptor)).rejects.toThrow("certificate");
    await old.sendDatagram(Uint8Array.of(7));
    expect(await connections[0]!.conn.readDatagram()).toEqual(Uint8Array.of(7));
  });

  it("goes on after garbage was collected", async () => {
    const acceptor = listen();
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    for (const certificates of [choice.b, choice.a, choice.b]) acceptor.setCertificates(certificates);
    for (let i = 0; i < 3; i++) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await dial(acceptor, { serverName: "b.test" });
  });

  it("goes on with the old certificate when the new one is none", async () => {
    const acceptor = listen();
    const [a, b] = [choice.a.certificates[0]!.pair, choice.b.certificates[0]!.pair];
    const mixed = { certPem: a.certPem, keyPem: b.keyPem };
    const bad = { certificates: [{ pair: mixed }], select: () => mixed };
    expect(() => acceptor.setCertificates(bad)).toThrow(
      expect.objectContaining({ code: "listen/bad-certificate" }),
    );
    await dial(acceptor);
  });

  it("says that a handshake failed, and forgets it", async () => {
    const acceptor = listen();
    await expect(dial(acceptor, { caCerts: [] })).rejects.toThrow("certificate");
    await until(() => complaints.includes("QUIC handshake failed") && acceptor.openConnections === 0);
    expect(connections).toEqual([]);
  });

  it("refuses a client that speaks something else", async () => {
    const acceptor = listen();
    await expect(dial(acceptor, { alpnProtocols: ["doq"] })).rejects.toThrow("protocol");
    await until(() => acceptor.openConnections === 0);
  });

  it("gives up a handshake that takes too long", async () => {
    const acceptor = listen();
    const hello = await firstPacket();
    await udpSocket().send(hello, { transport: "udp", hostname: "127.0.0.1", port: acceptor.port });
    await until(() => acceptor.openConnections === 1 && clock.pending === 1);
    clock.advance(10_000);
    await until(() => acceptor.openConnections === 0);
    expect(connections).toEqual([]);
  });

  it("refuses more handshakes than may be under way, and takes one when another is over", async () => {
    const acceptor = listen({ maxHandshakes: 1 });
    const hello = await firstPacket();
    await udpSocket().send(hello, { transport: "udp", hostname: "127.0.0.1", port: acceptor.port });
    await until(() => acceptor.openConnections === 1);
    await expect(dial(acceptor)).rejects.toThrow("refused");
    clock.advance(10_000);
    await until(() => acceptor.openConnections === 0);
    await dial(acceptor);
    await until(() => connections.length === 1);
    await dial(acceptor);
  });

  it("refuses more connections than it may have, and takes one when another has gone", async () => {
    const acceptor = listen({ maxConnections: 1 });
    const first = await dial(acceptor);
    await expect(dial(acceptor)).rejects.toThrow("refused");
    first.close();
    await until(() => acceptor.openConnections === 0);
    await dial(acceptor);
  });

  it("refuses everybody once it is disposed, while connections that are open live on", async () => {
    const acceptor = listen();
    const conn = await dial(acceptor);
    await until(() => connections[0]);
    await acceptor[Symbol.asyncDispose]();
    await expect(dial(acceptor)).rejects.toThrow("refused");
    await conn.sendDatagram(Uint8Array.of(7));
    expect(await connections[0]!.conn.readDatagram()).toEqual(Uint8Array.of(7));
  });

  it.each([
    ["is in use", () => ({ port: listen().port }), "listen/address-in-use"],
    ["is not of this machine", () => ({ hostname: "192.0.2.1" }), "listen/bad-address"],
  ])("refuses an address that %s", (_, options, code) => {
    expect(() => listen(options())).toThrow(expect.objectContaining({ code }));
  });
});

function udpSocket(): Deno.DatagramConn {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  cleanup.defer(() => socket.close());
  return socket;
}

/** What a client says first: to a port where nobody answers. */
async function firstPacket(): Promise<Uint8Array> {
  const silent = udpSocket();
  const endpoint = new Deno.QuicEndpoint({ hostname: "127.0.0.1" });
  const dialling = dial(silent.addr as Deno.NetAddr, { endpoint }).catch(() => {});
  const [packet] = await silent.receive(new Uint8Array(2048));
  endpoint.close();
  await dialling;
  return packet;
}
