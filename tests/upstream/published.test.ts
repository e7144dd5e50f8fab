import { describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import type { Upstream } from "../../lib/config/config.ts";
import { jsonLog } from "../../lib/observe/log.ts";
import { DialError } from "../../lib/upstream/dial_error.ts";
import { publishedTarget } from "../../lib/upstream/published_target.ts";
import { type PublishedFor, type Publisher, Publishers } from "../../lib/upstream/publishers.ts";
import { UpstreamPool } from "../../lib/upstream/upstream_pool.ts";
import { parseTo } from "../../lib/config/to_url.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { serveEcho } from "../_support/echo.ts";
import { grantFor, resourcesOfTests, routeWith } from "./_support.ts";

const resources = resourcesOfTests();
const ONE = "tcp://one:1";
const TWO = "tcp://two:2";

class FakePublisher implements Publisher {
  readonly opened: { url: string; for: PublishedFor }[] = [];
  constructor(
    readonly id: string,
    readonly followsRoute: boolean,
    readonly dial: () => Promise<ByteStream>,
  ) {}
  onHealth(): void {}
  open({ url }: Upstream, options: { for: PublishedFor }): Promise<ByteStream> {
    this.opened.push({ url, for: options.for });
    return this.dial();
  }
}

async function published(keys: Readonly<Record<string, unknown>> = {}) {
  const route = await routeWith({ to: [ONE, TWO], upstream_tunnel: { ssh_policy: [] }, ...keys });
  const publishers = new Publishers();
  const log = jsonLog({ level: "error", sink: () => {}, now: () => 0 });
  const pool = new UpstreamPool(route, { clock: new ManualClock(), random: () => 0, log, publishers });
  pool.start();
  resources.add(pool);
  return { pool, publishers, route, grant: grantFor(route) };
}

function echoing(): () => Promise<ByteStream> {
  const echo = serveEcho();
  resources.add(echo);
  return async () => denoStream(await Deno.connect({ hostname: "127.0.0.1", port: echo.port }));
}

describe("UpstreamPool of a route that is published", () => {
  it("reaches nothing by itself", async () => {
    const { pool, grant } = await published();
    await expect(pool.connect(grant)).rejects.toMatchObject({ code: "dial/no-publisher" });
  });

  it("goes through publishers in turn, and through each to what the route names", async () => {
    const { pool, publishers, route, grant } = await published();
    const dial = echoing();
    const [fixed, free] = [new FakePublisher("a", false, dial), new FakePublisher("b", true, dial)];
    publishers.add(route.id, fixed);
    publishers.add(route.id, free);
    for (let i = 0; i < 8; i++) (await pool.connect(grant)).stream.close();
    expect(fixed.opened.map(({ url }) => url)).toEqual([ONE, ONE, ONE, ONE]);
    expect(free.opened.map(({ url }) => url).sort()).toEqual([ONE, ONE, TWO, TWO]);
    expect(pool.states().map(({ url, publisher }) => `${publisher} ${url}`)).toEqual([
      `a ${ONE}`,
      `b ${ONE}`,
      `b ${TWO}`,
    ]);
  });

  it("leaves one that is gone out at once, and takes another where one fails", async () => {
    const { pool, publishers, route, grant } = await published();
    const broken = new FakePublisher("a", false, () => Promise.reject(new DialError("dial/refused", "no")));
    const good = new FakePublisher("b", false, echoing());
    const registration = publishers.add(route.id, broken);
    publishers.add(route.id, good);
    for (let i = 0; i < 2; i++) (await pool.connect(grant)).stream.close();
    expect(good.opened).toHaveLength(2);
    expect(broken.opened.length).toBeGreaterThan(0);
    registration[Symbol.dispose]();
    registration[Symbol.dispose]();
    expect(pool.states().map(({ publisher }) => publisher)).toEqual(["b"]);
  });

  it("keeps what it knows of those that stay", async () => {
    const { pool, publishers, route, grant } = await published();
    publishers.add(route.id, new FakePublisher("a", false, echoing()));
    const lease = pool.acquire(grant);
    publishers.add(route.id, new FakePublisher("b", false, echoing()));
    expect(pool.states().map(({ requests }) => requests)).toEqual([1, 0]);
    lease.done("unknown");
    expect(pool.states().map(({ requests }) => requests)).toEqual([0, 0]);
  });

  it("goes to its own services again when the key is taken away", async () => {
    const { pool, publishers, route } = await published();
    publishers.add(route.id, new FakePublisher("a", false, echoing()));
    pool.update({ ...route, upstreamTunnel: null });
    expect(pool.states().map(({ url, publisher }) => [url, publisher])).toEqual([[ONE, null], [TWO, null]]);
    pool.update(route);
    expect(pool.states().map(({ publisher }) => publisher)).toEqual(["a"]);
  });
});

it.each([
  ["http://localhost:8080", "localhost", 8080],
  ["http://LOCALHOST", "localhost", 80],
  ["http://127.0.0.1:8080", "127.0.0.1", 8080],
  ["tcp://localhost.example.com:1", "localhost.example.com", 1],
  ["tcp://[2001:db8::1]:1", "2001:db8::1", 1],
])("publishedTarget() of %s is %s %i", (url, host, port) => {
  expect(publishedTarget(parseTo(url).upstream)).toEqual({ host, port });
});
