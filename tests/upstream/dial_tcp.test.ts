import { afterEach, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import type { Upstream } from "../../lib/config/config.ts";
import { compilePolicy } from "../../lib/policy/compile.ts";
import { decide } from "../../lib/policy/decide.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import { DialError } from "../../lib/upstream/dial_error.ts";
import { dialTcp } from "../../lib/upstream/dial_tcp.ts";
import { serveEcho, serveTcp } from "../_support/echo.ts";
import { openDescriptors, readExactly, until } from "../_support/test_gateway.ts";

const grant = yes();
const resources = new Set<Disposable>();

afterEach(() => {
  for (const resource of resources) resource[Symbol.dispose]();
  resources.clear();
});

function yes() {
  const policy = compilePolicy(parsePolicy({ allow: { or: [{ accept: true }] } }));
  const decision = decide(policy, { routeId: "r-1", now: 0, sourceIp: null, session: null });
  if (decision.verdict !== "allowed") throw new TypeError("The policy should accept");
  return decision.grant;
}

function tcp(host: string, port: number, weight = 1): Upstream {
  return { url: `tcp://${host}:${port}`, scheme: "tcp", host, port, weight };
}

function echo() {
  const service = serveEcho();
  resources.add(service);
  return service;
}

/** A port of loopback where nobody listens. */
function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A listener that accepts nothing, with a backlog so full that the system answers no further SYN. */
async function blackhole(): Promise<number> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 } as Deno.TcpListenOptions);
  const { port } = listener.addr;
  const abort = new AbortController();
  const conns: Deno.Conn[] = [];
  resources.add({
    [Symbol.dispose]() {
      abort.abort();
      conns.forEach((conn) => conn.close());
      listener.close();
    },
  });
  for (;;) {
    const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(100)]);
    try {
      conns.push(await Deno.connect({ hostname: "127.0.0.1", port, signal }));
    } catch {
      return port;
    }
  }
}

async function failureOf(work: Promise<unknown>): Promise<DialError> {
  const error = await work.then(() => new TypeError("It was reached"), (error) => error);
  expect(error).toBeInstanceOf(DialError);
  return error;
}

describe("dialTcp()", () => {
  it("connects, and says where", async () => {
    const { port } = echo();
    const { stream, upstream, address } = await dialTcp(grant, [tcp("127.0.0.1", port)]);
    await stream.write(utf8("ping"));
    expect(await readExactly(stream, 4)).toBe("ping");
    stream.close();
    expect([upstream.host, address]).toEqual(["127.0.0.1", `127.0.0.1:${port}`]);
  });

  it("tries every address of a name, IPv4 first", async () => {
    const { port } = echo();
    const { stream, address } = await dialTcp(grant, [tcp("localhost", port)]);
    stream.close();
    expect(address).toBe(`127.0.0.1:${port}`);
  });

  it("connects to an IPv6 address", async () => {
    using listener = Deno.listen({ hostname: "::1", port: 0 });
    const { stream, address } = await dialTcp(grant, [tcp("::1", listener.addr.port)]);
    stream.close();
    (await listener.accept()).close();
    expect(address).toBe(`[::1]:${listener.addr.port}`);
  });

  it("hands over a stream whose read fails when the service resets", async () => {
    const resetter = serveTcp(async (conn) => void await conn.read(new Uint8Array(1)));
    resources.add(resetter);
    const { stream } = await dialTcp(grant, [tcp("127.0.0.1", resetter.port)]);
    await stream.write(utf8("unread"));
    await expect(stream.read(new Uint8Array(1))).rejects.toThrow();
    stream.close();
  });

  it("falls over to the others, in drawn order", async () => {
    const { port } = echo();
    const [dead, alive] = [tcp("127.0.0.1", closedPort(), 1000), tcp("127.0.0.1", port)];
    const { stream, upstream } = await dialTcp(grant, [alive, dead], { random: () => 0.5 });
    stream.close();
    expect(upstream).toBe(alive);
  });

  it("asks nobody else when the first one answers", async () => {
    const [first, second] = [echo(), echo()];
    const route = [tcp("127.0.0.1", first.port), tcp("127.0.0.1", second.port)];
    for (const [random, expected] of [[0, first.port], [0.99, second.port]] as const) {
      const { stream, upstream } = await dialTcp(grant, route, { random: () => random });
      stream.close();
      expect(upstream.port).toBe(expected);
    }
  });

  it("fails with the failure of the last one tried", async () => {
    const port = closedPort();
    const route = [tcp("name.invalid", 1), tcp("127.0.0.1", port)];
    const first = await failureOf(dialTcp(grant, route, { random: () => 0 }));
    expect([first.code, first.address]).toEqual(["dial/refused", `127.0.0.1:${port}`]);
    const second = await failureOf(dialTcp(grant, route, { random: () => 0.99 }));
    expect([second.code, second.address]).toEqual(["dial/name-not-found", null]);
  });

  it.each([
    ["tcp", "name.invalid", "dial/name-not-found"],
    ["udp", "127.0.0.1", "dial/unsupported-scheme"],
    ["https", "127.0.0.1", "dial/unsupported-scheme"],
    ["unix", "", "dial/unsupported-scheme"],
  ])("refuses %s to %j with %s", async (scheme, host, code) => {
    const upstream = { ...tcp(host, 1), scheme, url: `${scheme}://${host}` };
    expect((await failureOf(dialTcp(grant, [upstream]))).code).toBe(code);
  });

  it("gives up after its timeout, without trying the others", async () => {
    const silent = tcp("127.0.0.1", await blackhole());
    const other = echo();
    const dialling = dialTcp(grant, [silent, tcp("127.0.0.1", other.port)], {
      timeoutMs: 50,
      random: () => 0,
    });
    const { code, address } = await failureOf(dialling);
    expect([code, address]).toEqual(["dial/timeout", `127.0.0.1:${silent.port}`]);
    expect(other.open).toBe(0);
  });

  it.each(["127.0.0.1", "localhost"])(
    "does not even begin with %s when its signal is aborted",
    async (host) => {
      const { port } = echo();
      const dialling = dialTcp(grant, [tcp(host, port)], { signal: AbortSignal.abort() });
      expect((await failureOf(dialling)).code).toBe("dial/timeout");
    },
  );

  it("gives up when its signal is aborted on the way", async () => {
    const port = await blackhole();
    const abort = new AbortController();
    const dialling = failureOf(dialTcp(grant, [tcp("127.0.0.1", port)], { signal: abort.signal }));
    abort.abort();
    expect((await dialling).code).toBe("dial/timeout");
  });

  it("fails for a route without upstreams", async () => {
    expect((await failureOf(dialTcp(grant, []))).code).toBe("dial/failed");
  });
});

describe("the preface of dialTcp()", () => {
  it("comes before anything else", async () => {
    const { stream } = await dialTcp(grant, [tcp("127.0.0.1", echo().port)], { preface: utf8("first,") });
    await stream.write(utf8("second"));
    expect(await readExactly(stream, 12)).toBe("first,second");
    stream.close();
  });

  it("that a service does not take in time makes it count as not reached, and leaves no connection", async () => {
    const deaf = serveTcp(() => new Promise(() => {}));
    resources.add(deaf);
    const preface = new Uint8Array(64 * 1024 * 1024);
    const before = openDescriptors();
    await expect(dialTcp(grant, [tcp("127.0.0.1", deaf.port)], { preface, timeoutMs: 200 }))
      .rejects.toMatchObject({ code: "dial/timeout" });
    // Its own end of the service's connection is all that may be left.
    await until(() => openDescriptors() <= before + 1);
  });
});
