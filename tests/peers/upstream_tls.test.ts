import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";
import { requirePeer } from "../_support/peers.ts";
import { listening, run, type RunningProgram, start } from "../_support/programs.ts";
import { freePort } from "../_support/free_port.ts";
import { readAll, readExactly, startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

const hasOpenssl = requirePeer("openssl");
const hasRedis = requirePeer("redis-server");

let folder: string;
let gateway: TestGateway;
const programs: RunningProgram[] = [];
const ports = { tls12: freePort(), tls13: freePort(), redis: freePort() };
const file = (name: string) => `${folder}/${name}`;

/** A certificate for TLS clients, which the services below ask for. */
async function makeClientCertificate(): Promise<void> {
  const subject = ["-subj", "/CN=gateway client", "-keyout", file("client.key"), "-out", file("client.csr")];
  await run(["openssl", ["req", "-newkey", "rsa:2048", "-nodes", ...subject]]);
  await Deno.writeTextFile(file("client.ext"), "extendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n");
  const issuer = ["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-set_serial", "7", "-days", "2"];
  const request = ["x509", "-req", "-in", file("client.csr"), "-extfile", file("client.ext")];
  const { code, stderr } = await run(["openssl", [...request, ...issuer, "-out", file("client.pem")]]);
  if (code !== 0) throw new Error(stderr);
}

beforeAll(async () => {
  if (!hasOpenssl) return;
  folder = await Deno.makeTempDir({ prefix: "sallyport-upstream-tls-" });
  const authority = await createAuthority({ now: Date.now(), commonName: "Services" });
  const service = await issueServerCertificate({ authority, names: ["service.test"], now: Date.now() });
  await Deno.writeTextFile(file("ca.pem"), authority.certPem);
  await Deno.writeTextFile(file("ca.key"), authority.keyPem);
  await Deno.writeTextFile(file("service.pem"), service.certPem);
  await Deno.writeTextFile(file("service.key"), service.keyPem);
  await makeClientCertificate();
  for (const version of ["tls12", "tls13"] as const) {
    const pair = ["-cert", file("service.pem"), "-key", file("service.key"), "-CAfile", file("ca.pem")];
    const flags = [
      "-Verify",
      "1",
      "-verify_return_error",
      "-www",
      version.replace("tls", "-tls1_").replace("_1", "_"),
    ];
    programs.push(start(["openssl", ["s_server", "-accept", String(ports[version]), ...pair, ...flags]]));
    await listening(ports[version]);
  }
  if (hasRedis) {
    const tls = ["--tls-cert-file", file("service.pem"), "--tls-key-file", file("service.key")];
    const port = ["--port", "0", "--tls-port", String(ports.redis), "--bind", "127.0.0.1", "--save", ""];
    programs.push(start(["redis-server", [...port, ...tls, "--tls-ca-cert-file", file("ca.pem")]]));
    await listening(ports.redis);
  }
  const trust = `tls_server_name: service.test, tls_custom_ca_file: ${file("ca.pem")}`;
  const pair = `tls_client_cert_file: ${file("client.pem")}, tls_client_key_file: ${file("client.key")}`;
  const route = (name: string, port: number, keys: string) =>
    `  - { from: "tcp+https://${name}.test:1", to: "tls://127.0.0.1:${port}", ${keys}, allow_public_unauthenticated_access: true }\n`;
  gateway = await startTestGateway(
    "routes:\n" +
      Object.entries(ports).map(([name, port]) =>
        route(`with-${name}`, port, `${trust}, ${pair}`) + route(`without-${name}`, port, trust) +
        route(`untrusted-${name}`, port, `tls_server_name: service.test, ${pair}`) +
        route(`misnamed-${name}`, port, `tls_custom_ca_file: ${file("ca.pem")}, ${pair}`) +
        route(`skipped-${name}`, port, `tls_skip_verify: true, ${pair}`)
      ).join(""),
  );
});

afterAll(async () => {
  if (!hasOpenssl) return;
  await gateway[Symbol.asyncDispose]();
  for (const program of programs) await program[Symbol.asyncDispose]();
  await Deno.remove(folder, { recursive: true });
});

async function page(name: string): Promise<{ status: number; error: string; text: string }> {
  const { status, headers, stream } = await gateway.connect(`${name}.test:1`);
  const error = /error=(\w+)/.exec(headers.get("proxy-status") ?? "")?.[1] ?? "";
  if (status === 200) await stream.write(utf8("GET / HTTP/1.0\r\n\r\n"));
  const text = fromUtf8(await readAll(stream));
  stream.close();
  return { status, error, text };
}

describe.skipIf(!hasOpenssl)("openssl s_server -Verify 1 behind a tls:// route", () => {
  it.each(["tls12", "tls13"])(
    "accepts the client certificate of the route over %s, and shows it",
    async (version) => {
      const { status, text } = await page(`with-${version}`);
      expect(status).toBe(200);
      expect(text).toMatch(/Client certificate[\s\S]*Subject: CN ?= ?gateway client/);
    },
  );

  it("refuses without one, over TLS 1.2 before the tunnel is there", async () => {
    expect(await page("without-tls12")).toMatchObject({ status: 503, error: "tls_alert_received" });
  });

  it("refuses without one, over TLS 1.3 when the tunnel is there", async () => {
    const { status, text } = await page("without-tls13");
    expect([status, text]).toEqual([200, ""]);
    expect(await gateway.line("tunnel ended")).toBeDefined();
  });

  it.each(["untrusted", "misnamed"])("is not trusted when %s", async (how) => {
    expect(await page(`${how}-tls13`)).toMatchObject({ status: 503, error: "tls_certificate_error" });
  });

  it("is reached with tls_skip_verify, of which the log warns", async () => {
    expect((await page("skipped-tls13")).text).toContain("gateway client");
    const warnings = gateway.lines.filter(({ message }) => String(message).includes("tls_skip_verify"));
    expect(warnings.map(({ level, route }) => [level, route])).toContainEqual([
      "warn",
      "tcp+https://skipped-tls13.test:1",
    ]);
  });
});

describe.skipIf(!hasOpenssl || !hasRedis)("redis-server with TLS behind a tls:// route", () => {
  it("answers, and takes large values", async () => {
    const { status, stream } = await gateway.connect("with-redis.test:1");
    expect(status).toBe(200);
    await stream.write(utf8("PING\r\n"));
    expect(await readExactly(stream, 7)).toBe("+PONG\r\n");
    const value = "x".repeat(4_000_000);
    await stream.write(utf8(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${value.length}\r\n${value}\r\n`));
    expect(await readExactly(stream, 5)).toBe("+OK\r\n");
    await stream.write(utf8("GET k\r\n"));
    expect(await readExactly(stream, 10 + value.length)).toBe(`$4000000\r\n${value}`);
    stream.close();
  });
});
