import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import type { DatagramFlow } from "../../lib/base/datagram_flow.ts";
import { encodeCapsule, encodeUdpCapsule } from "../../lib/codec/capsule.ts";
import { loadConfig } from "../../lib/config/load_config.ts";
import type { Route } from "../../lib/config/config.ts";
import { RouteTable } from "../../lib/config/route_table.ts";
import { createApp } from "../../lib/http/app.ts";
import type { EdgeBindings, TakeOver } from "../../lib/http/env.ts";
import type { HttpServices } from "../../lib/http/services.ts";
import type { AuditDecision, AuditEnd } from "../../lib/observe/audit.ts";
import { ClientCertificates } from "../../lib/identity/client_certificates.ts";
import { silentLog } from "../../lib/observe/log.ts";
import { TunnelRegistry } from "../../lib/tunnel/registry.ts";
import { UdpLimiter } from "../../lib/tunnel/udp_limiter.ts";
import { UpstreamPool } from "../../lib/upstream/upstream_pool.ts";
import { memoryPair } from "../base/_memory_stream.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { readAll, until } from "../_support/test_gateway.ts";
import { serveUdpEcho, type UdpService } from "../_support/udp_service.ts";
import { type TestFlow, testFlow } from "../tunnel/_flows.ts";
import { factsOf } from "./_edge.ts";

const PATH = "/.well-known/masque/udp/echo.test/7/";

const farEnds: ByteStream[] = [];
let echo: UdpService;
let app: ReturnType<typeof createApp>;
let tunnels: TunnelRegistry;
let udp: UdpLimiter;
let decided: AuditDecision[];
let ended: AuditEnd[];

beforeEach(async () => {
  echo = serveUdpEcho();
  const clock = new ManualClock();
  const routeList = [
    ["echo.test", `udp://127.0.0.1:${echo.port}`],
    ["[2001:db8::1]", `udp://127.0.0.1:${echo.port}`],
    ["lost.test", "udp://name.invalid:7"],
    ["tcp.test", "tcp://127.0.0.1:7"],
  ].map(([host, to]) => ({ from: `udp+https://${host}:7`, to, allow_public_unauthenticated_access: true }));
  const tcp = { from: "tcp+https://other.test:7", to: "tcp://127.0.0.1:7" };
  const text = JSON.stringify({ udp_limits: { tunnels_per_user: 1 }, routes: [...routeList, tcp] });
  const { config } = await loadConfig({ file: "routes.yaml", readTextFile: () => Promise.resolve(text) });
  const routes = new RouteTable(config!.routes);
  tunnels = new TunnelRegistry(clock);
  udp = new UdpLimiter({ settings: () => config!.udpLimits, clock });
  [decided, ended] = [[], []];
  const audit = {
    decided: (entry: AuditDecision) => void decided.push(entry),
    ended: (entry: AuditEnd) => void ended.push(entry),
  };
  const upstreams = { of: (route: Route) => new UpstreamPool(route, { clock, log: silentLog }) };
  const live = { mark: 0, recheck: () => Promise.resolve() };
  // Nobody is signed in here: what else the application works with is not asked for.
  app = createApp(
    {
      config,
      routes,
      tunnels,
      udp,
      upstreams,
      altSvc: () => null,
      live,
      clock,
      audit,
      clientCertificates: new ClientCertificates(config!.downstreamMtls, { clock }),
      log: silentLog,
    } as never as HttpServices,
  );
});

afterEach(async () => {
  for (const far of farEnds.splice(0)) far.close();
  await tunnels.endAll("gateway-stopping");
  echo[Symbol.dispose]();
});

interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly upgrade?: string | null;
  readonly httpVersion?: string;
}

/** Sends a request to the application as the edge would. */
async function ask(
  { method = "CONNECT", path = PATH, headers, upgrade = "connect-udp", httpVersion = "2" }: Ask,
) {
  const takeOvers: TakeOver[] = [];
  const bindings: EdgeBindings = {
    connection: factsOf("h2"),
    connectTarget: null,
    upgrade,
    requestTarget: path,
    httpVersion,
    takeOver: (run) => void takeOvers.push(run),
    forward() {},
  };
  const url = new URL(path, "https://gateway.test").href;
  const request = new Request(url, { headers: { host: "gateway.test", ...headers } });
  Object.defineProperty(request, "method", { value: method });
  const response = await app.fetch(request, bindings);
  return { response, takeOver: takeOvers[0] ?? null };
}

/** Opens a tunnel; the far end of its stream is the client's. */
async function open(options: Ask & { datagrams?: DatagramFlow } = {}) {
  const { response, takeOver } = await ask(options);
  const [far, near] = memoryPair();
  farEnds.push(far);
  const done = takeOver!(near, options.datagrams ?? null);
  return { response, far, done };
}

async function readBytes(stream: ByteStream, count: number): Promise<number[]> {
  const bytes: number[] = [];
  const one = new Uint8Array(1);
  while (bytes.length < count && await stream.read(one) !== null) bytes.push(one[0]!);
  return bytes;
}

describe("CONNECT-UDP is granted", () => {
  it.each<[string, number, Record<string, string | null>, Ask]>([
    ["HTTP/1.1, as RFC 9298 says", 101, { connection: "Upgrade", upgrade: "connect-udp" }, { method: "GET" }],
    ["HTTP/1.1, absolute-form", 101, { upgrade: "connect-udp" }, {
      method: "GET",
      path: `https://gateway.test${PATH}`,
    }],
    ["HTTP/1.1 whose Host is the destination", 200, { connection: "close", upgrade: null }, {
      method: "GET",
      headers: { host: "Echo.test:7" },
    }],
    ["HTTP/1.1 whose Host is an IPv6 destination", 200, { upgrade: null }, {
      method: "GET",
      path: "/.well-known/masque/udp/2001:db8::1/7/",
      headers: { host: "[2001:db8::1]:7" },
    }],
    ["HTTP/1.1 whose Host is that of another port", 101, {}, {
      method: "GET",
      headers: { host: "echo.test:8" },
    }],
    ["HTTP/2", 200, { connection: null, upgrade: null }, {}],
    ["HTTP/2 whose authority is the destination", 200, { connection: null }, {
      headers: { host: "echo.test:7" },
    }],
    ["HTTP/3", 200, { connection: null, upgrade: null }, { httpVersion: "3" }],
    ["a request without Capsule-Protocol", 200, {}, {}],
    ["a request with an escaped IPv6 address", 200, {}, {
      path: "/.well-known/masque/udp/2001%3Adb8%3A%3A1/7/",
    }],
  ])("to %s with %d", async (_what, status, headers, options) => {
    const { response } = await open(options);
    expect(response.status).toBe(status);
    const expected = { "capsule-protocol": "?1", "content-length": null, "content-type": null, ...headers };
    const found = Object.keys(expected).map((name) => [name, response.headers.get(name)]);
    expect(Object.fromEntries(found)).toEqual(expected);
    expect(decided).toMatchObject([{ opened: true, status, method: "CONNECT-UDP", error: null }]);
  });
});

describe("CONNECT-UDP is refused", () => {
  it.each<[string, number, string, string, Ask]>([
    ["no route", 404, "destination_not_found", "http/no-route", { path: PATH.replace("echo", "nowhere") }],
    ["a route of TCP", 404, "destination_not_found", "http/no-route", {
      path: PATH.replace("echo", "other"),
    }],
    ["a name that does not resolve", 503, "dns_error", "dial/name-not-found", {
      path: PATH.replace("echo", "lost"),
    }],
    ["a route that leads to TCP", 503, "proxy_configuration_error", "dial/unsupported-scheme", {
      path: PATH.replace("echo", "tcp"),
    }],
    ["POST", 400, "http_request_error", "http/bad-request", { method: "POST" }],
    ["HEAD", 400, "http_request_error", "http/bad-request", { method: "HEAD" }],
    ["Content-Length", 400, "http_request_error", "http/bad-request", { headers: { "content-length": "0" } }],
    ["Content-Type", 400, "http_request_error", "http/bad-request", { headers: { "content-type": "a/b" } }],
    ["port 0", 400, "http_request_error", "authority/bad-port", { path: PATH.replace("/7/", "/0/") }],
    ["no slash at the end", 400, "http_request_error", "authority/bad-host", { path: PATH.slice(0, -1) }],
    ["a query", 400, "http_request_error", "authority/bad-host", { path: `${PATH}?x=1` }],
    ["another path", 400, "http_request_error", "authority/bad-host", { path: "/" }],
  ])("for %s with %d %s", async (_what, status, proxyError, code, options) => {
    const { response, takeOver } = await ask(options);
    expect([response.status, takeOver]).toEqual([status, null]);
    expect(response.headers.get("proxy-status")).toBe(`sallyport; error=${proxyError}`);
    expect(response.headers.get("capsule-protocol")).toBeNull();
    expect(decided).toMatchObject([{ opened: false, status, error: code, method: "CONNECT-UDP" }]);
    expect(udp.tunnels).toBe(0);
  });

  it("when there are too many, with 503 connection_limit_reached, until one has ended", async () => {
    const { far } = await open();
    const { response } = await ask({});
    expect([response.status, response.headers.get("proxy-status")]).toEqual([
      503,
      "sallyport; error=connection_limit_reached",
    ]);
    expect(decided.at(-1)).toMatchObject({ opened: false, error: "udp/too-many-of-user" });
    await far.closeWrite();
    await until(() => udp.tunnels === 0);
    expect((await open()).response.status).toBe(200);
  });

  it("when the request asks for no upgrade", async () => {
    const { response } = await ask({ method: "GET", upgrade: null });
    expect([response.status, decided]).toEqual([400, []]);
  });
});

describe("a tunnel in capsules", () => {
  it("carries datagrams both ways, and ends when the client does", async () => {
    const { far, done } = await open();
    await far.write(encodeUdpCapsule(utf8("ping")));
    expect(await readBytes(far, 7)).toEqual([0, 5, 0, ...utf8("ping")]);
    await far.closeWrite();
    expect(await readAll(far)).toHaveLength(0);
    await done;
    expect(ended).toMatchObject([{
      reason: "completed",
      bytesUp: 4,
      bytesDown: 4,
      datagrams: { up: 1, down: 1 },
      upstream: `127.0.0.1:${echo.port}`,
    }]);
    expect([tunnels.size, udp.tunnels]).toEqual([0, 0]);
  });

  it.each<[string, Uint8Array]>([
    ["a truncated capsule", new Uint8Array([0, 5, 0, 1])],
    ["a datagram without context id", new Uint8Array([0, 0])],
    ["a UDP payload of 65,528 bytes", new Uint8Array([0, 0x80, 0, 0xff, 0xf9, 0])],
  ])("is aborted after %s", async (_what, bytes) => {
    const { far, done } = await open();
    await far.write(bytes);
    await far.closeWrite();
    await done;
    expect(ended).toMatchObject([{ reason: "protocol-error" }]);
  });

  it("is ended politely when it is no longer allowed", async () => {
    const { far, done } = await open();
    tunnels.end(tunnels.list()[0]!.id, "no-longer-allowed", "email-unauthorized");
    expect(await readAll(far)).toHaveLength(0);
    await far.closeWrite();
    await done;
    expect(ended).toMatchObject([{ reason: "no-longer-allowed", detail: "email-unauthorized" }]);
  });
});

describe("a tunnel over HTTP/3", () => {
  let datagrams: TestFlow;

  beforeEach(() => {
    datagrams = testFlow();
  });

  it("carries datagrams beside its stream, and what comes in capsules, but never answers in those", async () => {
    const { far, done } = await open({ httpVersion: "3", datagrams });
    datagrams.deliver("ping");
    await until(() => datagrams.sent.length === 1);
    await far.write(encodeCapsule(0x1234, utf8("unknown")));
    await far.write(encodeUdpCapsule(utf8("pong")));
    await until(() => datagrams.sent.length === 2);
    expect(datagrams.sent).toEqual(["ping", "pong"]);
    await far.closeWrite();
    expect(await readAll(far)).toHaveLength(0);
    await done;
    expect(ended).toMatchObject([{ reason: "completed", datagrams: { up: 2, down: 2 } }]);
    expect(datagrams.isClosed).toBe(true);
  });

  it("ends with a truncated capsule", async () => {
    const { far, done } = await open({ httpVersion: "3", datagrams });
    await far.write(new Uint8Array([0x40]));
    await far.closeWrite();
    await done;
    expect(ended).toMatchObject([{ reason: "protocol-error" }]);
    expect(datagrams.isClosed).toBe(true);
  });

  it("drops what is longer than a datagram can be at the moment", async () => {
    const { far } = await open({ httpVersion: "3", datagrams });
    await far.write(encodeUdpCapsule(new Uint8Array(101)));
    await until(() => udp.figures.dropped["too-large"] === 1);
    datagrams.deliver("next");
    await until(() => datagrams.sent.length === 1);
    expect(datagrams.sent).toEqual(["next"]);
  });
});
