import { beforeAll, describe, expect, it } from "vitest";
import { describeCertificate } from "../../lib/pki/describe_certificate.ts";
import { type CertificatePair, ServerCertificates } from "../../lib/pki/server_certificates.ts";
import { requirePeer } from "../_support/peers.ts";
import { pairFor } from "./_pairs.ts";

let first: CertificatePair;
let exact: CertificatePair;
let wildcard: CertificatePair;
let certificates: ServerCertificates;
beforeAll(async () => {
  [first, wildcard, exact] = await Promise.all([
    pairFor("first.example", "192.0.2.1", "2001:db8::1"),
    pairFor("*.example.com"),
    pairFor("www.example.com", "first.example"),
  ]);
  certificates = new ServerCertificates([first, wildcard, exact]);
});

describe("ServerCertificates.select()", () => {
  it.each([
    ["www.example.com", () => exact],
    ["WWW.Example.COM", () => exact],
    ["www.example.com.", () => exact],
    ["db.example.com", () => wildcard],
    ["first.example", () => first],
    ["192.0.2.1", () => first],
    ["2001:DB8:0::1", () => first],
  ])("finds the certificate for %s", (name, pair) => {
    expect(certificates.select(name)).toBe(pair());
    expect(certificates.covers(name)).toBe(true);
  });

  it.each([
    "",
    "example.com",
    "a.b.example.com",
    ".example.com",
    "other.example",
    "192.0.2.2",
    "example.com.evil.example",
  ])("falls back to the first for %j, which is not covered", (name) => {
    expect(certificates.select(name)).toBe(first);
    expect(certificates.covers(name)).toBe(false);
  });
});

describe("ServerCertificates", () => {
  it("lists every name once", () => {
    expect(certificates.names)
      .toEqual(["first.example", "192.0.2.1", "2001:db8::1", "*.example.com", "www.example.com"]);
  });

  it("says when each certificate ends", () => {
    const { notAfter } = describeCertificate(first.certPem);
    expect(certificates.certificates[0]).toMatchObject({ pair: first, notAfter });
  });

  it("takes a chain, whose first certificate counts", () => {
    const chain = { ...exact, certPem: `Some text\n${exact.certPem}\n${wildcard.certPem}` };
    expect(new ServerCertificates([chain]).covers("www.example.com")).toBe(true);
    expect(new ServerCertificates([chain]).covers("db.example.com")).toBe(false);
  });

  it("needs at least one pair", () => {
    expect(() => new ServerCertificates([])).toThrow(TypeError);
  });

  it.each<[string, () => Partial<CertificatePair>, string]>([
    ["a text without certificate", () => ({ certPem: "hello" }), "pki/bad-certificate"],
    ["a key in place of the certificate", () => ({ certPem: first.keyPem }), "pki/bad-certificate"],
    ["a cut-off certificate", () => ({ certPem: cut(first.certPem) }), "pki/bad-certificate"],
    ["a certificate file without end", () => ({ certPem: "x".repeat(1_048_577) }), "pki/bad-certificate"],
    ["a text without key", () => ({ keyPem: "hello" }), "pki/bad-key"],
    ["a cut-off key", () => ({ keyPem: cut(first.keyPem) }), "pki/bad-key"],
    ["a key file without end", () => ({ keyPem: "x".repeat(1_048_577) }), "pki/bad-key"],
    ["the key of another certificate", () => ({ keyPem: exact.keyPem }), "pki/key-mismatch"],
    [
      "a chain that begins with the issuer",
      () => ({ certPem: exact.certPem + first.certPem }),
      "pki/key-mismatch",
    ],
  ])("refuses %s and names its source", (_, broken, code) => {
    const construct = () => new ServerCertificates([{ ...first, source: "line 7", ...broken() }]);
    expect(construct).toThrow(expect.objectContaining({ code, message: expect.stringContaining("line 7") }));
  });

  it("never repeats a key it could not read", () => {
    const keyPem = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0c2VjcmV0\n-----END PRIVATE KEY-----\n";
    try {
      new ServerCertificates([{ ...first, keyPem }]);
      expect.unreachable();
    } catch (error) {
      expect(Deno.inspect(error)).not.toContain("c2VjcmV0");
    }
  });

  it.skipIf(!requirePeer("openssl"))(
    "takes the keys of older openssl, with parameters in front",
    async () => {
      const script = `
      key=$(openssl ecparam -name prime256v1 -genkey); echo "$key"
      echo "$key" | openssl req -x509 -key /dev/stdin -subj /CN=x -addext subjectAltName=DNS:x.example`;
      const made = await new Deno.Command("sh", { args: ["-c", script] }).output();
      const pem = new TextDecoder().decode(made.stdout);
      expect(pem).toContain("-----BEGIN EC PARAMETERS-----");
      expect(new ServerCertificates([{ certPem: pem, keyPem: pem, source: "openssl" }]).names).toEqual([
        "x.example",
      ]);
    },
  );

  it.skipIf(!requirePeer("openssl")).each([
    ["RSA, PKCS#8", ["-newkey", "rsa:2048"]],
    ["P-384", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"]],
    ["Ed25519", ["-newkey", "ed25519"]],
  ])("takes a certificate that openssl has made with %s", async (_, algorithm) => {
    const args = [
      "-x509",
      "-nodes",
      "-subj",
      "/CN=x",
      "-addext",
      "subjectAltName=DNS:x.example",
      "-keyout",
      "-",
    ];
    const { stdout } = await new Deno.Command("openssl", { args: ["req", ...args, ...algorithm] }).output();
    const pem = new TextDecoder().decode(stdout);
    const made = new ServerCertificates([{ certPem: pem, keyPem: pem, source: "openssl" }]);
    expect(made.names).toEqual(["x.example"]);
  });
});

function cut(pem: string): string {
  const lines = pem.trim().split("\n");
  return [...lines.slice(0, 2), lines.at(-1)].join("\n");
}
