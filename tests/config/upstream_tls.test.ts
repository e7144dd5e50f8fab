import { describe, expect, it } from "vitest";
import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";
import { codesOf, load, oneRoute } from "./_load.ts";

const now = Date.now();
const authority = await createAuthority({ now, commonName: "Test authority" });
const pair = await issueServerCertificate({ authority, names: ["client.test"], now });
const other = await issueServerCertificate({ authority, names: ["other.test"], now });
const files = {
  "ca.pem": authority.certPem,
  "cert.pem": pair.certPem,
  "key.pem": pair.keyPem,
  "other-key.pem": other.keyPem,
  "broken.pem": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
};

const DEFAULTS = { serverName: null, skipVerify: false, authorities: null, clientCertificate: null };

async function tlsOf(
  keys: Readonly<Record<string, unknown>>,
  globals: Readonly<Record<string, unknown>> = {},
) {
  const text = JSON.stringify({ ...JSON.parse(oneRoute({ to: "tls://db:5432", ...keys })), ...globals });
  const { config, complaints } = await load(text, files);
  expect(complaints).toEqual([]);
  return config!.routes[0]!.upstreamTls;
}

describe("loadConfig() reads how TLS is spoken with services:", () => {
  it("as usual", async () => {
    expect(await tlsOf({})).toEqual(DEFAULTS);
  });

  it.each([
    [{ tls_server_name: "A.test" }, "a.test"],
    [{ tls_upstream_server_name: "b.test" }, "b.test"],
    [{ tls_server_name: "a.test", tls_upstream_server_name: "b.test" }, "b.test"],
  ])("with the name of %j", async (keys, serverName) => {
    expect(await tlsOf(keys)).toEqual({ ...DEFAULTS, serverName });
  });

  it("without verifying", async () => {
    expect(await tlsOf({ tls_skip_verify: true })).toEqual({ ...DEFAULTS, skipVerify: true });
  });

  it("with the authorities of the top level beside those of the system", async () => {
    const tls = await tlsOf({}, { certificate_authority_file: "ca.pem" });
    expect(tls.authorities).toEqual({ pem: authority.certPem, isAll: false });
  });

  it.each([
    [{ tls_custom_ca_file: "ca.pem" }],
    [{ tls_custom_ca: btoa(authority.certPem) }],
    [{ tls_custom_ca: btoa(authority.certPem), tls_custom_ca_file: "missing.pem" }],
  ])("with authorities of its own in place of all others: %#", async (keys) => {
    const tls = await tlsOf(keys, { certificate_authority_file: "cert.pem" });
    expect(tls.authorities).toEqual({ pem: authority.certPem, isAll: true });
  });

  it.each([
    [{ tls_client_cert_file: "cert.pem", tls_client_key_file: "key.pem" }, "cert.pem"],
    [{ tls_client_cert: btoa(pair.certPem), tls_client_key: btoa(pair.keyPem) }, "tls_client_cert"],
    [{ tls_client_cert: btoa(pair.certPem), tls_client_key_file: "key.pem" }, "tls_client_cert"],
  ])("with a client certificate: %#", async (keys, source) => {
    expect((await tlsOf(keys)).clientCertificate).toEqual({ ...pair, source });
  });
});

describe("loadConfig() refuses", () => {
  it.each([
    ["tls_client_cert_file without its key", { tls_client_cert_file: "cert.pem" }, "config/incomplete-pair"],
    [
      "tls_client_key without its certificate",
      { tls_client_key: btoa(pair.keyPem) },
      "config/incomplete-pair",
    ],
    ["a key of another certificate", {
      tls_client_cert_file: "cert.pem",
      tls_client_key_file: "other-key.pem",
    }, "config/bad-pair"],
    ["a certificate that is a key", {
      tls_client_cert_file: "key.pem",
      tls_client_key_file: "key.pem",
    }, "config/not-pem"],
    ["a file that is not there", { tls_custom_ca_file: "missing.pem" }, "config/file-unreadable"],
    ["an authority that is no certificate", { tls_custom_ca_file: "broken.pem" }, "config/bad-pair"],
    ["an authority that is no base64", { tls_custom_ca: "!" }, "config/bad-value"],
    ["a name with a wildcard", { tls_server_name: "*.example.com" }, "config/bad-value"],
  ])("%s", async (_, keys, code) => {
    const loaded = await load(oneRoute({ to: "https://web", from: "tcp+https://web:443", ...keys }), files);
    expect(codesOf(loaded)).toEqual([`error ${code}`]);
  });

  it("a pair in place without showing the key", async () => {
    const secret = btoa(other.keyPem);
    const { complaints } = await load(
      oneRoute({ to: "tls://db", tls_client_cert: btoa(pair.certPem), tls_client_key: secret }),
    );
    expect(complaints.map(({ code }) => code)).toEqual(["config/bad-pair"]);
    expect(JSON.stringify(complaints)).not.toContain(secret.slice(0, 40));
  });
});

it.each(["tcp://db:1", "http://proxy:3128"])(
  "TLS keys on a route to %s alone are told to have no effect",
  async (to) => {
    const loaded = await load(oneRoute({ to, tls_skip_verify: true, tls_server_name: "a.test" }));
    expect(codesOf(loaded)).toEqual(["warning config/no-effect", "warning config/no-effect"]);
  },
);

it("files of routes are watched, and count for the digest", async () => {
  const text = oneRoute({ to: "tls://db:1", tls_custom_ca_file: "ca.pem" });
  const first = await load(text, files);
  const second = await load(text, { "ca.pem": `${authority.certPem}\n` });
  expect(first.files).toEqual(["routes.yaml", "ca.pem"]);
  expect(second.digest).not.toBe(first.digest);
});
