import { once } from "node:events";
import http2 from "node:http2";
import tls from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { serveEcho } from "../_support/echo.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { requirePeer } from "../_support/peers.ts";
import { run } from "../_support/programs.ts";
import { type ClientPair, TestAuthority } from "../_support/test_authority.ts";
import {
  readAll,
  readAnswer,
  readExactly,
  startTestGateway,
  type TestGateway,
  until,
} from "../_support/test_gateway.ts";

const echo = serveEcho();
let root: TestAuthority;
let alice: ClientPair;
let mallory: ClientPair;
let gateway: TestGateway;

beforeAll(async () => {
  root = await TestAuthority.create("Callers");
  alice = await root.issue({ commonName: "alice", names: [{ type: "email", value: "alice@example.com" }] });
  mallory = await (await TestAuthority.create("Callers")).issue({ commonName: "alice" });
});

afterAll(() => echo[Symbol.dispose]());

afterEach(() => gateway[Symbol.asyncDispose]());

/** Starts a gateway; `ca.pem` holds the authority, `crl.pem` a list that revokes nobody. */
async function start(config: string, clock?: ManualClock): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sallyport-mtls-" });
  await Deno.writeTextFile(`${folder}/ca.pem`, root.pem);
  await Deno.writeTextFile(`${folder}/crl.pem`, await root.crl([]));
  gateway = await startTestGateway(config, { folder, ...(clock === undefined ? {} : { clock }) });
}

function route(from: string, more = "allow_public_unauthenticated_access: true"): string {
  return `  - from: ${from}\n    to: tcp://127.0.0.1:${echo.port}\n    ${more}\n`;
}

const PUBLIC = `routes:\n${route("tcp+https://localhost/echo.test:7")}`;
const NEEDS_ALICE = `policy: [{allow: {and: [{client_certificate: {san_email: alice@example.com}}]}}]`;

/** A CONNECT over HTTP/1.1, with a certificate or without. */
async function connect(target: string, pair?: ClientPair, more = "") {
  const conn = await Deno.connectTls({
    hostname: "localhost",
    port: gateway.port,
    caCerts: [gateway.caPem],
    alpnProtocols: ["http/1.1"],
    ...(pair === undefined ? {} : { cert: pair.certPem, key: pair.keyPem }),
  });
  const stream = denoStream(conn);
  await stream.write(utf8(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${more}\r\n`));
  return await readAnswer(stream);
}

async function statusOf(target: string, pair?: ClientPair): Promise<number> {
  const { status, stream } = await connect(target, pair);
  stream.close();
  return status;
}

/** The status of a CONNECT over HTTP/2. */
async function http2Status(target: string, pair?: ClientPair): Promise<number> {
  const socket = tls.connect({
    host: "127.0.0.1",
    port: gateway.port,
    servername: "localhost",
    ca: gateway.caPem,
    ALPNProtocols: ["h2"],
    ...(pair === undefined ? {} : { cert: pair.certPem, key: pair.keyPem }),
  });
  await once(socket, "secureConnect");
  const session = http2.connect("https://localhost", { createConnection: () => socket });
  session.on("error", () => {});
  try {
    const request = session.request({ ":method": "CONNECT", ":authority": target });
    request.on("error", () => {});
    const [headers] = await once(request, "response");
    return headers[":status"];
  } finally {
    session.destroy();
  }
}

/** Runs curl against a host name of the gateway, with a certificate or without. */
async function curl(args: readonly string[], pair?: ClientPair): Promise<{ code: number; text: string }> {
  const files: string[] = [];
  if (pair !== undefined) {
    await Deno.writeTextFile(`${gateway.folder}/client.pem`, pair.certPem);
    await Deno.writeTextFile(`${gateway.folder}/client-key.pem`, pair.keyPem);
    const [cert, key] = args.includes("--proxytunnel")
      ? ["--proxy-cert", "--proxy-key"]
      : ["--cert", "--key"];
    files.push(cert!, `${gateway.folder}/client.pem`, key!, `${gateway.folder}/client-key.pem`);
  }
  const ca = ["--cacert", gateway.caFile, "--proxy-cacert", gateway.caFile];
  const resolve = ["one.test", "two.test"].flatMap((
    name,
  ) => ["--resolve", `${name}:${gateway.port}:127.0.0.1`]);
  const { code, stdout, stderr } = await run(["curl", ["-sS", ...ca, ...resolve, ...files, ...args]]);
  return { code, text: new TextDecoder().decode(stdout) + stderr };
}

/** What `openssl s_client` is asked for on a server name. */
async function asked(serverName: string): Promise<"a certificate" | "nothing"> {
  const args = ["s_client", "-connect", `127.0.0.1:${gateway.port}`, "-servername", serverName];
  const text = new TextDecoder().decode((await run(["openssl", args])).stdout);
  expect(text).toMatch(/certificate CA names/);
  return text.includes("Acceptable client certificate CA names\nCN = Callers\n")
    ? "a certificate"
    : "nothing";
}

describe("downstream_mtls with policy_with_default_deny", () => {
  const config = `downstream_mtls: { ca_file: ca.pem }\n${PUBLIC}`;

  it.each([
    ["no certificate", () => undefined, 495],
    ["one of another authority of the same name", () => mallory, 495],
    ["one that is trusted", () => alice, 200],
  ])("answers a CONNECT with %s, on a public route too", async (_, pair, status) => {
    await start(config);
    expect(await statusOf("echo.test:7", pair())).toBe(status);
    expect(await http2Status("echo.test:7", pair())).toBe(status);
  });

  it.each([
    ["client-certificate-required", () => undefined],
    ["invalid-client-certificate", () => mallory],
  ])("says why: %s", async (reason, pair) => {
    await start(config);
    const { status, headers, stream } = await connect("echo.test:7", pair());
    expect([status, headers.get("proxy-status")]).toEqual([495, "sallyport; error=http_request_denied"]);
    expect(headers.get("location")).toBeNull();
    expect(new TextDecoder().decode(await readAll(stream))).toContain(`Reason: ${reason}.`);
    expect(await gateway.line("tunnel refused")).toMatchObject({ "deny-why-true": [reason] });
  });

  it("carries bytes, and writes down whose certificate it was", async () => {
    await start(`access_log_fields: [client-certificate]\n${config}`);
    const { stream } = await connect("echo.test:7", alice);
    await stream.write(utf8("through"));
    expect(await readExactly(stream, 7)).toBe("through");
    stream.close();
    const certificate = {
      issuer: "CN=Callers",
      subject: "CN=alice",
      fingerprint: new Uint8Array(await crypto.subtle.digest("SHA-256", alice.der)).toHex(),
      sans: ["email:alice@example.com"],
    };
    for (const message of ["tunnel opened", "tunnel ended", "http-request"]) {
      expect(await gateway.line(message)).toMatchObject({ "client-certificate": certificate });
    }
  });

  it("tells curl the same", { skip: !requirePeer("curl") }, async () => {
    await start(
      `downstream_mtls: { ca_file: ca.pem }\nroutes:\n${route("tcp+https://one.test/echo.test:80")}`,
    );
    const tunnel = ["--proxytunnel", "--proxy", `https://one.test:${gateway.port}`, "http://echo.test:80/"];
    const figures = ["-o", "/dev/null", "-w", "%{http_connect}", "--max-time", "2"];
    expect((await curl([...tunnel, ...figures])).text).toMatch(/^495/);
    expect((await curl([...tunnel, ...figures], mallory)).text).toMatch(/^495/);
    expect((await curl([...tunnel, ...figures], alice)).text).toMatch(/^200/);
  });

  it("serves its own pages without a certificate", { skip: !requirePeer("curl") }, async () => {
    await start(config);
    for (const path of ["ping", ".well-known/pomerium/jwks.json", ".pomerium/style.css"]) {
      const { text } = await curl(["-o", "/dev/null", "-w", "%{http_code}", `${gateway.url}/${path}`]);
      expect(text).toBe("200");
    }
  });

  it("asks on every name but that of the sign-in pages", { skip: !requirePeer("openssl") }, async () => {
    await start(`authenticate_service_url: https://auth.test\n${config}`);
    expect(await Promise.all(["localhost", "other.test", "auth.test"].map(asked)))
      .toEqual(["a certificate", "a certificate", "nothing"]);
  });

  it("trusts, on a route with authorities of its own, only those", async () => {
    const own = await TestAuthority.create("Own");
    const bob = await own.issue({ commonName: "bob" });
    const key = `tls_downstream_client_ca: ${utf8(own.pem).toBase64()}`;
    await start(
      `${config}${
        route("tcp+https://localhost/own.test:7", `${key}\n    allow_public_unauthenticated_access: true`)
      }`,
    );
    expect(
      await Promise.all([["own.test:7", bob], ["own.test:7", alice], ["echo.test:7", bob]].map(
        ([target, pair]) => statusOf(target as string, pair as ClientPair),
      )),
    ).toEqual([200, 495, 495]);
  });

  it("asks nothing of routes without authorities when only others have some", async () => {
    const own = `tls_downstream_client_ca: ${utf8(root.pem).toBase64()}`;
    await start(
      `${PUBLIC}${
        route("tcp+https://one.test/own.test:7", `${own}\n    allow_any_authenticated_user: true`)
      }`,
    );
    expect(await statusOf("echo.test:7")).toBe(200);
    expect(await Promise.all(["one.test", "localhost"].map(asked))).toEqual(["a certificate", "nothing"]);
  });
});

describe("downstream_mtls with enforcement policy", () => {
  const config = `
downstream_mtls: { ca_file: ca.pem, enforcement: policy }
routes:
${route("tcp+https://localhost/open.test:7")}${
    route("tcp+https://localhost/alice.test:7", NEEDS_ALICE)
  }${""}`;

  it("leaves it to the policy of each route", async () => {
    await start(config + route("tcp+https://two.test/two.test:7"));
    const targets = ["open.test:7", "alice.test:7"];
    const withThe = async (pair?: ClientPair) =>
      await Promise.all(targets.map((target) => statusOf(target, pair)));
    expect(await withThe()).toEqual([200, 403]);
    expect(await withThe(alice)).toEqual([200, 200]);
  });

  it("asks only on the names of routes whose policies look at certificates", {
    skip: !requirePeer("openssl"),
  }, async () => {
    await start(
      config + route("tcp+https://two.test/two.test:7") +
        route("tcp+https://*.wild.test/wild.test:7", NEEDS_ALICE),
    );
    expect(await Promise.all(["localhost", "two.test", "a.wild.test", "unknown.test"].map(asked)))
      .toEqual(["a certificate", "nothing", "a certificate", "nothing"]);
  });

  it("answers 495 where a certificate was not asked for, on a route that denies callers without", async () => {
    const denies =
      "policy: [{allow: {and: [accept: true]}}, {deny: {or: [{invalid_client_certificate: true}]}}]";
    await start(`
downstream_mtls: { ca_file: ca.pem, enforcement: policy }
routes:
${route("tcp+https://one.test/strict.test:7", denies)}`);
    expect(await statusOf("strict.test:7", alice)).toBe(495);
  });
});

describe("an HTTP route that needs a certificate", () => {
  const service = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("served"));
  const to = `to: http://127.0.0.1:${service.addr.port}`;
  const needs = `    policy: [{allow: {and: [{client_certificate: {san_email: alice@example.com}}]}}]\n`;
  const config = (enforcement: string) => `
downstream_mtls: { ca_file: ca.pem, enforcement: ${enforcement} }
routes:
  - from: https://one.test
    ${to}
${needs}  - from: https://two.test
    ${to}
    allow_public_unauthenticated_access: true
`;
  const status = ["-o", "/dev/null", "-w", "%{http_code}"];
  const urlOf = (name: string) => `https://${name}:${gateway.port}/`;

  afterAll(() => service.shutdown());

  it.each(["--http1.1", "--http2"])("is served to curl %s with one, and not without", {
    skip: !requirePeer("curl"),
  }, async (version) => {
    await start(config("policy"));
    expect((await curl([version, urlOf("one.test")], alice)).text).toBe("served");
    expect((await curl([version, ...status, urlOf("one.test")])).text).toBe("403");
    expect((await curl([version, urlOf("two.test")])).text).toBe("served");
  });

  it("shows browsers a page with the reason, and programs JSON", { skip: !requirePeer("curl") }, async () => {
    await start(config("policy_with_default_deny"));
    const html = await curl(["-i", "-H", "accept: text/html", urlOf("two.test")]);
    expect(html.text).toMatch(/^HTTP\/2 495 /);
    expect(html.text).toMatch(/<html[\s\S]*Reason: client-certificate-required\./);
    const json = await curl(["-H", "accept: application/json", urlOf("two.test")], mallory);
    expect(JSON.parse(json.text).error).toContain("Reason: invalid-client-certificate.");
  });

  it("is answered 421 on a connection that is for another host", { skip: !requirePeer("curl") }, async () => {
    await start(config("policy"));
    const other = ["-H", `host: one.test:${gateway.port}`];
    for (const version of ["--http1.1", "--http2"]) {
      expect((await curl([version, ...status, ...other, urlOf("two.test")], alice)).text).toBe("421");
    }
  });
});

describe("downstream_mtls with reject_connection", () => {
  const config = `downstream_mtls: { ca_file: ca.pem, enforcement: reject_connection }\n${PUBLIC}`;

  it("fails the handshake of curl without a certificate, for every page", {
    skip: !requirePeer("curl"),
  }, async () => {
    await start(config);
    for (const path of ["ping", ".well-known/pomerium/jwks.json"]) {
      const { code, text } = await curl([`${gateway.url}/${path}`]);
      expect([55, 56]).toContain(code);
      expect(text).toContain("alert certificate required");
    }
    expect(await gateway.line("listener connection failure")).toMatchObject({
      ip: "127.0.0.1",
      "tls-sni-hostname": "localhost",
      "downstream-transport-failure-reason": expect.any(String),
    });
  });

  it(
    "closes the connection of curl with one that is not trusted",
    { skip: !requirePeer("curl") },
    async () => {
      await start(config);
      const { code, text } = await curl([`${gateway.url}/ping`], mallory);
      expect([code === 0, text.includes("OK")]).toEqual([false, false]);
      expect(await gateway.line("listener connection failure")).toMatchObject({
        "client-certificate": { issuer: "CN=Callers", subject: "CN=alice" },
        "downstream-transport-failure-reason": expect.stringMatching(/RFC 5280/),
      });
    },
  );

  it("serves who has one that is trusted", { skip: !requirePeer("curl") }, async () => {
    await start(config);
    expect((await curl(["-o", "/dev/null", "-w", "%{http_code}", `${gateway.url}/ping`], alice)).text).toBe(
      "200",
    );
    expect(await statusOf("echo.test:7", alice)).toBe(200);
  });
});

describe("a live tunnel with a client certificate", () => {
  it("ends when the certificate is revoked, and others go on", async () => {
    await start(`downstream_mtls: { ca_file: ca.pem, crl_file: crl.pem }\n${PUBLIC}`);
    const bob = await root.issue({ commonName: "bob" });
    const cut = await connect("echo.test:7", alice);
    const kept = await connect("echo.test:7", bob);
    expect([cut.status, kept.status]).toEqual([200, 200]);
    await Deno.writeTextFile(`${gateway.folder}/crl.pem`, await root.crl([alice]));
    expect(await readAll(cut.stream)).toHaveLength(0);
    expect(await gateway.line("tunnel ended")).toMatchObject({
      reason: "no-longer-allowed",
      detail: "invalid-client-certificate; file changed, revision 2",
    });
    await kept.stream.write(utf8("still"));
    expect(await readExactly(kept.stream, 5)).toBe("still");
    expect(await statusOf("echo.test:7", alice)).toBe(495);
    for (const { stream } of [cut, kept]) stream.close();
  });

  it("ends at the moment at which the certificate does", async () => {
    const clock = new ManualClock(Math.floor(Date.now() / 1000) * 1000);
    await start(`downstream_mtls: { ca_file: ca.pem }\n${PUBLIC}`, clock);
    const brief = await root.issue({ commonName: "brief", notAfter: clock.now() + 60_000 });
    const { stream } = await connect("echo.test:7", brief);
    await until(() => gateway.gateway.tunnels.size === 1);
    clock.advance(60_000);
    await stream.write(utf8("still"));
    expect(await readExactly(stream, 5)).toBe("still");
    clock.advance(1);
    expect(await readAll(stream)).toHaveLength(0);
    expect(await gateway.line("tunnel ended")).toMatchObject({
      reason: "no-longer-allowed",
      detail: "invalid-client-certificate; time window",
    });
    stream.close();
  });

  it("ends when certificates begin to be needed, and it has none", async () => {
    await start(PUBLIC);
    const { stream } = await connect("echo.test:7");
    await gateway.writeConfig(`downstream_mtls: { ca_file: ca.pem }\n${PUBLIC}`);
    expect(await readAll(stream)).toHaveLength(0);
    expect(await gateway.line("tunnel ended")).toMatchObject({ reason: "no-longer-allowed" });
    expect(await statusOf("echo.test:7")).toBe(495);
    expect(await statusOf("echo.test:7", alice)).toBe(200);
    stream.close();
  });
});
