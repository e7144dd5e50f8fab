import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { serveEcho, serveTcp } from "../_support/echo.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { readExactly } from "../_support/test_gateway.ts";
import {
  blackhole,
  closedPort,
  failureOf,
  grantFor,
  poolWith,
  resourcesOfTests,
  routeWith,
} from "./_support.ts";

const resources = resourcesOfTests();
const toPorts = (...ports: number[]) => ports.map((port) => `tcp://127.0.0.1:${port}`);

function echo() {
  const service = serveEcho();
  resources.add(service);
  return service;
}

describe("UpstreamPool.connect()", () => {
  it("connects, and says where", async () => {
    const { port } = echo();
    const { pool, grant } = await poolWith({ to: toPorts(port) });
    const { stream, upstream, address } = await pool.connect(grant);
    await stream.write(utf8("ping"));
    expect(await readExactly(stream, 4)).toBe("ping");
    stream.close();
    expect([upstream.port, address]).toEqual([port, `127.0.0.1:${port}`]);
  });

  it("takes turns", async () => {
    const ports = [echo().port, echo().port];
    const { pool, grant } = await poolWith({ to: toPorts(...ports) });
    const reached: number[] = [];
    for (let i = 0; i < 4; i++) {
      const { stream, upstream } = await pool.connect(grant);
      stream.close();
      reached.push(upstream.port);
    }
    expect(reached).toEqual([ports[0], ports[1], ports[0], ports[1]]);
  });

  it("leads a key to one service", async () => {
    const to = toPorts(...Array.from({ length: 5 }, () => echo().port));
    const { pool, grant } = await poolWith({ to, load_balancing_policy: "MAGLEV" });
    const reached = new Set<number>();
    for (let i = 0; i < 5; i++) {
      const { stream, upstream } = await pool.connect(grant, { hashKey: "session" });
      stream.close();
      reached.add(upstream.port);
    }
    expect(reached.size).toBe(1);
  });

  it("goes on to another service when one refuses", async () => {
    const { port } = echo();
    const { pool, grant } = await poolWith({ to: toPorts(closedPort(), closedPort(), port) });
    const { stream, upstream } = await pool.connect(grant);
    stream.close();
    expect(upstream.port).toBe(port);
  });

  it("leaves time for the others when one does not answer", async () => {
    const { port } = echo();
    const { pool, grant } = await poolWith({ to: toPorts(await blackhole(resources), port) }, {
      clock: systemClock,
    });
    const { stream, upstream } = await pool.connect(grant, { timeoutMs: 200 });
    stream.close();
    expect(upstream.port).toBe(port);
  });

  it("fails with the last failure, and leaves nothing counted", async () => {
    const port = closedPort();
    const { pool, grant } = await poolWith({ to: ["tcp://name.invalid:1", ...toPorts(port)] });
    const { code, address } = await failureOf(pool.connect(grant));
    expect([code, address]).toEqual(["dial/refused", `127.0.0.1:${port}`]);
    expect(pool.states().map(({ requests, connections }) => [requests, connections])).toEqual([[0, 0], [
      0,
      0,
    ]]);
  });

  it("tries nobody else once its signal is aborted", async () => {
    const other = echo();
    const { pool, grant } = await poolWith({ to: toPorts(closedPort(), other.port) });
    const connecting = pool.connect(grant, { signal: AbortSignal.abort() });
    expect((await failureOf(connecting)).code).toBe("dial/timeout");
    expect(other.open).toBe(0);
  });

  it("refuses a grant for another route", async () => {
    const { pool } = await poolWith({ to: toPorts(1) });
    const other = grantFor(await routeWith({ to: toPorts(2) }));
    await expect(pool.connect(other)).rejects.toThrow(TypeError);
  });

  it("counts a connection until its stream is closed, however often", async () => {
    const { pool, grant } = await poolWith({ to: toPorts(echo().port) });
    const [first, second] = [await pool.connect(grant), await pool.connect(grant)];
    expect(pool.states()).toMatchObject([{ requests: 2, connections: 2 }]);
    first.stream.close();
    first.stream.close();
    first.done("unknown");
    expect(pool.states()).toMatchObject([{ requests: 1, connections: 1 }]);
    second.stream.close();
    expect(pool.states()).toMatchObject([{ requests: 0, connections: 0 }]);
  });
});

describe("circuit_breaker_thresholds", () => {
  it.each(["max_connections", "max_requests"])("%s refuses more, until one ends", async (key) => {
    const to = toPorts(echo().port);
    const { pool, grant } = await poolWith({ to, circuit_breaker_thresholds: { [key]: 1 } });
    const first = await pool.connect(grant);
    const { code, message } = await failureOf(pool.connect(grant));
    expect(code).toBe("dial/limit");
    expect(message).toContain("has 1 ");
    first.stream.close();
    (await pool.connect(grant)).stream.close();
  });

  it("max_pending_requests bounds connections that are being made", async () => {
    const to = toPorts(await blackhole(resources));
    const { pool, grant } = await poolWith({ to, circuit_breaker_thresholds: { max_pending_requests: 1 } });
    const abort = new AbortController();
    const first = failureOf(pool.connect(grant, { signal: abort.signal }));
    expect((await failureOf(pool.connect(grant))).code).toBe("dial/limit");
    abort.abort();
    expect((await first).code).toBe("dial/timeout");
  });

  it("max_retries of 0 tries nobody else", async () => {
    const to = toPorts(closedPort(), echo().port);
    const { pool, grant } = await poolWith({ to, circuit_breaker_thresholds: { max_retries: 0 } });
    expect((await failureOf(pool.connect(grant))).code).toBe("dial/refused");
  });

  it("max_retries counts callers, however many services each tries", async () => {
    const to = toPorts(closedPort(), closedPort(), echo().port);
    const { pool, grant } = await poolWith({ to, circuit_breaker_thresholds: { max_retries: 1 } });
    (await pool.connect(grant)).stream.close();
    (await pool.connect(grant)).stream.close();
  });

  it("of a new configuration count at once, with what there is", async () => {
    const to = toPorts(echo().port);
    const { pool, grant } = await poolWith({ to });
    const first = await pool.connect(grant);
    pool.update(await routeWith({ to, circuit_breaker_thresholds: { max_connections: 1 } }));
    expect((await failureOf(pool.connect(grant))).code).toBe("dial/limit");
    first.stream.close();
  });
});

describe("outlier_detection", () => {
  const settings = { consecutive_5xx: 2, max_ejection_percent: 100, base_ejection_time: "30s" };

  it("takes out a service that refuses connections, says so, and takes it in again", async () => {
    const clock = new ManualClock();
    const [dead, alive] = [closedPort(), echo().port];
    const { pool, grant, messages } = await poolWith({
      to: toPorts(dead, alive),
      outlier_detection: settings,
      healthy_panic_threshold: 0,
    }, { clock });
    for (let i = 0; i < 4; i++) (await pool.connect(grant)).stream.close();
    expect(messages).toEqual(["upstream taken out"]);
    expect(pool.states().map(({ ejectedUntil }) => ejectedUntil)).toEqual([clock.now() + 30_000, null]);
    clock.advance(30_000);
    expect(pool.states().map(({ ejectedUntil }) => ejectedUntil)).toEqual([null, null]);
  });

  it("takes out a service that answers with errors", async () => {
    const { pool, grant } = await poolWith({ to: toPorts(1, 2), outlier_detection: settings });
    for (const status of [500, 500]) pool.acquire(grant).done({ status });
    for (const status of [500, 500]) pool.acquire(grant).done({ status });
    expect(pool.states().filter(({ ejectedUntil }) => ejectedUntil !== null).length).toBeGreaterThan(0);
  });

  it("does not count what a proxy answers about a destination", async () => {
    const proxy = serveTcp(async (conn) => {
      await conn.read(new Uint8Array(4096));
      await conn.write(utf8("HTTP/1.1 403 Forbidden\r\n\r\n"));
    });
    resources.add(proxy);
    const { pool, grant } = await poolWith({
      to: `http://127.0.0.1:${proxy.port}`,
      outlier_detection: { ...settings, consecutive_5xx: 1 },
    });
    const { code } = await failureOf(pool.connect(grant, { proxy: { target: null, via: "1.1 test" } }));
    expect([code, pool.states()[0]!.ejectedUntil]).toEqual(["dial/proxy-refused", null]);
  });

  it("does not count a caller who gives up", async () => {
    const to = toPorts(await blackhole(resources), echo().port);
    const { pool, grant } = await poolWith({ to, outlier_detection: { ...settings, consecutive_5xx: 1 } });
    const abort = new AbortController();
    const connecting = failureOf(pool.connect(grant, { signal: abort.signal }));
    abort.abort();
    await connecting;
    expect(pool.states().map(({ ejectedUntil }) => ejectedUntil)).toEqual([null, null]);
  });
});

describe("healthy_panic_threshold", () => {
  it.each([[50, "dial/refused"], [0, "dial/no-healthy-upstream"]])(
    "%d, with nobody left, ends with %s",
    async (percent, code) => {
      const { pool, grant } = await poolWith({
        to: toPorts(closedPort()),
        outlier_detection: { consecutive_5xx: 1, max_ejection_percent: 100 },
        healthy_panic_threshold: percent,
      });
      await failureOf(pool.connect(grant));
      expect((await failureOf(pool.connect(grant))).code).toBe(code);
    },
  );
});

describe("UpstreamPool.acquire()", () => {
  it("gives the same endpoint for the same service, and leaves out those that failed", async () => {
    const { pool, grant } = await poolWith({ to: toPorts(1, 2) });
    const first = pool.acquire(grant);
    const second = pool.acquire(grant, { without: new Set([first.endpoint]) });
    first.done("unknown");
    second.done("unknown");
    const third = pool.acquire(grant, { without: new Set([second.endpoint]) });
    expect(second.endpoint).not.toBe(first.endpoint);
    expect(third.endpoint).toBe(first.endpoint);
    third.done({ status: 200 });
    expect(pool.states().map(({ requests }) => requests)).toEqual([0, 0]);
  });

  it("of nobody is refused", async () => {
    const { pool, grant } = await poolWith({ to: toPorts(1) });
    const { endpoint, done } = pool.acquire(grant);
    done("unknown");
    expect(() => pool.acquire(grant, { without: new Set([endpoint]) })).toThrow(/no upstream/);
  });
});

it("a connection outlives its pool", async () => {
  const service = serveTcp(async (conn) => {
    await conn.read(new Uint8Array(4));
    await conn.write(utf8("pong"));
  });
  resources.add(service);
  const { pool, grant } = await poolWith({ to: toPorts(service.port) });
  const { stream } = await pool.connect(grant);
  pool[Symbol.dispose]();
  await stream.write(utf8("ping"));
  expect(await readExactly(stream, 4)).toBe("pong");
  stream.close();
});
