import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { concatBytes, fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { encodeCapsule, encodeUdpCapsule } from "../../lib/codec/capsule.ts";
import { encodeHeadersFrame } from "../../lib/codec/http3_frame.ts";
import { udpDatagramPrefix } from "../../lib/codec/http_datagram.ts";
import { encodeFieldSection } from "../../lib/codec/qpack.ts";
import { encodeVarint } from "../../lib/codec/varint.ts";
import { http2Session } from "../_support/http2_session.ts";
import { controlText } from "../_support/control_text.ts";
import { serveEcho, serveTcp, type TestService } from "../_support/echo.ts";
import { ask, dialHttp3 } from "../_support/http3.ts";
import { readExactly, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";
import { serveUdp, type UdpService } from "../_support/udp_service.ts";
import { askUdp3, udpPath } from "../_support/udp_tunnel.ts";

const MIB = 1024 * 1024;
const PATH = udpPath("echo.test", 7);
const GET = encodeHeadersFrame(
  encodeFieldSection([[":method", "GET"], [":scheme", "https"], [":authority", "localhost"], [
    ":path",
    "/ping",
  ]]),
);
const CONNECT_UDP = encodeHeadersFrame(encodeFieldSection([
  ...[[":method", "CONNECT"], [":protocol", "connect-udp"], [":scheme", "https"]] as const,
  ...[[":authority", "localhost"], [":path", PATH]] as const,
]));

let gateway: TestGateway;
let echo: TestService;
let firehose: TestService;
let udp: UdpService;

beforeAll(async () => {
  echo = serveEcho();
  firehose = serveTcp(async (conn) => {
    for (;;) await conn.write(new Uint8Array(64 * 1024));
  });
  // What begins with "long" is answered with more than a QUIC datagram can be.
  udp = serveUdp((payload) => fromUtf8(payload) === "long" ? new Uint8Array(60_000) : payload);
  gateway = await startTestGateway(`
routes:
  - from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
  - from: tcp+https://firehose.test:7
    to: tcp://127.0.0.1:${firehose.port}
    allow_public_unauthenticated_access: true
  - from: udp+https://echo.test:7
    to: udp://127.0.0.1:${udp.port}
    allow_public_unauthenticated_access: true
`);
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  for (const service of [echo, firehose, udp]) service[Symbol.dispose]();
});

type Tunnel = Awaited<ReturnType<typeof openUdp>>;

async function openUdp() {
  const { status, flow, stream, connection } = await askUdp3(gateway, PATH);
  expect(status).toBe(200);
  const received: string[] = [];
  flow.receive((payload) => void received.push(fromUtf8(payload))).catch(() => {});
  let count = 0;
  return {
    received,
    flow,
    stream,
    /** Datagrams may be lost: it asks until one comes back. */
    async echo() {
      const text = `echo ${count++}`;
      await until(() => flow.send(utf8(text)) && received.includes(text));
    },
    [Symbol.dispose]: () => connection.close(),
  };
}

/** A connection on which anything can be sent. */
async function dialRaw(): Promise<Deno.QuicConn> {
  return await Deno.connectQuic({
    hostname: "127.0.0.1",
    port: gateway.port,
    serverName: "localhost",
    caCerts: [gateway.caPem],
    alpnProtocols: ["h3"],
  });
}

async function sendOn(
  conn: Deno.QuicConn,
  parts: readonly (Uint8Array | readonly number[])[],
): Promise<void> {
  const { writable } = await conn.createBidirectionalStream({ waitUntilAvailable: true });
  const writer = writable.getWriter();
  await writer.write(concatBytes(parts.map((part) => Uint8Array.from(part))));
  writer.releaseLock();
}

async function sendControl(conn: Deno.QuicConn, bytes: readonly number[]): Promise<void> {
  const writable = await conn.createUnidirectionalStream({ waitUntilAvailable: true });
  await writable.getWriter().write(Uint8Array.from(bytes));
}

function frame(type: number, payload: Uint8Array): Uint8Array {
  return concatBytes([encodeVarint(type), encodeVarint(payload.length), payload]);
}

async function figure(name: string): Promise<number> {
  const line = (await controlText(gateway, "/metrics")).split("\n").find((text) =>
    text.startsWith(`${name} `)
  );
  return Number(line?.split(" ").at(-1) ?? 0);
}

describe("While a client of HTTP/3", () => {
  let bystander: Tunnel;
  let attacker: Deno.QuicConn;

  beforeEach(async () => {
    bystander = await openUdp();
    attacker = await dialRaw();
  });
  afterEach(async () => {
    bystander[Symbol.dispose]();
    attacker.close();
    await until(() => gateway.gateway.openConnections === 0 && gateway.gateway.tunnels.size === 0);
  });

  it.each<[what: string, counter: string, attack: () => Promise<unknown>]>([
    [
      "names a field of the static table 60,000 times",
      'sallyport_http3_requests_refused_total{status="431"}',
      () => sendOn(attacker, [frame(1, concatBytes([new Uint8Array(2), new Uint8Array(60_000).fill(0xf4)]))]),
    ],
    [
      "sends a head of 100 KB",
      'sallyport_http3_requests_refused_total{status="431"}',
      () => sendOn(attacker, [frame(1, new Uint8Array(100_000))]),
    ],
    [
      "makes the table of QPACK larger",
      'sallyport_http3_connections_closed_total{code="QPACK_ENCODER_STREAM_ERROR"}',
      () => sendControl(attacker, [0x02, 0x3f, 0xe1, 0x1f]),
    ],
    [
      "sends 500 settings",
      'sallyport_http3_connections_closed_total{code="H3_EXCESSIVE_LOAD"}',
      () => {
        const settings = Array.from({ length: 500 }, (_, i) => [...encodeVarint(0x1000 + i), 0]).flat();
        return sendControl(attacker, [0, ...frame(4, Uint8Array.from(settings))]);
      },
    ],
    [
      "sends its settings again and again",
      'sallyport_http3_connections_closed_total{code="H3_FRAME_UNEXPECTED"}',
      () => sendControl(attacker, [0, ...Array.from({ length: 1000 }, () => [4, 0]).flat()]),
    ],
    [
      "opens 100 streams of kinds that nobody knows",
      'sallyport_http3_connections_closed_total{code="H3_EXCESSIVE_LOAD"}',
      async () => {
        for (let i = 0; i < 100; i++) {
          const writable = await attacker.createUnidirectionalStream({ waitUntilAvailable: true });
          const writer = writable.getWriter();
          await writer.write(encodeVarint(0x40));
          await writer.close().catch(() => {});
        }
      },
    ],
    [
      "asks 10,000 times and gives up at once",
      'sallyport_http3_requests_total{version="3"}',
      async () => {
        for (let i = 0; i < 10_000; i++) {
          const { readable, writable } = await attacker.createBidirectionalStream({
            waitUntilAvailable: true,
          });
          const writer = writable.getWriter();
          await writer.write(GET);
          writer.abort().catch(() => {});
          readable.cancel().catch(() => {});
        }
      },
    ],
  ])("%s, others are served, and %s counts it", async (_what, counter, attack) => {
    const [figureBefore, memoryBefore] = [await figure(counter), Deno.memoryUsage().rss];
    let isOver = false;
    // The gateway may have closed before it is over.
    const attacking = attack().catch(() => {}).finally(() => (isOver = true));
    do await bystander.echo(); while (!isOver);
    await attacking;
    for (let i = 0; i < 10; i++) await bystander.echo();
    await untilAsync(async () => await figure(counter) > figureBefore);
    expect(Deno.memoryUsage().rss - memoryBefore).toBeLessThan(256 * MIB);
  });
});

async function untilAsync(holds: () => Promise<boolean>): Promise<void> {
  while (!await holds());
}

describe("A UDP tunnel over HTTP/3", () => {
  it("takes the datagrams of a client that does not wait for the answer", async () => {
    const connection = await dialHttp3(gateway);
    await connection.peerSettings;
    const stream = await connection.request([
      ...[[":method", "CONNECT"], [":protocol", "connect-udp"], [":scheme", "https"]] as const,
      ...[[":authority", "localhost"], [":path", PATH]] as const,
    ]);
    const isThere = () => udp.received.some(({ payload }) => fromUtf8(payload) === "early");
    // Those that overtake their request belong to nothing.
    await until(() => stream.datagrams!.send(utf8("early")) && isThere());
    expect((await stream.readAnswer()).status).toBe(200);
    connection.close();
  });

  it("is not disturbed by datagrams for streams that are closed, or that never were", async () => {
    using bystander = await openUdp();
    const raw = await dialRaw();
    await sendControl(raw, [0, 4, 4, 0x33, 1, 0x08, 1]);
    await sendOn(raw, [CONNECT_UDP]);
    await sendOn(raw, [GET]);
    const name = 'sallyport_http3_datagrams_dropped_total{version="3"}';
    const before = await figure(name);
    for (const stream of [8, 400, 2 ** 40]) {
      for (let i = 0; i < 100; i++) {
        await raw.sendDatagram(concatBytes([udpDatagramPrefix(stream), utf8("lost")]));
      }
    }
    await bystander.echo();
    raw.close();
    await untilAsync(async () => await figure(name) > before);
    expect(udp.received.some(({ payload }) => fromUtf8(payload) === "lost")).toBe(false);
    await bystander.echo();
  });

  it("drops and counts an answer that is longer than its path can carry, and goes on", async () => {
    using tunnel = await openUdp();
    const name = 'sallyport_udp_dropped_total{cause="too-large"}';
    const before = await figure(name);
    tunnel.flow.send(utf8("long"));
    await untilAsync(async () => await figure(name) > before);
    await tunnel.echo();
    expect(tunnel.received.every((text) => text.startsWith("echo"))).toBe(true);
  });

  it("passes over contexts that it does not know, and the capsules of others of 2^62 bytes", async () => {
    using tunnel = await openUdp();
    const before = udp.received.length;
    await tunnel.stream.write(concatBytes([
      encodeCapsule(0, new Uint8Array([2, 1, 2, 3])),
      encodeCapsule(0x17, new Uint8Array(1000)),
      encodeUdpCapsule(utf8("in a capsule")),
      new Uint8Array([0x17, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    ]));
    for (let i = 0; i < 64; i++) await tunnel.stream.write(new Uint8Array(MIB / 16));
    await tunnel.echo();
    const came = udp.received.slice(before).map(({ payload }) => fromUtf8(payload));
    expect(came.filter((text) => !text.startsWith("echo"))).toEqual(["in a capsule"]);
  });
});

describe("A client that reads nothing of a tunnel", () => {
  it.each<[string, () => Promise<{ close(): void }>]>([
    ["HTTP/1.1", async () => (await gateway.connect("firehose.test:7")).stream],
    ["HTTP/2", async () => {
      const session = http2Session(gateway);
      session.on("error", () => {});
      const stream = session.request({ ":method": "CONNECT", ":authority": "firehose.test:7" });
      await new Promise((resolve) => stream.once("response", resolve));
      stream.pause();
      return { close: () => session.destroy() };
    }],
    ["HTTP/3", async () => {
      const connection = await dialHttp3(gateway);
      await ask(connection, { method: "CONNECT", authority: "firehose.test:7" });
      return connection;
    }],
  ])("over %s is waited for: memory is bounded, and others are served", async (_version, open) => {
    using bystander = await openUdp();
    const { stream } = await gateway.connect("echo.test:7");
    const slow: { close(): void }[] = [];
    const before = Deno.memoryUsage().rss;
    for (let i = 0; i < 10; i++) slow.push(await open());
    const moved = () =>
      gateway.gateway.tunnels.list().filter(({ target }) => target.host === "firehose.test")
        .reduce((sum, { bytesDown }) => sum + bytesDown, 0);
    // It has come to a stop when nothing more is moved while others are served.
    for (let last = -1; moved() !== last;) {
      last = moved();
      for (let i = 0; i < 20; i++) {
        await stream.write(utf8("x"));
        expect(await readExactly(stream, 1)).toBe("x");
        await bystander.echo();
      }
    }
    expect(Deno.memoryUsage().rss - before).toBeLessThan(256 * MIB);
    for (const one of [...slow, stream]) one.close();
  });
});
