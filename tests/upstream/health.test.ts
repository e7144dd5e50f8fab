import { createServer } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { serveTcp, type TestService } from "../_support/echo.ts";
import { serveGrpcHealth } from "../_support/grpc_health.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { until } from "../_support/test_gateway.ts";
import { closedPort, failureOf, poolWith, resourcesOfTests } from "./_support.ts";

const resources = resourcesOfTests();

/** A service that can be told what to answer. */
interface Checked extends TestService {
  answer: string;
  /** Connections that it has had. */
  accepted: number;
  /** What it has been sent. */
  received: string;
}

/** Answers to whatever it is sent. */
function serve(answer: string): Checked {
  const checked = { answer, accepted: 0, received: "" };
  const service = serveTcp(async (conn) => {
    checked.accepted++;
    const bytes = new Uint8Array(4096);
    for (let count = await conn.read(bytes); count !== null; count = await conn.read(bytes)) {
      checked.received += new TextDecoder().decode(bytes.subarray(0, count));
      await conn.write(utf8(checked.answer));
    }
  });
  resources.add(service);
  return Object.defineProperties(checked, Object.getOwnPropertyDescriptors(service)) as Checked;
}

const TIMEOUT_MS = 1001;

/** A clock that knows what waits for it. */
class CheckClock extends ManualClock {
  readonly #waiting = new Set<{ readonly atMs: number; readonly delayMs: number }>();

  override timer(delayMs: number, run: () => void): Disposable {
    const entry = { atMs: this.monotonic() + delayMs, delayMs };
    this.#waiting.add(entry);
    const timer = super.timer(delayMs, () => {
      this.#waiting.delete(entry);
      run();
    });
    return {
      [Symbol.dispose]: () => {
        this.#waiting.delete(entry);
        timer[Symbol.dispose]();
      },
    };
  }

  get isChecking(): boolean {
    return [...this.#waiting].some(({ delayMs }) => delayMs === TIMEOUT_MS);
  }

  /** Goes on to the next check. */
  skip(): void {
    this.advance(Math.min(...[...this.#waiting].map(({ atMs }) => atMs)) - this.monotonic());
  }
}

/** A pool whose checks have begun, with a clock that stands still between them. */
async function checked(
  to: string | readonly string[],
  check: Readonly<Record<string, unknown>>,
  options: { random?: () => number } = {},
) {
  const clock = new CheckClock();
  const made = await poolWith({
    to,
    health_checks: [{ timeout: `${TIMEOUT_MS}ms`, interval: "10s", ...check }],
    healthy_panic_threshold: 0,
  }, { clock, ...options });
  resources.add(made.pool);
  made.pool.start();
  /** What is said of the services once the next check of each is over. */
  const next = async () => {
    clock.skip();
    await until(() => !clock.isChecking);
    return made.pool.states().map(({ health }) => health);
  };
  return { ...made, clock, next };
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BAD = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
const url = ({ port }: { port: number }) => `tcp://127.0.0.1:${port}`;

describe("a health check", () => {
  const http = { http_health_check: { path: "/up" }, unhealthy_threshold: 2, healthy_threshold: 3 };

  it("says nothing before the first one is over, and then at once", async () => {
    const [good, bad] = [serve(OK), serve(BAD)];
    const { pool, next, messages } = await checked([url(good), url(bad)], http);
    expect(pool.states().map(({ health }) => health)).toEqual(["unchecked", "unchecked"]);
    expect(await next()).toEqual(["healthy", "unhealthy"]);
    expect(messages.sort()).toEqual(["upstream healthy", "upstream unhealthy"]);
  });

  it("changes its mind after as many as the thresholds say, in a row", async () => {
    const service = serve(OK);
    const { next, messages } = await checked(url(service), http);
    const seen: string[] = [];
    for (const answer of [OK, BAD, OK, BAD, BAD, OK, OK, BAD, OK, OK, OK]) {
      service.answer = answer;
      seen.push((await next())[0]![0]!);
    }
    expect(seen.join("")).toBe("hhhhuuuuuuh");
    expect(messages).toEqual(["upstream healthy", "upstream unhealthy", "upstream healthy"]);
  });

  it("that found a service unhealthy keeps callers away from it", async () => {
    const [good, bad] = [serve(OK), serve(BAD)];
    const { pool, grant, next } = await checked([url(good), url(bad)], http);
    await next();
    const endpoints = new Set(Array.from({ length: 6 }, () => pool.acquire(grant).endpoint.upstream.port));
    expect([...endpoints]).toEqual([good.port]);
  });

  it("is made at each interval, each with its own", async () => {
    const service = serve(OK);
    const { pool, grant, clock, next } = await checked(url(service), {
      ...http,
      unhealthy_threshold: 1,
      healthy_threshold: 2,
      unhealthy_interval: "3s",
      unhealthy_edge_interval: "1s",
      healthy_edge_interval: "2s",
      no_traffic_interval: "60s",
      no_traffic_healthy_interval: "90s",
      reuse_connection: false,
    });
    const at: number[] = [];
    /** Goes on to the next check, which is answered so. */
    const nextAt = async (answer: string) => {
      service.answer = answer;
      const start = clock.monotonic();
      await next();
      at.push((clock.monotonic() - start) / 1000);
    };
    await next();
    await nextAt(OK);
    pool.acquire(grant).done("unknown");
    for (const answer of [OK, OK, BAD, BAD, BAD, OK, OK, OK]) await nextAt(answer);
    // Without traffic twice, healthy twice, after the edge, unhealthy three times, after the edge.
    expect(at).toEqual([90, 90, 10, 10, 1, 3, 3, 3, 2]);
  });

  it("waits longer by its jitter", async () => {
    const jitter = { initial_jitter: "4s", interval_jitter: "1s", interval_jitter_percent: 20 };
    const { clock, next } = await checked(url(serve(OK)), { ...http, ...jitter }, { random: () => 0.5 });
    await next();
    expect(clock.monotonic()).toBe(2000);
    await next();
    expect(clock.monotonic()).toBe(2000 + 10_000 + 500 + 1000);
  });

  it("gives up after its timeout", async () => {
    const silent = serveTcp(async (conn) => {
      while (await conn.read(new Uint8Array(4096)) !== null);
    });
    resources.add(silent);
    const { clock, pool } = await checked(url(silent), http);
    clock.advance(0);
    await until(() => silent.open === 1);
    expect(pool.states()[0]!.health).toBe("unchecked");
    clock.advance(TIMEOUT_MS);
    await until(() => pool.states()[0]!.health === "unhealthy" && silent.open === 0);
  });

  it("finds a service unhealthy that cannot be reached", async () => {
    const { pool, grant, next } = await checked(`tcp://127.0.0.1:${closedPort()}`, http);
    expect(await next()).toEqual(["unhealthy"]);
    expect((await failureOf(pool.connect(grant))).code).toBe("dial/no-healthy-upstream");
  });

  it("logs what it is told to", async () => {
    const service = serve(BAD);
    const { next, messages } = await checked(url(service), {
      ...http,
      healthy_threshold: 1,
      always_log_health_check_failures: true,
      always_log_health_check_success: true,
    });
    for (const answer of [BAD, BAD, OK, OK]) {
      service.answer = answer;
      await next();
    }
    expect(messages).toEqual([
      "upstream unhealthy",
      "health check failed",
      "upstream healthy",
      "health check passed",
    ]);
  });

  it("one of several that fails is enough", async () => {
    const service = serve(OK);
    const clock = new ManualClock();
    const { pool } = await poolWith({
      to: url(service),
      health_checks: [{ tcp_health_check: {} }, { http_health_check: { path: "/", expected_statuses: [] } }],
    }, { clock });
    resources.add(pool);
    pool.start();
    clock.advance(0);
    await until(() => pool.states()[0]!.health === "unhealthy");
  });

  it("ends with its pool, in the midst of one, too", async () => {
    const silent = serveTcp(async (conn) => {
      while (await conn.read(new Uint8Array(4096)) !== null);
    });
    resources.add(silent);
    const { clock, pool } = await checked(url(silent), http);
    clock.advance(0);
    await until(() => silent.open === 1);
    pool[Symbol.dispose]();
    await until(() => clock.pending === 0);
    expect(pool.states()[0]!.health).toBe("unchecked");
  });

  it("begins anew when its settings change, and goes on when others do", async () => {
    const service = serve(OK);
    const { pool, route, next } = await checked(url(service), http);
    await next();
    pool.update({ ...route, balancing: "RANDOM" });
    expect(pool.states()[0]!.health).toBe("healthy");
    pool.update({ ...route, healthChecks: [] });
    expect(pool.states()[0]!.health).toBe("unchecked");
  });
});

describe("http_health_check", () => {
  const check = { http_health_check: { path: "/up?x=1", host: "health.test" } };

  it("asks for its path, over one connection", async () => {
    const service = serve(OK);
    const { next } = await checked(url(service), check);
    for (let i = 0; i < 3; i++) expect(await next()).toEqual(["healthy"]);
    expect(service.received).toBe(
      "GET /up?x=1 HTTP/1.1\r\nHost: health.test\r\nUser-Agent: Sallyport-HealthCheck\r\n\r\n".repeat(3),
    );
    expect(service.accepted).toBe(1);
  });

  it("asks over one connection each with reuse_connection: false", async () => {
    const service = serve(OK);
    const { next } = await checked(url(service), { ...check, reuse_connection: false });
    for (let i = 0; i < 3; i++) await next();
    expect(service.accepted).toBe(3);
    await until(() => service.open === 0);
  });

  it.each([
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
  ])("asks over another connection after %j", async (answer) => {
    const service = serve(answer);
    const { next } = await checked(url(service), check);
    for (let i = 0; i < 2; i++) expect(await next()).toEqual(["healthy"]);
    expect(service.accepted).toBe(2);
  });

  it("asks again when a connection was closed that it had kept", async () => {
    let accepted = 0;
    const service = serveTcp(async (conn) => {
      accepted++;
      await conn.read(new Uint8Array(4096));
      await conn.write(utf8(OK));
    });
    resources.add(service);
    const { next } = await checked(url(service), check);
    for (let i = 0; i < 3; i++) expect(await next()).toEqual(["healthy"]);
    expect(accepted).toBe(3);
  });

  it.each([[200, "healthy"], [299, "healthy"], [300, "unhealthy"], [404, "healthy"], [405, "unhealthy"]])(
    "with expected_statuses takes %d for %s",
    async (status, health) => {
      const expected_statuses = [{ start: 200, end: 300 }, { start: 404, end: 405 }];
      const service = serve(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`);
      const { next } = await checked(url(service), { http_health_check: { path: "/", expected_statuses } });
      expect(await next()).toEqual([health]);
    },
  );

  it("is answered by a server that others wrote", async () => {
    const server = createServer((request, response) => response.end(request.headers.host));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { next } = await checked(`tcp://127.0.0.1:${port}`, check);
    for (let i = 0; i < 2; i++) expect(await next()).toEqual(["healthy"]);
    server.closeAllConnections();
    server.close();
  });
});

describe("tcp_health_check", () => {
  it("is content with a connection", async () => {
    const { next } = await checked(url(serve("")), { tcp_health_check: {} });
    expect(await next()).toEqual(["healthy"]);
  });

  it.each([
    ["+PONG\r\n", ["2b504f4e47"], "healthy"],
    ["+PO..NG", ["504f", "4e47"], "healthy"],
    ["NG PO, and no more", ["504f", "4e47"], "unhealthy"],
    ["-ERR", ["2b"], "unhealthy"],
  ])("of a service that answers %j and shall answer %j says %s", async (answer, receive, health) => {
    const service = serve(answer);
    const tcp_health_check = { send: "50494e47", receive };
    const { clock, pool } = await checked(url(service), { tcp_health_check });
    clock.advance(0);
    await until(() => service.received === "PING");
    if (health === "unhealthy") clock.advance(TIMEOUT_MS);
    await until(() => pool.states()[0]!.health === health);
  });
});

describe("grpc_health_check", () => {
  it.each([
    ["", "healthy"],
    ["db.Reader", "healthy"],
    ["db.Writer", "unhealthy"],
    ["db.Unsure", "unhealthy"],
    ["db.Nobody", "unhealthy"],
  ])("asks a server that others wrote about %j: %s", async (service_name, health) => {
    const statuses = { "": 1, "db.Reader": 1, "db.Writer": 2, "db.Unsure": 0 };
    using service = await serveGrpcHealth(statuses);
    const { next } = await checked(`tcp://127.0.0.1:${service.port}`, {
      grpc_health_check: { service_name },
    });
    for (let i = 0; i < 3; i++) expect(await next()).toEqual([health]);
    expect(service.asked).toEqual([service_name, service_name, service_name]);
  });
});

describe("http_health_check with codec_client_type: HTTP2", () => {
  it("asks a server that others wrote over one connection", async () => {
    const paths: string[] = [];
    let sessions = 0;
    const server = createHttp2Server();
    server.on("session", () => sessions++);
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      paths.push(`${headers[":authority"]}${headers[":path"]}`);
      stream.respond({ ":status": 204 }, { endStream: true });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { next } = await checked(`tcp://127.0.0.1:${port}`, {
      http_health_check: {
        path: "/up",
        codec_client_type: "HTTP2",
        expected_statuses: [{ start: 204, end: 205 }],
      },
    });
    for (let i = 0; i < 3; i++) expect(await next()).toEqual(["healthy"]);
    expect(paths).toEqual(Array(3).fill(`127.0.0.1:${port}/up`));
    expect(sessions).toBe(1);
    server.close();
  });
});
