import { Duplex, duplexPair } from "node:stream";
import { describe, expect, it } from "vitest";
import type { ByteStream } from "../../../lib/base/byte_stream.ts";
import type { Route } from "../../../lib/config/config.ts";
import type { AuditTrail } from "../../../lib/observe/audit.ts";
import { decide } from "../../../lib/policy/decide.ts";
import type { SshClient, SshLogin } from "../../../lib/ssh/handlers.ts";
import { SshReverseConnection } from "../../../lib/ssh/reverse/reverse_connection.ts";
import type { Candidate, Publications } from "../../../lib/tunnel/publications.ts";
import { Publishers } from "../../../lib/upstream/publishers.ts";
import type { EndpointState } from "../../../lib/upstream/endpoint.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import { nodeStream } from "../../../lib/base/node_stream.ts";
import { utf8 } from "../../../lib/base/bytes.ts";
import { ManualClock } from "../../_support/manual_clock.ts";
import { routeWith } from "../../upstream/_support.ts";

const signal = new AbortController().signal;
const FOR = { ip: "192.0.2.1", path: "/p" };

/** A connection whose user may publish these routes, and whose client answers as told. */
async function setUp(froms: Readonly<Record<string, string>>) {
  const routes = await Promise.all(
    Object.entries(froms).map(([from, to]) => routeWith({ from, to, upstream_tunnel: { ssh_policy: [] } })),
  );
  const shown: string[] = [];
  const asked: unknown[] = [];
  const trail: string[] = [];
  const gone = new AbortController();
  const publishers = new Publishers();
  let candidate: Candidate | null = null;
  const clock = new ManualClock();
  const state = { answer: (_other: Duplex) => {}, served: true, states: [] as Partial<EndpointState>[] };
  const client = {
    closed: gone.signal,
    openForwarded(from: unknown) {
      asked.push(from);
      const [ours, theirs] = duplexPair();
      ours.on("error", () => {});
      theirs.on("error", () => {});
      state.answer(theirs);
      return Promise.resolve(ours);
    },
    showMessage: (text: string) => void shown.push(text),
  } as Partial<SshClient> as SshClient;
  const login = {
    connectionId: "c1",
    ip: "192.0.2.9",
    ssh: { username: "ada", publicKey: new Uint8Array() },
    caller: { session: { sessionId: "s1", userId: "u1", email: "" }, sessionExpiresAt: 0 },
  } as never as SshLogin;
  const connection = new SshReverseConnection({
    client,
    login,
    services: {
      publications: {
        add: (one: Candidate) => (candidate = one, { [Symbol.dispose]() {} }),
        serves: () => state.served,
      } as Partial<Publications> as Publications,
      publishers,
      states: () => state.states as EndpointState[],
      random: systemRandom,
      clock,
      audit: {
        decided: ({ routeName, method }: { routeName: string; method: string }) =>
          void trail.push(`${method} ${routeName}`),
        ended: ({ routeName, reason }: { routeName: string; reason: string }) =>
          void trail.push(`${reason} ${routeName}`),
      } as never as AuditTrail,
    },
  });
  const allow = (...allowed: Route[]) =>
    candidate!.onRoutes(
      allowed.map((route) => {
        const facts = { routeId: route.id, now: 0, sourceIp: null, session: null };
        return { route, decision: decide(route.policy, facts) };
      }),
      "no-longer-allowed",
    );
  allow(...routes);
  const { model } = connection;
  return { connection, model, routes, allow, publishers, shown, asked, trail, state, gone, clock };
}

const APP = "https://app.example.com";
const DB = "tcp+https://db.example.com:5432";

describe("SshReverseConnection", () => {
  it("publishes what is asked for and allowed, and writes it down", async () => {
    const { connection, publishers, routes: [app, db], trail, model, allow } = await setUp({
      [APP]: "http://one:1",
      [DB]: "tcp://db:1",
    });
    expect(connection.isActive).toBe(false);
    expect(model.routes.map(({ isActive }) => isActive)).toEqual([null, null]);
    expect(await connection.request({ bindAddr: "app.example.com", bindPort: 443 })).toEqual({
      ok: true,
      port: 443,
    });
    expect(publishers.of(app!.id)).toHaveLength(1);
    expect(publishers.of(db!.id)).toHaveLength(0);
    expect(model.routes).toEqual([
      { isActive: true, health: null, remote: APP, local: "http://one:1" },
      { isActive: null, health: null, remote: DB, local: "tcp://db:1" },
    ]);
    allow(db!);
    expect(publishers.of(app!.id)).toHaveLength(0);
    expect(trail).toEqual([`PUBLISH ${APP}`, `no-longer-allowed ${APP}`]);
  });

  it("gives each request for port 0 a port of its own, by which it is cancelled", async () => {
    const { connection, model } = await setUp({ [APP]: "http://one:1" });
    const ports: number[] = [];
    for (let i = 0; i < 100; i++) {
      const outcome = await connection.request({ bindAddr: `host-${i}`, bindPort: 0 });
      if (outcome.ok) ports.push(outcome.port);
    }
    expect(new Set(ports).size).toBe(100);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(32_768);
    expect(Math.max(...ports)).toBeLessThan(65_536);
    expect(await connection.cancel({ bindAddr: "host-7", bindPort: 0 })).toBe(false);
    expect(await connection.cancel({ bindAddr: "host-7", bindPort: ports[7]! })).toBe(true);
    expect(await connection.cancel({ bindAddr: "host-7", bindPort: ports[7]! })).toBe(false);
    expect(model.requests.map(({ port }) => port)).toEqual(ports.filter((_, i) => i !== 7));
  });

  it("takes 128 requests, and names of 255 characters", async () => {
    const { connection, model } = await setUp({});
    expect(await connection.request({ bindAddr: "x".repeat(256), bindPort: 0 })).toMatchObject({ ok: false });
    for (let i = 0; i < 128; i++) {
      expect(await connection.request({ bindAddr: "", bindPort: i + 1 })).toMatchObject({ ok: true });
    }
    const reason = expect.stringContaining("128 requests already");
    expect(await connection.request({ bindAddr: "", bindPort: 0 })).toEqual({ ok: false, reason });
    expect(model.messages.at(-1)).toMatchObject({ level: "warn", text: reason });
  });

  it("shows a request for everything without a name", async () => {
    const { connection, model } = await setUp({ [APP]: "http://one:1", [DB]: "tcp://db:1" });
    const outcome = await connection.request({ bindAddr: "localhost", bindPort: 0 });
    const port = outcome.ok ? outcome.port : 0;
    expect(model.requests).toEqual([{ hostname: "", port, isDynamic: true, routes: 2 }]);
  });

  it("opens a channel by the address that the client wrote, and says for whom", async () => {
    const { connection, publishers, routes: [app], asked, model, state } = await setUp({
      [APP]: "http://one:1",
    });
    state.answer = (other) => void nodeStream(other).write(utf8("answer"));
    await connection.request({ bindAddr: "APP.example.com", bindPort: 443 });
    const [publisher] = publishers.of(app!.id);
    const stream = await publisher!.open(app!.to[0]!, { for: FOR, signal });
    expect(asked).toEqual([
      { boundAddr: "APP.example.com", boundPort: 443, originIp: "192.0.2.1", originPort: 0 },
    ]);
    await stream.write(utf8("hello"));
    await stream.read(new Uint8Array(100));
    expect(model.connections).toMatchObject([
      { isOpen: true, hostname: "app.example.com", path: "/p", client: "192.0.2.1", rxBytes: 5, txBytes: 6 },
    ]);
    stream.close();
    expect(model.connections).toMatchObject([{ isOpen: false }]);
  });

  it.each([4, 5])("closes a connection whose first byte is %i, and sends nothing", async (first) => {
    const { connection, publishers, routes: [db], state } = await setUp({ [DB]: "tcp://db:1" });
    const seen: Uint8Array[] = [];
    state.answer = (other) => void other.on("data", (chunk: Uint8Array) => seen.push(chunk));
    await connection.request({ bindAddr: "db.example.com", bindPort: 5432 });
    const stream = await publishers.of(db!.id)[0]!.open(db!.to[0]!, { for: FOR, signal });
    await expect(stream.write(Uint8Array.of(first, 1, 0))).rejects.toThrow();
    await expect(stream.read(new Uint8Array(1))).rejects.toThrow();
    expect(seen).toEqual([]);
  });

  it("lets a later byte be anything", async () => {
    const { connection, publishers, routes: [db], state } = await setUp({ [DB]: "tcp://db:1" });
    const seen: number[] = [];
    state.answer = (other) => void other.on("data", (chunk: Uint8Array) => seen.push(...chunk));
    await connection.request({ bindAddr: "db.example.com", bindPort: 5432 });
    const stream = await publishers.of(db!.id)[0]!.open(db!.to[0]!, { for: FOR, signal });
    await stream.write(Uint8Array.of(1));
    await stream.write(Uint8Array.of(5, 4));
    expect(seen).toEqual([1, 5, 4]);
  });

  it.each([
    ["speaks something else", (other: Duplex) => void other.write("HTTP/1.1 400 Bad Request\r\n")],
    ["ends", (other: Duplex) => void other.end()],
  ])("tells once what -R should have been when a client that should expect SOCKS %s", async (_, answer) => {
    const { connection, publishers, routes: [app], state, shown, model } = await setUp({
      [APP]: "http://one:1",
    });
    state.answer = answer;
    await connection.request({ bindAddr: "app*", bindPort: 0 });
    const [publisher] = publishers.of(app!.id);
    for (let i = 0; i < 2; i++) {
      await expect(publisher!.open(app!.to[0]!, { for: FOR, signal })).rejects.toMatchObject({
        code: "dial/failed",
      });
    }
    expect(shown).toEqual([expect.stringContaining("-R app.example.com:443:HOST:PORT")]);
    expect(model.messages.filter(({ level }) => level === "warn").map(({ text }) => text)).toEqual(shown);
  });

  it("tells once what -R should have been when nobody says anything, as where a service speaks first", async () => {
    const { connection, publishers, routes: [db], shown, clock } = await setUp({ [DB]: "tcp://db:1" });
    await connection.request({ bindAddr: "db.example.com", bindPort: 5432 });
    const [publisher] = publishers.of(db!.id);
    for (let i = 0; i < 2; i++) await publisher!.open(db!.to[0]!, { for: FOR, signal });
    clock.advance(9_999);
    expect(shown).toEqual([]);
    clock.advance(1);
    expect(shown).toEqual([expect.stringContaining("-R db.example.com:5432:HOST:PORT")]);
  });

  it.each<[string, (stream: ByteStream, other: Duplex) => Promise<unknown>]>([
    ["the service has said something", async (stream, other) => {
      other.write("220 ready");
      await stream.read(new Uint8Array(9));
    }],
    ["the caller has said something", (stream) => stream.write(utf8("hello"))],
    ["the connection is over", (stream) => Promise.resolve(stream.close())],
  ])("tells nothing of silence when %s", async (_, act) => {
    const { connection, publishers, routes: [db], shown, clock, state } = await setUp({ [DB]: "tcp://db:1" });
    await connection.request({ bindAddr: "db.example.com", bindPort: 5432 });
    const opened = Promise.withResolvers<Duplex>();
    state.answer = opened.resolve;
    const stream = await publishers.of(db!.id)[0]!.open(db!.to[0]!, { for: FOR, signal });
    await act(stream, await opened.promise);
    clock.advance(60_000);
    expect(shown).toEqual([]);
  });

  it("breaks connections when the client is gone, and when the user may not go on; not when -R is cancelled", async () => {
    const { connection, publishers, routes: [db], allow, state, gone } = await setUp({ [DB]: "tcp://db:1" });
    const open = () => publishers.of(db!.id)[0]!.open(db!.to[0]!, { for: FOR, signal });
    const wanted = { bindAddr: "db.example.com", bindPort: 5432 };
    state.answer = (other) => void other.pipe(other);
    await connection.request(wanted);
    const first = await open();
    await connection.cancel(wanted);
    await first.write(Uint8Array.of(1));
    expect(await first.read(new Uint8Array(1))).toBe(1);
    await connection.request(wanted);
    const second = await open();
    allow();
    await expect(second.read(new Uint8Array(1))).rejects.toThrow("closed");
    await expect(first.read(new Uint8Array(1))).rejects.toThrow("closed");
    allow(db!);
    const third = await open();
    gone.abort();
    await expect(third.read(new Uint8Array(1))).rejects.toThrow("gone");
  });

  it.each([
    [["healthy", "healthy"], "healthy", true],
    [["healthy", "unhealthy"], "degraded", true],
    [["unhealthy", "unhealthy"], "unhealthy", false],
    [["unchecked"], "unknown", true],
  ])("sums up the health %j as %s", async (health, summary, isActive) => {
    const from = await setUp({ [APP]: "http://one:1" });
    const { connection, model, state, allow, routes: [app] } = from;
    allow({ ...app!, healthChecks: [{}] as never });
    await connection.request({ bindAddr: "", bindPort: 0 });
    state.states = health.map((one) => ({ health: one as EndpointState["health"], publisher: "ssh:c1" }));
    expect(model.routes).toMatchObject([{ health: summary, isActive }]);
  });
});
