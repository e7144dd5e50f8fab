import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { openUpstream } from "../../lib/upstream/_open.ts";
import type { OpenOptions } from "../../lib/upstream/upstream_connection.ts";
import { parseTo } from "../../lib/config/to_url.ts";
import { serveEcho, serveTcp } from "../_support/echo.ts";
import { openDescriptors, readExactly, until } from "../_support/test_gateway.ts";
import { blackhole, closedPort, failureOf, resourcesOfTests } from "./_support.ts";

const resources = resourcesOfTests();
const tls = { serverName: null, skipVerify: false, authorities: null, clientCertificate: null };

function open(url: string, options: Partial<OpenOptions> & { timeoutMs?: number } = {}) {
  const { timeoutMs = 10_000, ...rest } = options;
  return openUpstream(parseTo(url).upstream, { tls, signal: AbortSignal.timeout(timeoutMs), ...rest });
}

function echo() {
  const service = serveEcho();
  resources.add(service);
  return service;
}

describe("openUpstream()", () => {
  it("connects, and says where", async () => {
    const { port } = echo();
    const { stream, upstream, address, alpn } = await open(`tcp://127.0.0.1:${port}`);
    await stream.write(utf8("ping"));
    expect(await readExactly(stream, 4)).toBe("ping");
    stream.close();
    expect([upstream.host, address, alpn]).toEqual(["127.0.0.1", `127.0.0.1:${port}`, null]);
  });

  it.each(["http", "h2c"])("connects for %s", async (scheme) => {
    const { stream } = await open(`${scheme}://127.0.0.1:${echo().port}`);
    await stream.write(utf8("ping"));
    expect(await readExactly(stream, 4)).toBe("ping");
    stream.close();
  });

  it("connects to an IPv6 address", async () => {
    using listener = Deno.listen({ hostname: "::1", port: 0 });
    const { stream, address } = await open(`tcp://[::1]:${listener.addr.port}`);
    stream.close();
    (await listener.accept()).close();
    expect(address).toBe(`[::1]:${listener.addr.port}`);
  });

  it("connects to a Unix socket", async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/a b.sock`;
    using listener = Deno.listen({ transport: "unix", path });
    const { stream, address } = await open(`unix://${folder}/a%20b.sock`);
    stream.close();
    (await listener.accept()).close();
    expect(address).toBe(path);
    await Deno.remove(folder, { recursive: true });
  });

  it("hands over a stream whose read fails when the service resets", async () => {
    const resetter = serveTcp(async (conn) => void await conn.read(new Uint8Array(1)));
    resources.add(resetter);
    const { stream } = await open(`tcp://127.0.0.1:${resetter.port}`);
    await stream.write(utf8("unread"));
    await expect(stream.read(new Uint8Array(1))).rejects.toThrow();
    stream.close();
  });

  it.each([
    ["tcp://name.invalid:1", "dial/name-not-found"],
    ["udp://127.0.0.1:1", "dial/unsupported-scheme"],
    ["ssh://127.0.0.1:1", "dial/refused"],
    ["unix:///nowhere/x.sock", "dial/failed"],
    ["unix:///nowhere/%zz.sock", "dial/failed"],
    [`tcp://127.0.0.1:${closedPort()}`, "dial/refused"],
  ])("refuses %s with %s", async (url, code) => {
    expect((await failureOf(open(url))).code).toBe(code);
  });

  it.each(["h2c://127.0.0.1:1", "unix:///x.sock"])("makes no tunnel over %s", async (url) => {
    const proxy = { target: null, via: "1.1 test" };
    expect((await failureOf(open(url, { proxy }))).code).toBe("dial/unsupported-scheme");
  });

  it.each([["127.0.0.1", "dial/timeout"], ["name.invalid", "dial/name-timeout"]])(
    "does not even begin with %s when its signal is aborted: %s",
    async (host, code) => {
      const opening = open(`tcp://${host}:${echo().port}`, { signal: AbortSignal.abort() });
      expect((await failureOf(opening)).code).toBe(code);
    },
  );

  it("gives up when its signal is aborted on the way", async () => {
    const port = await blackhole(resources);
    const abort = new AbortController();
    const opening = failureOf(open(`tcp://127.0.0.1:${port}`, { signal: abort.signal }));
    abort.abort();
    const { code, address } = await opening;
    expect([code, address]).toEqual(["dial/timeout", `127.0.0.1:${port}`]);
  });
});

describe("the preface of openUpstream()", () => {
  it("comes before anything else", async () => {
    const { stream } = await open(`tcp://127.0.0.1:${echo().port}`, { preface: utf8("first,") });
    await stream.write(utf8("second"));
    expect(await readExactly(stream, 12)).toBe("first,second");
    stream.close();
  });

  it("comes before TLS", async () => {
    const { promise: first, resolve } = Promise.withResolvers<Uint8Array>();
    const service = serveTcp(async (conn) => {
      const bytes = new Uint8Array(7);
      await conn.read(bytes);
      resolve(bytes);
    });
    resources.add(service);
    await failureOf(open(`tls://127.0.0.1:${service.port}`, { preface: utf8("PROXY\r\n") }));
    expect(await first).toEqual(utf8("PROXY\r\n"));
  });

  it("that a service does not take in time makes it count as not reached, and leaves no connection", async () => {
    const deaf = serveTcp(() => new Promise(() => {}));
    resources.add(deaf);
    const preface = new Uint8Array(64 * 1024 * 1024);
    const before = openDescriptors();
    await expect(open(`tcp://127.0.0.1:${deaf.port}`, { preface, timeoutMs: 200 }))
      .rejects.toMatchObject({ code: "dial/timeout" });
    // Its own end of the service's connection is all that may be left.
    await until(() => openDescriptors() <= before + 1);
  });
});
