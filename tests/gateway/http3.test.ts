import { afterEach, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";
import { controlText } from "../_support/control_text.ts";
import { serveEcho } from "../_support/echo.ts";
import { ask, dialHttp3 } from "../_support/http3.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { freePort } from "../_support/free_port.ts";
import { readAll, readExactly, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

const cleanup: AsyncDisposableStack[] = [];

afterEach(async () => {
  for (const stack of cleanup.splice(0)) await stack.disposeAsync();
});

async function start(config = "", options: { port?: number } = {}) {
  const stack = new AsyncDisposableStack();
  cleanup.push(stack);
  const echo = stack.use(serveEcho());
  const routes = `
routes:
  - from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_any_authenticated_user: true
`;
  const gateway = stack.use(await startTestGateway(config + routes, options));
  await gateway.addUser("ann");
  const dial = async (dialOptions?: Partial<Deno.ConnectQuicOptions<false>>) => {
    const connection = await dialHttp3(gateway, dialOptions);
    stack.defer(() => connection.close());
    return connection;
  };
  return { gateway, echo, dial, config: config + routes, token: await gateway.token("ann") };
}

async function altSvc(gateway: TestGateway, caPem = gateway.caPem): Promise<string | null> {
  using client = Deno.createHttpClient({ caCerts: [caPem] });
  const response = await fetch(`${gateway.url}/healthz`, { client });
  await response.body?.cancel();
  return response.headers.get("alt-svc");
}

describe("HTTP/3", () => {
  it("serves pages on the port of the others, which tell of it", async () => {
    const { gateway, dial } = await start();
    expect(await altSvc(gateway)).toBe(`h3=":${gateway.port}"; ma=86400`);
    const connection = await dial();
    const page = await ask(connection, { authority: `localhost:${gateway.port}`, path: "/healthz" });
    expect([page.status, await page.text(), page.headers.get("alt-svc")]).toEqual([200, "OK", null]);
    const missing = await ask(connection, { authority: `localhost:${gateway.port}`, path: "/nothing" });
    expect([missing.status, (await missing.text()).length > 0]).toEqual([404, true]);
    const isLogged = { authority: `localhost:${gateway.port}`, path: "/nothing", "response-code": 404 };
    expect(gateway.linesOf("http-request")).toContainEqual(expect.objectContaining(isLogged));
  });

  it("carries a tunnel by the pipeline of the others, with its lines in the trail", async () => {
    const { gateway, dial, token, echo } = await start();
    const { status, stream } = await ask(await dial(), {
      method: "CONNECT",
      authority: "echo.test:7",
      token,
    });
    expect(status).toBe(200);
    await stream.write(utf8("hello"));
    expect(await readExactly(stream, 5)).toBe("hello");
    expect(gateway.gateway.tunnels.size).toBe(1);
    await stream.closeWrite();
    expect(await readAll(stream)).toEqual(new Uint8Array(0));
    await until(() => gateway.gateway.tunnels.size === 0 && echo.open === 0);
    expect(await gateway.line("tunnel ended")).toMatchObject({ "bytes-up": 5, "bytes-down": 5 });
  });

  it.each([
    ["without a token", "echo.test:7", undefined, 302],
    ["to nowhere", "nowhere.test:7", "token", 404],
    ["to what is no destination", "echo.test:0", "token", 400],
  ])("refuses a tunnel %s", async (_, authority, has, status) => {
    const { dial, token } = await start();
    const answer = await ask(await dial(), {
      method: "CONNECT",
      authority,
      ...(has === undefined ? {} : { token }),
    });
    expect(answer.status).toBe(status);
    await answer.text();
  });

  it("carries many tunnels on one connection", async () => {
    const { gateway, dial, token } = await start();
    const connection = await dial();
    await Promise.all(Array.from({ length: 50 }, async (_, i) => {
      const { stream } = await ask(connection, { method: "CONNECT", authority: "echo.test:7", token });
      const sent = `tunnel ${i} `.repeat(1000);
      const sending = stream.write(utf8(sent)).then(() => stream.closeWrite());
      expect(new TextDecoder().decode(await readAll(stream))).toBe(sent);
      await sending;
    }));
    await until(() => gateway.gateway.tunnels.size === 0);
  });

  it("ends the tunnels of a user who is removed, and the connection lives on", async () => {
    const { gateway, dial, token } = await start();
    const connection = await dial();
    const { stream } = await ask(connection, { method: "CONNECT", authority: "echo.test:7", token });
    await gateway.gateway.users.remove("ann");
    expect(await readAll(stream)).toEqual(new Uint8Array(0));
    expect(connection.isClosed).toBe(false);
  });

  it("says GOAWAY when it stops, lets what is under way finish, and closes", async () => {
    const { gateway, dial, token } = await start();
    const connection = await dial();
    const { stream } = await ask(connection, { method: "CONNECT", authority: "echo.test:7", token });
    const stopping = gateway.gateway.stop();
    await until(() => connection.isGoingAway);
    await stream.write(utf8("still"));
    expect(await readExactly(stream, 5)).toBe("still");
    await stream.closeWrite();
    await readAll(stream);
    expect(await connection.closed).toEqual({ code: 0x100, reason: "H3_NO_ERROR" });
    await stopping;
  });

  it("a tunnel that is open when the gateway stops ends, and then the connection", async () => {
    const { gateway, dial, token } = await start();
    const connection = await dial();
    const { stream } = await ask(connection, { method: "CONNECT", authority: "echo.test:7", token });
    const reading = readAll(stream);
    await gateway.gateway.stop();
    expect(await reading).toEqual(new Uint8Array(0));
    expect(await connection.closed).toMatchObject({ code: 0x100 });
  });

  it("counts requests, and connections by how they ended", async () => {
    const { gateway, dial } = await start();
    const authority = `localhost:${gateway.port}`;
    const connection = await dial();
    await (await ask(connection, { authority, path: "/healthz" })).text();
    connection.close();
    const broken = await Deno.connectQuic({
      hostname: "localhost",
      port: gateway.port,
      alpnProtocols: ["h3"],
      caCerts: [gateway.caPem],
    });
    const control = (await broken.createUnidirectionalStream()).getWriter();
    // A control stream that begins with GOAWAY.
    await control.write(new Uint8Array([0, 7, 1, 0]));
    await broken.closed;
    const text = await controlText(gateway, "/metrics");
    expect(text).toContain('sallyport_http3_requests_total{version="3"} 1\n');
    expect(text).toContain('sallyport_http3_connections_closed_total{code="H3_NO_ERROR"} 1\n');
    expect(text).toContain('sallyport_http3_connections_closed_total{code="H3_MISSING_SETTINGS"} 1\n');
  });
});

describe("codec_type", () => {
  it.each([
    ["http1", ["http/1.1"], false],
    ["http2", ["h2"], false],
    ["http3", ["h2", "http/1.1"], true],
    ["auto", ["h2", "http/1.1"], true],
  ])("%s offers %j on the TLS port, and HTTP/3: %s", async (type, offered, hasHttp3) => {
    const { gateway, dial } = await start();
    const connection = await dial();
    await connection.peerSettings;
    await gateway.writeConfig(`codec_type: ${type}\nroutes: []\n`);
    expect(await gateway.gateway.reloader.reload("test")).toMatchObject({ ok: true });
    expect(await agreed(gateway)).toEqual(offered);
    expect(await altSvc(gateway)).toBe(hasHttp3 ? `h3=":${gateway.port}"; ma=86400` : null);
    if (hasHttp3) await dial();
    else await expect(dial()).rejects.toThrow("refused");
    expect((await ask(connection, { authority: "localhost", path: "/healthz" })).status).toBe(200);
  });
});

/** Which protocols the TLS port agrees on. */
async function agreed(gateway: TestGateway): Promise<string[]> {
  const found: string[] = [];
  for (const alpn of ["h2", "http/1.1"]) {
    try {
      using conn = await Deno.connectTls({
        hostname: "localhost",
        port: gateway.port,
        caCerts: [gateway.caPem],
        alpnProtocols: [alpn],
      });
      if ((await conn.handshake()).alpnProtocol === alpn) found.push(alpn);
    } catch {
      // Not agreed on.
    }
  }
  return found;
}

it("is not served when clients are asked for certificates, which QUIC cannot do", async () => {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "sallyport-test-" });
  const { certPem } = await createAuthority({ now: Date.now(), commonName: "Test authority" });
  await Deno.writeTextFile(`${folder}/clients.pem`, certPem);
  const config = "downstream_mtls: { ca_file: clients.pem }\nroutes: []\n";
  const gateway = stack.use(await startTestGateway(config, { folder }));
  expect(gateway.linesOf("HTTP/3 is not served")).toMatchObject([{ level: "warn" }]);
  expect(await altSvc(gateway)).toBeNull();
  await gateway.writeConfig("routes: []\n");
  await gateway.gateway.reloader.reload("test");
  expect(await altSvc(gateway)).toBe(`h3=":${gateway.port}"; ma=86400`);
  await gateway.writeConfig(config);
  await gateway.gateway.reloader.reload("test");
  expect(await altSvc(gateway)).toBeNull();
  await expect(dialHttp3(gateway)).rejects.toThrow("refused");
});

it("is told of only where its one certificate covers the name", async () => {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "sallyport-test-" });
  const now = Date.now();
  const authority = await createAuthority({ now, commonName: "Test authority" });
  for (const name of ["first.test", "localhost"]) {
    const pair = await issueServerCertificate({ authority, names: [name], now });
    await Deno.writeTextFile(`${folder}/${name}.pem`, pair.certPem);
    await Deno.writeTextFile(`${folder}/${name}.key`, pair.keyPem);
  }
  const list = (...names: string[]) =>
    names.map((name) => `  - { cert: ${name}.pem, key: ${name}.key }\n`).join("");
  const text = (...names: string[]) => `certificates:\n${list(...names)}routes: []\n`;
  const gateway = stack.use(await startTestGateway(text("first.test", "localhost"), { folder }));
  const told = () => altSvc(gateway, authority.certPem);
  expect(await told()).toBeNull();
  const warning = { level: "warn", "not-served": ["localhost"] };
  expect(gateway.linesOf("HTTP/3 is served with the first certificate only")).toMatchObject([warning]);
  await gateway.writeConfig(text("localhost", "first.test"));
  await gateway.gateway.reloader.reload("test");
  expect(await told()).toBe(`h3=":${gateway.port}"; ma=86400`);
  (await dialHttp3(gateway, { caCerts: [authority.certPem] })).close();
});

describe("the address of HTTP/3", () => {
  it("can be another, and clients can be told yet another", async () => {
    const port = freePort();
    const { gateway, dial } = await start(
      `http3_address: 127.0.0.1:${port}\nhttp3_advertise_port: 443\n`,
    );
    expect(await altSvc(gateway)).toBe('h3=":443"; ma=86400');
    const page = await ask(await dial({ port }), { authority: "localhost", path: "/healthz" });
    expect(page.status).toBe(200);
  });

  it("that is taken is a warning with auto, and no start with http3", async () => {
    using taken = new TakenPort();
    const auto = await start(`http3_address: 127.0.0.1:${taken.port}\n`);
    expect(auto.gateway.linesOf("HTTP/3 is not served")).toHaveLength(1);
    expect(await altSvc(auto.gateway)).toBeNull();
    await expect(start(`codec_type: http3\nhttp3_address: 127.0.0.1:${taken.port}\n`)).rejects.toMatchObject({
      code: "listen/address-in-use",
    });
  });

  it("that was taken is listened on with auto when it is free", async () => {
    const taken = new TakenPort();
    const clock = new ManualClock(Date.now());
    const config = `http3_address: 127.0.0.1:${taken.port}\nroutes: []\n`;
    await using gateway = await startTestGateway(config, { clock });
    clock.advance(60_000);
    expect(await altSvc(gateway)).toBeNull();
    taken[Symbol.dispose]();
    clock.advance(60_000);
    expect(await altSvc(gateway)).toBe(`h3=":${taken.port}"; ma=86400`);
    expect(gateway.linesOf("HTTP/3 is not served").map(({ level }) => level)).toEqual(["warn", "debug"]);
  });

  it("that is taken is no reload with http3, and all is as before", async () => {
    using taken = new TakenPort();
    const { gateway, dial } = await start();
    await gateway.writeConfig(`codec_type: http3\nhttp3_address: 127.0.0.1:${taken.port}\nroutes: []\n`);
    expect(await gateway.gateway.reloader.reload("test")).toMatchObject({ ok: false });
    expect(await altSvc(gateway)).toBe(`h3=":${gateway.port}"; ma=86400`);
    const page = await ask(await dial(), { authority: "localhost", path: "/healthz" });
    expect(page.status).toBe(200);
  });

  it("changes while it runs, and tunnels live on", async () => {
    const { gateway, dial, config, token } = await start();
    const { stream } = await ask(await dial(), { method: "CONNECT", authority: "echo.test:7", token });
    const port = freePort();
    await gateway.writeConfig(`http3_address: 127.0.0.1:${port}\n${config}`);
    await gateway.gateway.reloader.reload("test");
    expect(await altSvc(gateway)).toBe(`h3=":${port}"; ma=86400`);
    await dial({ port });
    await expect(dial()).rejects.toThrow("refused");
    await stream.write(utf8("hello"));
    expect(await readExactly(stream, 5)).toBe("hello");
  });
});

class TakenPort {
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly port = (this.#socket.addr as Deno.NetAddr).port;
  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
