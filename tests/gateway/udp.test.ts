import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { controlText } from "../_support/control_text.ts";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { encodeCapsule, encodeUdpCapsule } from "../../lib/codec/capsule.ts";
import {
  openDescriptors,
  readAll,
  startTestGateway,
  type TestGateway,
  until,
} from "../_support/test_gateway.ts";
import { sendRaw } from "../_support/raw_http.ts";
import { serveUdp, serveUdpEcho, type UdpService } from "../_support/udp_service.ts";
import { askUdp1, askUdp2, type UdpAnswer, udpPath, udpTunnel } from "../_support/udp_tunnel.ts";

let gateway: TestGateway;
let echo: UdpService;
let silent: UdpService;
let token: string;

beforeAll(async () => {
  echo = serveUdpEcho();
  silent = serveUdp(() => null);
  gateway = await startTestGateway(`
routes:
  - name: echo
    from: udp+https://echo.test:7
    to: udp://localhost:${echo.port}
    policy: [{ allow: { or: [{ email: { is: ann@example.com } }] } }]
  - name: bastion
    from: udp+https://localhost:8443/inner.test:9/[2001:db8::1]:9
    to: udp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
  - name: wild
    from: udp+https://*.wild.test:1
    to: udp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
  - name: denied
    from: udp+https://denied.test:1
    to: udp://127.0.0.1:${echo.port}
    policy: [{ allow: { or: [{ claim/groups: admins }] } }]
  - name: silent
    from: udp+https://silent.test:1
    to: udp://127.0.0.1:${silent.port}
    allow_public_unauthenticated_access: true
  - name: idle
    from: udp+https://idle.test:1
    to: udp://127.0.0.1:${echo.port}
    idle_timeout: 200ms
    allow_public_unauthenticated_access: true
  - name: short
    from: udp+https://short.test:1
    to: udp://127.0.0.1:${echo.port}
    max_session_duration: 200ms
    allow_public_unauthenticated_access: true
`);
  await gateway.addUser("ann", { email: "ann@example.com" });
  token = await gateway.token("ann");
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  for (const service of [echo, silent]) service[Symbol.dispose]();
});

const ECHO = udpPath("echo.test", 7);
const OPEN = udpPath("a.wild.test", 1);
/** The request of the existing command-line client names the destination as its host. */
const OLD = { headers: { Host: "a.wild.test:1" } };

/** The line of the end of a tunnel. */
function endOf({ headers }: UdpAnswer) {
  const id = headers.get("x-request-id");
  return until(() => gateway.linesOf("tunnel ended").find((line) => line["request-id"] === id));
}

/** As curl asks. */
const askAbsolute: typeof askUdp1 = (to, path, options) =>
  askUdp1(to, `https://localhost:${to.port}${path}`, options);

const FORMS = [
  ["HTTP/1.1", askUdp1, {}, 101],
  ["HTTP/1.1 with a whole URL as target", askAbsolute, {}, 101],
  ["HTTP/1.1 with the destination as Host", askUdp1, OLD, 200],
  ["HTTP/2", askUdp2, {}, 200],
] as const;

describe.each(FORMS)("a UDP tunnel over %s", (_form, ask, options, status) => {
  it("carries datagrams of 0 to 65,507 bytes, and the trail says how many", async () => {
    const answer = await ask(gateway, OPEN, options);
    expect([answer.status, answer.headers.get("capsule-protocol")]).toEqual([status, "?1"]);
    expect(answer.headers.get("content-length") ?? answer.headers.get("transfer-encoding")).toBeNull();
    {
      using tunnel = udpTunnel(answer);
      for (const bytes of [0, 1, 63, 64, 1200, 16_383, 65_507]) await tunnel.echo("x".repeat(bytes));
      expect(tunnel.received.map(({ length }) => length)).toEqual([0, 1, 63, 64, 1200, 16_383, 65_507]);
    }
    const bytes = 1 + 63 + 64 + 1200 + 16_383 + 65_507;
    expect(await endOf(answer)).toMatchObject({
      method: "CONNECT-UDP",
      host: "a.wild.test:1",
      upstream: `127.0.0.1:${echo.port}`,
      "bytes-up": bytes,
      "bytes-down": bytes,
      "packets-up": 7,
      "packets-down": 7,
    });
  });

  it("carries datagrams that were sent with the request", async () => {
    const early = concatBytes([encodeUdpCapsule(utf8("one")), encodeUdpCapsule(utf8("two"))]);
    using tunnel = udpTunnel(await ask(gateway, OPEN, { ...options, early }));
    await until(() => tunnel.received.length === 2);
    expect(tunnel.received).toEqual(["one", "two"]);
  });

  it("skips what it does not know: capsules of other types, of any length, and other contexts", async () => {
    using tunnel = udpTunnel(
      await ask(gateway, OPEN, {
        ...options,
        early: concatBytes([
          encodeCapsule(0x17, new Uint8Array(100_000)),
          encodeCapsule(0, new Uint8Array([2, 1, 2, 3])),
          encodeCapsule(0, new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1])),
          encodeUdpCapsule(utf8("known")),
        ]),
      }),
    );
    await until(() => tunnel.received.length > 0);
    expect(tunnel.received).toEqual(["known"]);
  });

  it("reads on in a capsule of 2^62-1 bytes of a type that it does not know, however long", async () => {
    const head = new Uint8Array([0x17, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    const answer = await ask(gateway, OPEN, { ...options, early: head });
    for (let i = 0; i < 128; i++) await answer.stream.write(new Uint8Array(64 * 1024));
    await answer.stream.closeWrite();
    expect(await endOf(answer)).toMatchObject({ reason: "protocol-error", "packets-up": 0 });
    answer.stream.close();
  });

  it.each<[string, Uint8Array, boolean]>([
    ["a capsule that is cut off", new Uint8Array([0, 9, 0, 1]), true],
    ["a datagram of 2^62-1 bytes", new Uint8Array([0, ...Array(8).fill(0xff), ...Array(8).fill(0)]), false],
    ["a datagram without context id", new Uint8Array([0, 0]), false],
  ])("is ended by %s, and no other is", async (_what, bytes, end) => {
    using other = udpTunnel(await ask(gateway, OPEN, options));
    const answer = await ask(gateway, OPEN, { ...options, early: bytes });
    const { stream } = answer;
    if (end) await stream.closeWrite();
    expect((await endOf(answer)).reason).toBe("protocol-error");
    await readAll(stream).catch(() => {});
    stream.close();
    await other.echo("still here");
  });

  it("ends when the session of the caller does, politely, with the reason in the trail", async () => {
    const own = await gateway.token("ann");
    const host = options === OLD ? { headers: { Host: "echo.test:7" } } : {};
    const answer = await ask(gateway, ECHO, { ...host, token: own });
    expect(answer.status).toBe(status);
    using tunnel = udpTunnel(answer);
    await tunnel.echo("before");
    const { sessionId } = gateway.gateway.tunnels.list().at(-1)!;
    gateway.gateway.tunnels.endSession(sessionId!, "session-ended");
    expect(await tunnel.ended).toBeNull();
    expect(await endOf(answer)).toMatchObject({ reason: "session-ended", "packets-up": 1 });
  });

  it("ends after its idle limit without a datagram either way", async () => {
    const host = options === OLD ? { headers: { Host: "idle.test:1" } } : {};
    const answer = await ask(gateway, udpPath("idle.test", 1), host);
    using tunnel = udpTunnel(answer);
    await tunnel.echo("");
    expect(await tunnel.ended).toBeNull();
    expect((await endOf(answer)).reason).toBe("idle-timeout");
  });

  it("ends when its time is over", async () => {
    const host = options === OLD ? { headers: { Host: "short.test:1" } } : {};
    const answer = await ask(gateway, udpPath("short.test", 1), host);
    using tunnel = udpTunnel(answer);
    expect(await tunnel.ended).toBeNull();
    expect((await endOf(answer)).reason).toBe("time-limit");
  });

  it("leaves nothing behind, however it ends", async () => {
    await until(() => gateway.gateway.tunnels.size === 0 && gateway.gateway.openConnections === 0);
    const before = openDescriptors();
    for (const end of ["close", "closeWrite"] as const) {
      const answer = await ask(gateway, OPEN, options);
      const tunnel = udpTunnel(answer);
      await tunnel.echo("x");
      await answer.stream[end]();
      if (end === "closeWrite") expect(await tunnel.ended).toBeNull();
      tunnel[Symbol.dispose]();
    }
    await until(() => gateway.gateway.tunnels.size === 0 && openDescriptors() <= before);
  });
});

describe("a UDP route", () => {
  it.each([
    ["of the bastion form", udpPath("inner.test", 9)],
    ["of the bastion form, IPv6", udpPath("2001%3Adb8%3A%3A1", 9)],
    ["with a wildcard", udpPath("b.wild.test", 1)],
  ])("%s is found by the path", async (_what, path) => {
    for (const ask of [askUdp1, askUdp2]) {
      using tunnel = udpTunnel(await ask(gateway, path));
      await tunnel.echo("x");
    }
  });

  it.each([
    ["without a token is 302", {}, ECHO, 302],
    ["with a token that is none is 401", { token: "x" }, ECHO, 401],
    ["that lets the caller not in is 403", null, udpPath("denied.test", 1), 403],
    ["that is not there is 404", null, udpPath("nowhere.test", 1), 404],
  ])("%s, in every form", async (_what, options, path, status) => {
    for (const [, ask, form] of FORMS) {
      const answer = await ask(gateway, path, { ...form, ...options ?? { token } });
      expect([answer.status, answer.headers.get("capsule-protocol")]).toEqual([status, null]);
      expect(answer.headers.get("proxy-status")).toMatch(/^sallyport; error=/);
      answer.stream.close();
    }
  });

  it.each([
    ["by POST", "POST", "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: connect-udp\r\n"],
    ["by two Hosts", "GET", "Host: localhost\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: connect-udp\r\n"],
    ["with no Host", "GET", "Connection: Upgrade\r\nUpgrade: connect-udp\r\n"],
    ["with no Upgrade", "GET", "Host: localhost\r\nConnection: close\r\n"],
    [
      "with no word of it in Connection",
      "GET",
      "Host: localhost\r\nConnection: close\r\nUpgrade: connect-udp\r\n",
    ],
    [
      "with a body",
      "GET",
      "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: connect-udp\r\nContent-Length: 1\r\n",
    ],
  ])("asked for %s is 400", async (_what, method, fields) => {
    const { status } = await sendRaw(gateway, `${method} ${OPEN} HTTP/1.1\r\n${fields}\r\n`);
    expect(status).toBe(400);
  });

  it("whose service is silent keeps its tunnel", async () => {
    using tunnel = udpTunnel(await askUdp1(gateway, udpPath("silent.test", 1)));
    for (let i = 0; i < 3; i++) tunnel.send("anybody there?");
    await until(() => silent.received.length === 3);
    expect(gateway.gateway.tunnels.list().some(({ target }) => target.host === "silent.test")).toBe(true);
    expect(tunnel.received).toEqual([]);
  });

  it("takes answers from the address and port of its service only", async () => {
    using stranger = serveUdp(() => null);
    using tunnel = udpTunnel(await askUdp1(gateway, udpPath("silent.test", 1)));
    const before = silent.received.length;
    tunnel.send("hello");
    const { port } = await until(() => silent.received[before]);
    await stranger.send(utf8("spoofed"), port);
    await silent.send(utf8("genuine"), port);
    await until(() => tunnel.received.length > 0);
    tunnel[Symbol.dispose]();
    const end = await until(() =>
      gateway.linesOf("tunnel ended").find(({ dropped }) => dropped !== undefined)
    );
    expect([tunnel.received, end.dropped]).toEqual([["genuine"], { stranger: 1 }]);
  });
});

it("200 UDP tunnels at once, over both versions, are never crossed", async () => {
  const tunnels = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => udpTunnel(await (i % 2 ? askUdp1 : askUdp2)(gateway, OPEN))),
  );
  const texts = (i: number) => Array.from({ length: 5 }, (_, n) => `tunnel ${i} datagram ${n}`);
  await Promise.all(tunnels.map(async (tunnel, i) => {
    for (const text of texts(i)) await tunnel.echo(text);
  }));
  for (const [i, tunnel] of tunnels.entries()) expect(tunnel.received).toEqual(texts(i));
  for (const tunnel of tunnels) tunnel[Symbol.dispose]();
  await until(() => gateway.gateway.tunnels.size === 0);
});

describe("limits of UDP tunnels", () => {
  it("refuse with 503, drop what is too much, follow the configuration and count it all", async () => {
    const route = `
routes:
  - name: echo
    from: udp+https://echo.test:7
    to: udp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
`;
    await using own = await startTestGateway(
      `udp_limits: { max_tunnels: 1, packets_per_second: 10 }${route}`,
    );
    using tunnel = udpTunnel(await askUdp1(own, ECHO));
    const { status, headers, stream } = await askUdp2(own, ECHO);
    expect([status, headers.get("proxy-status")]).toEqual([503, "sallyport; error=connection_limit_reached"]);
    stream.close();
    const metrics = () => controlText(own, "/metrics");
    for (let i = 0; i < 30; i++) tunnel.send(`${i}`);
    await until(() => tunnel.received.length >= 10);
    const dropped = await untilMetric(
      metrics,
      /^sallyport_udp_dropped_total\{cause="rate-limit"\} ([1-9]\d*)$/m,
    );
    expect(Number(dropped)).toBeGreaterThan(10);
    const text = await metrics();
    expect(text).toContain('sallyport_udp_refused_total{code="udp/too-many-tunnels"} 1\n');
    expect(text).toContain("sallyport_udp_tunnels 1\n");
    expect(text).toMatch(/^sallyport_udp_packets_total\{direction="up"\} 1\d$/m);
    const [row] = JSON.parse(await controlText(own, "/tunnels"));
    expect(row).toMatchObject({ protocol: "udp", host: "echo.test:7", packetsUp: expect.any(Number) });

    await own.writeConfig(`udp_limits: { max_tunnels: 2 }${route}`);
    await own.gateway.reloader.reload("test");
    using second = udpTunnel(await askUdp2(own, ECHO));
    await second.echo("x");
    expect(own.gateway.tunnels.size).toBe(2);

    await own.writeConfig("routes: []");
    await own.gateway.reloader.reload("test");
    expect([await tunnel.ended, await second.ended]).toEqual([null, null]);
    expect(await own.line("tunnel ended", 2)).toMatchObject({ reason: "route-removed" });
  });
});

async function untilMetric(read: () => Promise<string>, pattern: RegExp): Promise<string> {
  for (;;) {
    const found = pattern.exec(await read())?.[1];
    if (found !== undefined) return found;
  }
}
