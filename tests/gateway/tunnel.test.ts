import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { nodeStream } from "../../lib/base/node_stream.ts";
import { connectTls } from "../../lib/base/tls_client.ts";
import { http2Session } from "../_support/http2_session.ts";
import { serveEcho, serveTcp, type TestService } from "../_support/echo.ts";
import {
  openDescriptors,
  readAll,
  readAnswer,
  readExactly,
  startTestGateway,
  type TestGateway,
  until,
} from "../_support/test_gateway.ts";

let gateway: TestGateway;
let echo: TestService;
let greeter: TestService;
let resetter: TestService;
let firehose: TestService;
let token: string;

beforeAll(async () => {
  echo = serveEcho();
  greeter = serveTcp(async (conn) => {
    await conn.write(utf8("hello"));
    await conn.closeWrite();
    await readAll({
      read: (into) => conn.read(into),
      write: async () => {},
      closeWrite: async () => {},
      close() {},
    });
  });
  // Closing with unread bytes makes the kernel send RST.
  resetter = serveTcp(async (conn) => {
    await conn.read(new Uint8Array(1));
  });
  firehose = serveTcp(async (conn) => {
    for (;;) await conn.write(new Uint8Array(16 * 1024));
  });
  gateway = await startTestGateway(`
routes:
  - name: echo
    from: tcp+https://echo.test:7
    to: tcp://localhost:${echo.port}
    policy: [{ allow: { or: [{ email: { is: ann@example.com } }] } }]
  - name: greeter
    from: tcp+https://greeter.test:1
    to: tcp://127.0.0.1:${greeter.port}
    allow_any_authenticated_user: true
  - name: resetter
    from: tcp+https://resetter.test:1
    to: tcp://127.0.0.1:${resetter.port}
    allow_any_authenticated_user: true
  - name: firehose
    from: tcp+https://firehose.test:1
    to: tcp://127.0.0.1:${firehose.port}
    allow_any_authenticated_user: true
  - name: bastion
    from: tcp+https://localhost:8443/inner.test:9/other.test:9
    to: tcp://127.0.0.1:${echo.port}
    allow_any_authenticated_user: true
  - name: exact
    from: tcp+https://exact.wild.test:1
    to: tcp://127.0.0.1:${greeter.port}
    allow_public_unauthenticated_access: true
  - name: wild
    from: tcp+https://*.wild.test:1
    to: tcp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
  - name: wild members
    from: tcp+https://*.members.test:1
    to: tcp://127.0.0.1:${echo.port}
    allow_any_authenticated_user: true
  - name: failover
    from: tcp+https://failover.test:1
    to: ["tcp://127.0.0.1:1,1000", "tcp://127.0.0.1:${echo.port},1"]
    allow_public_unauthenticated_access: true
  - name: refused
    from: tcp+https://refused.test:1
    to: tcp://127.0.0.1:1
    allow_public_unauthenticated_access: true
  - name: no-name
    from: tcp+https://no-name.test:1
    to: tcp://name.invalid:1
    allow_public_unauthenticated_access: true
  - name: denied
    from: tcp+https://denied.test:1
    to: tcp://127.0.0.1:${echo.port}
    policy: [{ allow: { or: [{ claim/groups: admins }] } }]
  - name: nobody
    from: tcp+https://nobody.test:1
    to: tcp://127.0.0.1:${echo.port}
  - name: idle
    from: tcp+https://idle.test:1
    to: tcp://127.0.0.1:${echo.port}
    idle_timeout: 200ms
    allow_public_unauthenticated_access: true
  - name: short
    from: tcp+https://short.test:1
    to: tcp://127.0.0.1:${echo.port}
    max_session_duration: 200ms
    allow_public_unauthenticated_access: true
`);
  await gateway.addUser("ann", { email: "ann@example.com", groups: ["engineering"] });
  token = await gateway.token("ann");
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  for (const service of [echo, greeter, resetter, firehose]) service[Symbol.dispose]();
});

describe("a tunnel", () => {
  it("carries bytes for a caller whom the policy allows, and the trail says who did what", async () => {
    const { status, stream } = await gateway.connect("echo.test:7", { token });
    expect(status).toBe(200);
    await stream.write(utf8("ping"));
    expect(await readExactly(stream, 4)).toBe("ping");
    await stream.closeWrite();
    expect(await stream.read(new Uint8Array(1))).toBeNull();
    stream.close();
    const opened = await gateway.line("tunnel opened");
    expect(opened).toMatchObject({
      method: "CONNECT",
      host: "echo.test:7",
      ip: "127.0.0.1",
      route: "echo",
      email: "ann@example.com",
      allow: true,
      "allow-why-true": ["email-ok"],
      deny: false,
      upstream: `127.0.0.1:${echo.port}`,
      "response-code": 200,
    });
    expect(await gateway.line("tunnel ended")).toMatchObject({
      "request-id": opened["request-id"],
      email: "ann@example.com",
      reason: "completed",
      "bytes-up": 4,
      "bytes-down": 4,
    });
  });

  it("passes on a half-close of either side", async () => {
    const { stream } = await gateway.connect("greeter.test:1", { token });
    // The service has finished; the client has not, and can still send.
    expect(new TextDecoder().decode(await readAll(stream))).toBe("hello");
    await stream.write(utf8("still here"));
    await stream.closeWrite();
    const end = await until(() => gateway.linesOf("tunnel ended").find(({ route }) => route === "greeter"));
    expect(end).toMatchObject({ reason: "completed", "bytes-up": 10, "bytes-down": 5 });
    stream.close();
  });

  it("takes bytes that came together with the request", async () => {
    const conn = await gateway.dial();
    await conn.write(utf8("CONNECT any.wild.test:1 HTTP/1.1\r\nHost: any.wild.test:1\r\n\r\nearly"));
    const stream = { read: (into: Uint8Array<ArrayBuffer>) => conn.read(into) };
    let text = "";
    const buffer = new Uint8Array(1000);
    while (!text.endsWith("early")) {
      text += new TextDecoder().decode(buffer.subarray(0, (await stream.read(buffer))!));
    }
    conn.close();
  });

  it("tells the client FIN, and the trail why, when the service resets", async () => {
    const { stream } = await gateway.connect("resetter.test:1", { token });
    await stream.write(new Uint8Array(100_000));
    expect(await readAll(stream)).toHaveLength(0);
    stream.close();
    const end = await until(() => gateway.linesOf("tunnel ended").find(({ route }) => route === "resetter"));
    expect(end.reason).toBe("upstream-reset");
  });

  it("frees everything when the client vanishes in mid-stream", async () => {
    const before = gateway.linesOf("tunnel ended").length;
    const { stream } = await gateway.connect("firehose.test:1", { token });
    await stream.read(new Uint8Array(1));
    stream.close();
    expect(await gateway.line("tunnel ended", before + 1)).toMatchObject({ reason: "client-reset" });
    await until(() => gateway.gateway.tunnels.size === 0 && firehose.open === 0);
  });

  it("ends when no byte has moved for idle_timeout", async () => {
    const { stream } = await gateway.connect("idle.test:1");
    expect(await readAll(stream)).toHaveLength(0);
    stream.close();
    const end = await until(() => gateway.linesOf("tunnel ended").find(({ route }) => route === "idle"));
    expect(end.reason).toBe("idle-timeout");
  });

  it("ends when it has lived for max_session_duration", async () => {
    const { stream } = await gateway.connect("short.test:1");
    expect(await readAll(stream)).toHaveLength(0);
    stream.close();
    const end = await until(() => gateway.linesOf("tunnel ended").find(({ route }) => route === "short"));
    expect(end.reason).toBe("time-limit");
  });

  it("runs over HTTP/2 as well, several on one connection", async () => {
    const session = http2Session(gateway);
    const texts = await Promise.all(["one", "two", "three"].map(async (text) => {
      const request = session.request({
        ":method": "CONNECT",
        ":authority": "echo.test:7",
        authorization: `Pomerium ${token}`,
      }, { endStream: false });
      const { promise, resolve } = Promise.withResolvers<number>();
      request.once("response", (headers) => resolve(headers[":status"]!));
      expect(await promise).toBe(200);
      const stream = nodeStream(request);
      await stream.write(utf8(text.repeat(1000)));
      await stream.closeWrite();
      return new TextDecoder().decode(await readAll(stream));
    }));
    session.destroy();
    expect(texts).toEqual(["one", "two", "three"].map((text) => text.repeat(1000)));
  });
});

describe("a destination", () => {
  it.each(["inner.test:9", "other.test:9"])(
    "%s is reached by the bastion form of a route",
    async (target) => {
      const { status, stream } = await gateway.connect(target, { token });
      stream.close();
      expect(status).toBe(200);
    },
  );

  it("is matched by an exact route before a wildcard", async () => {
    const exact = await gateway.connect("exact.wild.test:1");
    expect(await readExactly(exact.stream, 5)).toBe("hello");
    exact.stream.close();
    const wild = await gateway.connect("a.b.wild.test:1");
    await wild.stream.write(utf8("x"));
    expect(await readExactly(wild.stream, 1)).toBe("x");
    wild.stream.close();
  });

  it("is matched whatever server name the handshake asked for, in upper or lower case", async () => {
    const { status, stream } = await gateway.connect("ANY.Wild.Test:1");
    stream.close();
    expect(status).toBe(200);
  });

  it("falls over to another upstream when one does not answer", async () => {
    const { status, stream } = await gateway.connect("failover.test:1");
    stream.close();
    expect(status).toBe(200);
  });

  it.each([
    ["no port", "echo.test"],
    ["an empty port", "echo.test:"],
    ["port 0", "echo.test:0"],
    ["port 70000", "echo.test:70000"],
    ["a port with a sign", "echo.test:+7"],
    ["IPv6 without brackets", "::1:7"],
    ["an open bracket", "[::1:7"],
    ["user information", "ann@echo.test:7"],
    ["a path", "echo.test:7/x"],
    ["a host of 10 kB", `${"a".repeat(10_000)}:7`],
    ["a percent escape", "echo%2etest:7"],
    ["nothing", "*"],
  ])("with %s is refused with 400", async (_what, target) => {
    const { status, headers, stream } = await gateway.connect(target, { token, headers: { host: "x" } });
    stream.close();
    expect(status).toBe(400);
    expect(headers.get("proxy-status")).toContain("error=http_request_error");
  });

  it("with a NUL is refused with 400", async () => {
    const { status, stream } = await gateway.connect("echo\0.test:7", { headers: { host: "x" } });
    stream.close();
    expect(status).toBe(400);
  });
});

describe("a refusal", () => {
  it.each([
    [
      "302 for a caller without a token",
      "echo.test:7",
      {},
      302,
      "http_request_denied",
      "http/unauthenticated",
    ],
    [
      "401 for one with a bad token",
      "echo.test:7",
      { token: "a.b.c" },
      401,
      "http_request_denied",
      "http/invalid-token",
    ],
    ["404 for an unknown destination", "unknown.test:1", {}, 404, "destination_not_found", "http/no-route"],
    ["503 for a refused connection", "refused.test:1", {}, 503, "connection_refused", "dial/refused"],
    ["503 for a name that does not resolve", "no-name.test:1", {}, 503, "dns_error", "dial/name-not-found"],
    [
      "403 for a route that lets nobody in, without asking to sign in",
      "nobody.test:1",
      {},
      403,
      "http_request_denied",
      "http/denied",
    ],
  ])("is %s", async (_what, target, options, status, proxyError, code) => {
    const answer = await gateway.connect(target, options);
    answer.stream.close();
    expect(answer.status).toBe(status);
    expect(answer.headers.get("proxy-status")).toContain(`error=${proxyError}`);
    const id = answer.headers.get("x-request-id");
    const refused = await until(() =>
      gateway.linesOf("tunnel refused").find((line) => line["request-id"] === id)
    );
    expect(refused).toMatchObject({ host: target, error: code, "response-code": status });
  });

  it("is 403 for a signed-in caller whom the policy does not allow, with the reasons in the trail", async () => {
    const answer = await gateway.connect("denied.test:1", { token });
    answer.stream.close();
    expect(answer.status).toBe(403);
    const id = answer.headers.get("x-request-id");
    const refused = await until(() =>
      gateway.linesOf("tunnel refused").find((line) => line["request-id"] === id)
    );
    expect(refused).toMatchObject({
      email: "ann@example.com",
      allow: false,
      "allow-why-false": ["claim-unauthorized"],
    });
  });

  it("sends a caller without a token to a sign-in page of this gateway", async () => {
    const answer = await gateway.connect("inner.test:9");
    answer.stream.close();
    expect(answer.headers.get("location")).toMatch(
      /^https:\/\/localhost:8443\/\.pomerium\/sign_in\?.*pomerium_signature=/,
    );
  });

  it.each([
    ["dialled", "localhost", "localhost"],
    ["asked for, when they dialled none", "", "db.members.test"],
  ])("sends a caller of a wildcard route to the name that they %s", async (_, servername, host) => {
    const raw = denoStream(await Deno.connect({ hostname: "127.0.0.1", port: gateway.port }));
    const connection = { ca: gateway.caPem, servername, checkServerIdentity: () => undefined };
    const { stream } = await connectTls(raw, { connection, signal: AbortSignal.timeout(10_000) });
    await stream.write(utf8("CONNECT db.members.test:1 HTTP/1.1\r\nHost: db.members.test:1\r\n\r\n"));
    const { headers } = await readAnswer(stream);
    stream.close();
    const { origin, pathname } = new URL(headers.get("location")!);
    expect([origin, pathname]).toEqual([`https://${host}:${gateway.port}`, "/.pomerium/sign_in"]);
  });
});

describe("the token", () => {
  it.each([
    ["Authorization: Pomerium", (jwt: string) => ({ authorization: `Pomerium ${jwt}` })],
    ["Authorization: Bearer Pomerium-", (jwt: string) => ({ authorization: `Bearer Pomerium-${jwt}` })],
    ["X-Pomerium-Authorization", (jwt: string) => ({ "x-pomerium-authorization": jwt })],
    ["Proxy-Authorization: Pomerium", (jwt: string) => ({ "proxy-authorization": `Pomerium ${jwt}` })],
    [
      "Proxy-Authorization: Basic",
      (jwt: string) => ({ "proxy-authorization": `Basic ${btoa(`pomerium:${jwt}`)}` }),
    ],
    ["cookie", (jwt: string) => ({ cookie: `_pomerium=${jwt}` })],
  ])("is taken from %s", async (_what, headers) => {
    const { status, stream } = await gateway.connect("echo.test:7", { headers: headers(token) });
    stream.close();
    expect(status).toBe(200);
  });

  it("no longer opens anything after its user was removed, and never stands in the log", async () => {
    await gateway.addUser("bob");
    const bobs = await gateway.token("bob");
    const first = await gateway.connect("greeter.test:1", { token: bobs });
    first.stream.close();
    await gateway.gateway.users.remove("bob");
    const second = await gateway.connect("greeter.test:1", { token: bobs });
    second.stream.close();
    expect([first.status, second.status]).toEqual([200, 401]);
    const log = JSON.stringify(gateway.lines);
    for (const secret of [token, bobs, token.split(".")[2]!, "correct horse"]) {
      expect(log).not.toContain(secret);
    }
  });
});

it("leaves no tunnel, connection or descriptor behind", async () => {
  await until(() => gateway.gateway.tunnels.size === 0 && gateway.gateway.openConnections === 0);
  const before = openDescriptors();
  for (let i = 0; i < 20; i++) {
    const { stream } = await gateway.connect("echo.test:7", { token });
    await stream.write(utf8("x"));
    await readExactly(stream, 1);
    stream.close();
  }
  await until(() =>
    gateway.gateway.tunnels.size === 0 && gateway.gateway.openConnections === 0 && echo.open === 0
  );
  await until(() => openDescriptors() <= before);
});
