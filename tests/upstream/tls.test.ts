import { execFileSync } from "node:child_process";
import { rootCertificates } from "node:tls";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";
import { serverIdentityFault } from "../../lib/pki/server_identity.ts";
import { nodeOptions } from "../../lib/upstream/_start_tls.ts";
import { openDescriptors, readExactly, until } from "../_support/test_gateway.ts";
import { requirePeer } from "../_support/peers.ts";
import { serveTcp } from "../_support/echo.ts";
import { failureOf, poolWith, resourcesOfTests } from "./_support.ts";

const resources = resourcesOfTests();
const now = Date.now();
const authority = await createAuthority({ now, commonName: "Services" });
const stranger = await createAuthority({ now, commonName: "Strangers" });
const names = ["service.test", "*.wild.test", "127.0.0.1"];
const certificate = await issueServerCertificate({ authority, names, now });
const client = await issueServerCertificate({ authority, names: ["client.test"], now });
const files = {
  "ca.pem": authority.certPem,
  "stranger.pem": stranger.certPem,
  "cert.pem": client.certPem,
  "key.pem": client.keyPem,
};
/** Keys with which the platform's own TLS speaks, and such with which `node:tls` does. */
const TRUST = {
  "certificate_authority": {},
  "tls_custom_ca_file": { tls_custom_ca_file: "ca.pem" },
} as const;
const CLIENT = { tls_client_cert_file: "cert.pem", tls_client_key_file: "key.pem" };

interface ServeOptions {
  readonly alpnProtocols?: string[];
  readonly pair?: { readonly certPem: string; readonly keyPem: string };
}

/** A service with TLS. */
function serveTls(handle: (conn: Deno.TlsConn) => Promise<void>, options: ServeOptions = {}): number {
  const { pair: { certPem: cert, keyPem: key } = certificate, ...rest } = options;
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key, ...rest });
  const conns: Deno.TlsConn[] = [];
  resources.add({
    [Symbol.dispose]() {
      listener.close();
      for (const conn of conns) {
        try {
          conn.close();
        } catch {
          // It was closed.
        }
      }
    },
  });
  void (async () => {
    for await (const conn of listener) {
      conns.push(conn);
      handle(conn).catch(() => {});
    }
  })();
  return listener.addr.port;
}

async function echoTls(conn: Deno.TlsConn): Promise<void> {
  const bytes = new Uint8Array(4096);
  for (let count = await conn.read(bytes); count !== null; count = await conn.read(bytes)) {
    await conn.write(bytes.subarray(0, count));
  }
  await conn.closeWrite();
}

/** A pool for a route over TLS, with the authority of these services at the top level. */
async function poolOver(port: number, keys: Readonly<Record<string, unknown>> = {}) {
  const made = await poolWith({ to: `tls://127.0.0.1:${port}`, ...keys }, { files });
  const { route, pool } = made;
  const { authorities } = route.upstreamTls;
  pool.update({
    ...route,
    upstreamTls: {
      ...route.upstreamTls,
      authorities: authorities ?? { pem: authority.certPem, isAll: false },
    },
  });
  return made;
}

describe.each(Object.entries(TRUST))("TLS with a service, trusted by %s", (_, trust) => {
  it.each([
    ["its address", {}],
    ["tls_server_name", { tls_server_name: "service.test" }],
    ["tls_upstream_server_name over tls_server_name", {
      tls_server_name: "nobody.test",
      tls_upstream_server_name: "service.test",
    }],
    ["a wildcard", { tls_server_name: "a.wild.test" }],
  ])("carries bytes and both ends, by %s", async (_, keys) => {
    const { pool, grant } = await poolOver(serveTls(echoTls), { ...trust, ...keys });
    const { stream, alpn } = await pool.connect(grant);
    await stream.write(utf8("ping"));
    expect(await readExactly(stream, 4)).toBe("ping");
    await stream.closeWrite();
    expect(await stream.read(new Uint8Array(1))).toBe(null);
    expect(alpn).toBe(null);
    stream.close();
  });

  it.each(["nobody.test", "wild.test", "a.b.wild.test", "127.0.0.2", "::1"])(
    "does not believe its certificate for %s",
    async (name) => {
      const { pool, grant } = await poolOver(serveTls(echoTls), {
        ...trust,
        tls_server_name: bracketed(name),
      });
      expect((await failureOf(pool.connect(grant))).code).toBe("dial/tls-untrusted");
    },
  );

  it("does not believe the certificate of a stranger", async () => {
    const pair = await issueServerCertificate({ authority: stranger, names, now });
    const { pool, grant } = await poolOver(serveTls(echoTls, { pair }), trust);
    expect((await failureOf(pool.connect(grant))).code).toBe("dial/tls-untrusted");
  });

  it("does not believe an expired certificate", async () => {
    const pair = await issueServerCertificate({ authority, names, now: now - 400 * 86_400_000 });
    const { pool, grant } = await poolOver(serveTls(echoTls, { pair }), trust);
    expect((await failureOf(pool.connect(grant))).code).toBe("dial/tls-untrusted");
  });

  it.each([["h2", ["h2", "http/1.1"]], ["http/1.1", ["http/1.1"]]])(
    "says that it chose %s",
    async (chosen, alpnProtocols) => {
      const { pool, grant } = await poolOver(serveTls(echoTls, { alpnProtocols }), trust);
      const { stream, alpn } = await pool.connect(grant, { alpn: ["h2", "http/1.1"] });
      stream.close();
      expect(alpn).toBe(chosen);
    },
  );

  it("fails for a service that speaks no TLS, and for one that says nothing, and leaves no connection", async () => {
    const service = serveTcp(async (conn) => void await conn.write(utf8("SSH-2.0-x\r\n")));
    const silent = serveTcp(() => new Promise(() => {}));
    resources.add(service).add(silent);
    const before = openDescriptors();
    const { pool, grant } = await poolOver(service.port, trust);
    expect((await failureOf(pool.connect(grant))).code).toBe("dial/tls-failed");
    const other = await poolOver(silent.port, trust);
    const { code } = await failureOf(other.pool.connect(other.grant, { timeoutMs: 100 }));
    expect(code).toBe("dial/timeout");
    await until(() => openDescriptors() <= before + 1);
  });

  it("reads no more than it is asked for, and loses nothing of what a slow reader leaves", async () => {
    const total = 256 * 1024 * 1024;
    let sent = 0;
    const port = serveTls(async (conn) => {
      const bytes = new Uint8Array(64 * 1024);
      while (sent < total) sent += await conn.write(bytes);
      await conn.closeWrite();
    });
    const { pool, grant } = await poolOver(port, trust);
    const { stream } = await pool.connect(grant);
    const into = new Uint8Array(64 * 1024);
    let received = (await stream.read(into))!;
    let last = -1;
    // Until the service is held up.
    await until(() => last === (last = sent) && sent > 0);
    expect(sent).toBeLessThan(total / 4);
    for (let count = await stream.read(into); count !== null; count = await stream.read(into)) {
      received += count;
    }
    expect(received).toBe(total);
    stream.close();
  });
});

describe("the trust in a service", () => {
  it("is not in an authority that tls_custom_ca does not hold", async () => {
    const { pool, grant } = await poolOver(serveTls(echoTls), { tls_custom_ca_file: "stranger.pem" });
    expect((await failureOf(pool.connect(grant))).code).toBe("dial/tls-untrusted");
  });

  it("is replaced by tls_custom_ca, and added to by certificate_authority", () => {
    const tls = { serverName: null, skipVerify: false, clientCertificate: null };
    const trusted = (isAll: boolean) =>
      nodeOptions({ tls: { ...tls, authorities: { pem: "PEM", isAll } }, host: "a.test", alpn: [] }).ca;
    expect(trusted(true)).toBe("PEM");
    expect(trusted(false)).toEqual([...rootCertificates, "PEM"]);
  });

  it("is that in anybody with tls_skip_verify, over a wrong authority", async () => {
    const pair = await issueServerCertificate({ authority: stranger, names: ["other.test"], now });
    const { pool, grant } = await poolOver(serveTls(echoTls, { pair }), {
      tls_skip_verify: true,
      tls_custom_ca_file: "ca.pem",
      tls_server_name: "nobody.test",
    });
    const { stream } = await pool.connect(grant);
    await stream.write(utf8("ping"));
    expect(await readExactly(stream, 4)).toBe("ping");
    stream.close();
  });

  it("with a client certificate is that in the authorities of the top level, too", async () => {
    const { pool, grant } = await poolOver(serveTls(echoTls), CLIENT);
    const { stream } = await pool.connect(grant);
    await stream.write(utf8("ping"));
    expect(await readExactly(stream, 4)).toBe("ping");
    stream.close();
  });

  it("with a client certificate is not less", async () => {
    const pair = await issueServerCertificate({ authority: stranger, names, now });
    const { pool, grant } = await poolOver(serveTls(echoTls, { pair }), CLIENT);
    expect((await failureOf(pool.connect(grant))).code).toBe("dial/tls-untrusted");
  });

  it.skipIf(!requirePeer("openssl"))("does not extend to a certificate of version 1", async () => {
    const folder = await Deno.makeTempDir();
    const file = (name: string) => `${folder}/${name}`;
    await Deno.writeTextFile(file("ca.pem"), authority.certPem);
    await Deno.writeTextFile(file("ca.key"), authority.keyPem);
    const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe", encoding: "utf8" });
    const subject = ["-subj", "/CN=service.test", "-keyout", file("key"), "-out", file("csr")];
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", ...subject);
    const issuer = ["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-set_serial", "7"];
    openssl("x509", "-req", "-in", file("csr"), ...issuer, "-out", file("cert"), "-outform", "DER");
    const der = await Deno.readFile(file("cert"));
    expect(serverIdentityFault(der, "service.test")?.message).toContain("version 3");
    await Deno.remove(folder, { recursive: true });
  });
});

function bracketed(name: string): string {
  return name.includes(":") ? `[${name}]` : name;
}
