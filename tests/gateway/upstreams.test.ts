import { afterEach, beforeEach, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { askGateway } from "../../lib/cli/control_client.ts";
import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { freePort } from "../_support/free_port.ts";
import { readExactly, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

let echo: TestService;
let gateway: TestGateway | null = null;

beforeEach(() => {
  echo = serveEcho();
});

afterEach(async () => {
  await gateway?.[Symbol.asyncDispose]();
  gateway = null;
  echo[Symbol.dispose]();
});

const route = (keys: string, name = "echo") =>
  `routes: [{ name: ${name}, from: "tcp+https://echo.test:7", allow_public_unauthenticated_access: true, ${keys} }]`;

async function start(config: string): Promise<TestGateway> {
  return gateway = await startTestGateway(config);
}

async function reload(config: string): Promise<void> {
  await gateway!.writeConfig(config);
  expect(await gateway!.gateway.reloader.reload("test")).toMatchObject({ ok: true });
}

async function statusOf(connecting: ReturnType<TestGateway["connect"]>): Promise<number> {
  const { status, stream } = await connecting;
  stream.close();
  return status;
}

interface Status {
  readonly upstreams: readonly {
    readonly url: string;
    readonly health: string;
    readonly ejectedUntil: number | null;
  }[];
}

const status = () => askGateway(gateway!.gateway.controlSocket, { path: "/status" }) as Promise<Status>;

it("a tunnel reaches another service of the route when one is down", async () => {
  const to = JSON.stringify([`tcp://127.0.0.1:${freePort()}`, `tcp://127.0.0.1:${echo.port}`]);
  await start(route(`to: ${to}`));
  for (let i = 0; i < 2; i++) {
    const { status, stream } = await gateway!.connect("echo.test:7");
    expect(status).toBe(200);
    await stream.write(utf8("ping"));
    expect(await readExactly(stream, 4)).toBe("ping");
    stream.close();
  }
});

it("more tunnels than the route may have are refused, until one ends", async () => {
  await start(
    route(`to: "tcp://127.0.0.1:${echo.port}", circuit_breaker_thresholds: { max_connections: 1 }`),
  );
  const first = await gateway!.connect("echo.test:7");
  const { status, headers, stream } = await gateway!.connect("echo.test:7");
  expect([status, headers.get("proxy-status")]).toEqual([
    503,
    expect.stringContaining("connection_limit_reached"),
  ]);
  stream.close();
  first.stream.close();
  await until(() => gateway!.gateway.tunnels.size === 0);
  expect(await statusOf(gateway!.connect("echo.test:7"))).toBe(200);
});

it("health checks are made, and can be seen from outside, with what else is known of services", async () => {
  const down = freePort();
  const to = JSON.stringify([`tcp://127.0.0.1:${down}`, `tcp://127.0.0.1:${echo.port}`]);
  await start(
    route(`to: ${to}, health_checks: [{ tcp_health_check: {}, interval: 1s, timeout: 1s }]`, '"a \\"b"'),
  );
  await until(() => gateway!.linesOf("upstream unhealthy")[0] && gateway!.linesOf("upstream healthy")[0]);
  const { upstreams } = await status();
  expect(upstreams).toEqual([
    {
      route: 'a "b',
      url: `tcp://127.0.0.1:${down}`,
      publisher: null,
      weight: 1,
      health: "unhealthy",
      ejectedUntil: null,
      requests: 0,
      connections: 0,
    },
    expect.objectContaining({ url: `tcp://127.0.0.1:${echo.port}`, health: "healthy" }),
  ]);
});

it("what is known of services is kept while their route stays, and forgotten with it", async () => {
  const keys = `outlier_detection: { consecutive_5xx: 1 }, healthy_panic_threshold: 0`;
  const to = `to: ["tcp://127.0.0.1:${freePort()}"], ${keys}`;
  await start(route(to));
  expect(await statusOf(gateway!.connect("echo.test:7"))).toBe(503);
  const [before] = (await status()).upstreams;
  expect(before!.ejectedUntil).not.toBe(null);
  await reload(route(`${to}, load_balancing_policy: RANDOM`, "renamed"));
  expect((await status()).upstreams).toMatchObject([{ ejectedUntil: before!.ejectedUntil }]);
  await reload(route(`to: ["tcp://127.0.0.1:${echo.port}"], ${keys}`));
  expect((await status()).upstreams).toMatchObject([{ ejectedUntil: null }]);
});

it("an authority counts as soon as its file has changed", async () => {
  const now = Date.now();
  const [right, wrong] = await Promise.all(
    ["right", "wrong"].map((commonName) => createAuthority({ now, commonName })),
  );
  const { certPem: cert, keyPem: key } = await issueServerCertificate({
    authority: right!,
    names: ["127.0.0.1"],
    now,
  });
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  void (async () => {
    for await (const conn of listener) conn.handshake().catch(() => {});
  })();
  const file = await Deno.makeTempFile({ suffix: ".pem" });
  await Deno.writeTextFile(file, wrong!.certPem);
  await start(route(`to: "tls://127.0.0.1:${listener.addr.port}", tls_custom_ca_file: ${file}`));
  expect(await statusOf(gateway!.connect("echo.test:7"))).toBe(503);
  await Deno.writeTextFile(file, right!.certPem);
  await gateway!.line("configuration reloaded");
  expect(await statusOf(gateway!.connect("echo.test:7"))).toBe(200);
  await Deno.remove(file);
});

it("figures name every service", async () => {
  await start(route(`to: "tcp://127.0.0.1:${echo.port}"`, '"a \\"b"'));
  const open = await gateway!.connect("echo.test:7");
  const socket = await Deno.connect({ transport: "unix", path: gateway!.gateway.controlSocket });
  await socket.write(utf8("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  const text = await new Response(socket.readable).text();
  const labels = `{route="a \\"b",upstream="tcp://127.0.0.1:${echo.port}"}`;
  expect(text).toContain(`sallyport_upstream_healthy${labels} 1\n`);
  expect(text).toContain(`sallyport_upstream_connections${labels} 1\n`);
  open.stream.close();
});
