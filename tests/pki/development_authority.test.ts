import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeCertificate } from "../../lib/pki/describe_certificate.ts";
import {
  createAuthority,
  type IssuedCertificate,
  issueServerCertificate,
} from "../../lib/pki/development_authority.ts";
import { requirePeer } from "../_support/peers.ts";
import { NOW } from "./_pairs.ts";

const DAY_MS = 86_400_000;
const NAMES = ["gateway.example.com", "*.example.org", "127.0.0.1", "::1"];

let directory: string;
let authority: IssuedCertificate;
let server: IssuedCertificate;
beforeAll(async () => {
  directory = await Deno.makeTempDir();
  authority = await createAuthority({ now: NOW, commonName: `O'Hara, "Dev" + CA=1` });
  server = await issueServerCertificate({ authority, names: NAMES, now: NOW });
  for (
    const [name, text] of Object.entries({ ...prefixed("ca", authority), ...prefixed("server", server) })
  ) {
    Deno.writeTextFileSync(join(directory, name), text);
  }
});
afterAll(() => Deno.remove(directory, { recursive: true }));

function prefixed(name: string, issued: IssuedCertificate): Record<string, string> {
  return { [`${name}.pem`]: issued.certPem, [`${name}.key`]: issued.keyPem };
}

async function openssl(...args: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("openssl", { args, cwd: directory }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

describe("createAuthority()", () => {
  it("makes a certificate good for ten years from an hour ago", () => {
    const { notBefore, notAfter, dnsNames } = describeCertificate(authority.certPem);
    expect(notBefore).toBe(NOW - 3_600_000);
    expect(notAfter).toBe(NOW + 3650 * DAY_MS);
    expect(dnsNames).toEqual([]);
  });

  it.each(["", "x".repeat(65)])("refuses the common name %j", async (commonName) => {
    await expect(createAuthority({ now: NOW, commonName })).rejects.toThrow(RangeError);
  });
});

describe("issueServerCertificate()", () => {
  it("carries the names and lives at most 397 days", () => {
    const { dnsNames, ipAddresses, notBefore, notAfter } = describeCertificate(server.certPem);
    expect(dnsNames).toEqual(["gateway.example.com", "*.example.org"]);
    expect(ipAddresses).toEqual(["127.0.0.1", "::1"]);
    expect(notBefore).toBeLessThanOrEqual(NOW);
    expect(notAfter - notBefore).toBeLessThanOrEqual(397 * DAY_MS);
  });

  it("never outlives the authority", async () => {
    const now = NOW + 3649 * DAY_MS;
    const late = await issueServerCertificate({ authority, names: ["a.example"], now });
    expect(describeCertificate(late.certPem).notAfter).toBe(NOW + 3650 * DAY_MS);
  });

  it("refuses an authority that has expired", async () => {
    const now = NOW + 3650 * DAY_MS;
    await expect(issueServerCertificate({ authority, names: ["a.example"], now }))
      .rejects.toMatchObject({ code: "pki/expired" });
  });

  it.each([
    ["no name", []],
    ["more than 100 names", Array.from({ length: 101 }, (_, i) => `n${i}.example`)],
    ["an empty name", [""]],
    ["a name with a line end", ["a.example\n.com"]],
    ["a wildcard inside", ["a.*.example"]],
    ["a URL", ["https://a.example"]],
  ])("refuses %s", async (_, names) => {
    await expect(issueServerCertificate({ authority, names, now: NOW }))
      .rejects.toMatchObject({ code: "pki/bad-name" });
  });

  it.each<[string, Partial<IssuedCertificate>, string]>([
    ["certificate", { certPem: "nonsense" }, "pki/bad-certificate"],
    ["key", { keyPem: "nonsense" }, "pki/bad-key"],
  ])("refuses an authority without a %s", async (_, broken, code) => {
    const issued = issueServerCertificate({
      authority: { ...authority, ...broken },
      names: ["a.example"],
      now: NOW,
    });
    await expect(issued).rejects.toMatchObject({ code });
  });
});

describe.skipIf(!requirePeer("openssl"))("openssl", () => {
  const at = ["-attime", String(NOW / 1000)];

  it.each([
    ["-verify_hostname", "gateway.example.com"],
    ["-verify_hostname", "any.example.org"],
    ["-verify_ip", "127.0.0.1"],
    ["-verify_ip", "::1"],
  ])("accepts the server certificate with %s %s", async (flag, name) => {
    const args = ["-x509_strict", "-purpose", "sslserver", "-CAfile", "ca.pem", flag, name, "server.pem"];
    expect(await openssl("verify", ...at, ...args)).toBe("server.pem: OK\n");
  });

  it("refuses it for another name", async () => {
    const args = ["-CAfile", "ca.pem", "-verify_hostname", "other.example", "server.pem"];
    expect(await openssl("verify", ...at, ...args)).toContain("hostname mismatch");
  });

  it("refuses a certificate that the server's key has issued", async () => {
    const rogue = await issueServerCertificate({ authority: server, names: ["evil.example"], now: NOW });
    Deno.writeTextFileSync(join(directory, "rogue.pem"), rogue.certPem);
    const args = ["-CAfile", "ca.pem", "-untrusted", "server.pem", "rogue.pem"];
    expect(await openssl("verify", ...at, ...args)).toMatch(/invalid CA certificate|path length constraint/);
  });

  it("reads the extensions as they were meant", async () => {
    const ca = await openssl("x509", "-noout", "-text", "-in", "ca.pem");
    expect(ca).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(ca).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign/);
    const leaf = await openssl("x509", "-noout", "-text", "-in", "server.pem");
    expect(leaf).toMatch(/Version: 3/);
    expect(leaf).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
    expect(leaf).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(leaf).toMatch(/Extended Key Usage: \n?\s*TLS Web Server Authentication\n/);
    expect(leaf).toMatch(/NIST CURVE: P-256/);
    const keyId = /X509v3 Subject Key Identifier: \s+(\S+)/;
    expect(/X509v3 Authority Key Identifier: \s+(\S+)/.exec(leaf)?.[1]).toBe(keyId.exec(ca)?.[1]);
    expect(keyId.exec(leaf)?.[1]).not.toBe(keyId.exec(ca)?.[1]);
  });

  it("reads a positive serial number of 16 bytes, another one for each certificate", async () => {
    const serials = await Promise.all(
      ["ca.pem", "server.pem"].map((file) => openssl("x509", "-noout", "-serial", "-in", file)),
    );
    for (const serial of serials) expect(serial).toMatch(/^serial=[4-7][0-9A-F]{31}\n$/);
    expect(serials[0]).not.toBe(serials[1]);
  });

  it("reads the keys", async () => {
    expect(await openssl("pkey", "-in", "server.key", "-noout", "-check")).toContain("Key is valid");
    expect(await openssl("pkey", "-in", "server.key", "-pubout"))
      .toBe(await openssl("x509", "-in", "server.pem", "-noout", "-pubkey"));
  });
});
