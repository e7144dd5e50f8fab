import { createHash, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { parseCertificateBundle } from "../../lib/pki/bundle.ts";
import { MAX_CERTIFICATE_BYTES, parseCertificate } from "../../lib/pki/certificate.ts";
import { formatName } from "../../lib/pki/distinguished_name.ts";
import { ascii, der, Entity, extension, extensions, type Forgery, name, names } from "./_forge.ts";
import { pairFor } from "./_pairs.ts";

const root = await Entity.root("Root");

describe("parseCertificate()", () => {
  it("reads what another library has written as a third one reads it", async () => {
    const { certPem } = await pairFor("www.example.com", "192.0.2.1", "2001:db8::1");
    const [certificate] = parseCertificateBundle(ascii(certPem));
    const peer = new X509Certificate(certPem);
    expect(certificate).toMatchObject({
      version: 3,
      serialNumber: peer.serialNumber.toLowerCase(),
      notBefore: peer.validFromDate.getTime(),
      notAfter: peer.validToDate.getTime(),
      fingerprintSha256: peer.fingerprint256.replaceAll(":", "").toLowerCase(),
    });
    const spki = peer.publicKey.export({ type: "spki", format: "der" });
    expect(certificate!.spki.toHex()).toBe(spki.toString("hex"));
    expect(certificate!.spkiSha256Base64).toBe(createHash("sha256").update(spki).digest("base64"));
    expect(formatName(certificate!.subject)).toBe(peer.subject);
    expect(certificate!.extensions.keyUsage).toEqual(new Set(["digitalSignature"]));
    expect(certificate!.extensions.basicConstraints).toEqual({ isAuthority: false, pathLength: null });
  });

  it("reads alternative names of every kind", async () => {
    const all = [
      names.dns("a.example"),
      names.email("a@example.com"),
      names.uri("https://a.example/x"),
      names.ip("c0000201"),
      names.upn("alice@corp.example"),
      names.directory(name("Alice")),
      der.implicit(8, Uint8Array.of(0x2a, 3)),
    ];
    const { certificate } = await root.issue({ extensions: [extensions.alternativeNames(...all)] });
    const { subjectAlternativeNames } = certificate.extensions;
    expect(subjectAlternativeNames).toMatchObject([
      { type: "dns", value: "a.example" },
      { type: "email", value: "a@example.com" },
      { type: "uri", value: "https://a.example/x" },
      { type: "ip", bytes: Uint8Array.of(192, 0, 2, 1) },
      { type: "upn", value: "alice@corp.example" },
      { type: "directory", name: { rdns: [[{ type: "2.5.4.3", value: "Alice" }]] } },
      { type: "registered-id" },
    ]);
  });

  const twice = [extensions.authority(), extensions.authority()];
  it.each<[string, Forgery]>([
    ["an extension that stands there twice", { extensions: twice }],
    ["an extension with a default written out", {
      extensions: [der.seq(der.oid("2.5.29.19"), der.bool(false), der.octets(der.seq()))],
    }],
    ["basic constraints with a default written out", {
      extensions: [extension("2.5.29.19", der.seq(der.bool(false)))],
    }],
    ["a key usage with trailing zeros", { extensions: [extensions.keyUsage("0080")] }],
    ["a key usage without any", { extensions: [extensions.keyUsage("00")] }],
    ["a list of usages without any", { extensions: [extensions.extendedKeyUsage()] }],
    ["alternative names without any", { extensions: [extensions.alternativeNames()] }],
    ["an address of five bytes", { extensions: [extensions.alternativeNames(names.ip("0102030405"))] }],
    ["a DNS name that is not ASCII", {
      extensions: [extensions.alternativeNames(der.implicit(2, Uint8Array.of(0xe4)))],
    }],
    ["an address range with a hole in its mask", {
      extensions: [extensions.permitted(names.ip("0a000000ff00ff00"))],
    }],
    ["an address range without mask", { extensions: [extensions.permitted(names.ip("0a000000"))] }],
    ["a path length below zero", {
      extensions: [extension("2.5.29.19", der.seq(der.bool(true), der.int("ff")))],
    }],
    ["bytes after the end of an extension", {
      extensions: [extension("2.5.29.19", Uint8Array.of(...der.seq(der.bool(true)), 0))],
    }],
    ["a policy that stands there twice", {
      extensions: [extension("2.5.29.32", der.seq(der.seq(der.oid("1.2.3")), der.seq(der.oid("1.2.3"))))],
    }],
    ["extensions in version 2", { version: 2, extensions: [extensions.authority()] }],
    ["version 1 written out", { version: der.context(0, der.int("00")) }],
    ["version 4", { version: der.context(0, der.int("03")) }],
    ["a serial number with padding", { serial: "0001" }],
    ["a serial number without content", { serial: "" }],
    ["a name in a set that is not in order", {
      subject: der.seq(der.set(attribute("2.5.4.10", "b"), attribute("2.5.4.3", "a"))),
    }],
    ["an object identifier with padding", {
      extensions: [der.seq(der.tlv(6, Uint8Array.of(0x2a, 0x80, 3)), der.octets())],
    }],
    ["an object identifier that is cut off", {
      extensions: [der.seq(der.tlv(6, Uint8Array.of(0x2a, 0x83)), der.octets())],
    }],
    ["a bit string with unused bits that are set", { extensions: [extensions.keyUsage("0781")] }],
    ["a bit string with nine unused bits", { extensions: [extensions.keyUsage("0980")] }],
    ["a tag number above 30", { subject: der.seq(der.tlv(0x3f, der.seq())) }],
    ["a real number", { subject: der.seq(der.set(der.seq(der.oid("2.5.4.3"), der.tlv(9)))) }],
    ["a name with a short length in the long form", {
      subject: Uint8Array.of(0x30, 0x81, name("Leaf").length - 2, ...name("Leaf").subarray(2)),
    }],
    ["a relative name without attributes", { subject: der.seq(der.set()) }],
    ["a PrintableString with other characters", {
      subject: der.seq(der.set(der.seq(der.oid("2.5.4.3"), der.printable("a@b")))),
    }],
    ["a text that is not UTF-8", {
      subject: der.seq(der.set(der.seq(der.oid("2.5.4.3"), der.tlv(0x0c, Uint8Array.of(0xff))))),
    }],
    ["an object identifier of 65 bytes", {
      extensions: [der.seq(der.tlv(6, new Uint8Array(65).fill(1)), der.octets())],
    }],
    ["a truth value of 01", {
      extensions: [der.seq(der.oid("1.2.3"), der.tlv(1, Uint8Array.of(1)), der.octets())],
    }],
    ["a string in pieces", {
      subject: der.seq(der.set(der.seq(der.oid("2.5.4.3"), der.tlv(0x2c, der.utf8("a"))))),
    }],
  ])("refuses %s", async (_, forgery) => {
    const made = await root.issue(forgery);
    expect(() => made.certificate).toThrow(expect.objectContaining({ code: "pki/bad-certificate" }));
  });

  it("takes the certificate that those differ from", async () => {
    const attributes = [attribute("2.5.4.3", "a"), attribute("2.5.4.10", "b")];
    const made = await root.issue({ subject: der.seq(der.set(...attributes)) });
    expect(formatName(made.certificate.subject)).toBe("CN=a+O=b");
  });

  it.each<[string, (bytes: number[]) => number[]]>([
    ["nothing", () => []],
    ["a certificate without its last byte", (bytes) => bytes.slice(0, -1)],
    ["a byte after its end", (bytes) => [...bytes, 0]],
    ["an indefinite length", (bytes) => [0x30, 0x80, ...bytes.slice(4), 0, 0]],
    ["a length that is not minimal", (bytes) => [0x30, 0x83, 0, ...bytes.slice(2)]],
    ["something else in DER", () => [5, 0]],
    ["an empty sequence", () => [0x30, 0]],
  ])("refuses %s", (_, change) => {
    const bytes = Uint8Array.from(change([...root.der]));
    expect(() => parseCertificate(bytes)).toThrow(expect.objectContaining({ code: "pki/bad-certificate" }));
  });

  it("refuses a certificate whose two signature algorithms differ", () => {
    // ecdsa-with-SHA256 and its sister with SHA-384 differ in one byte.
    const algorithm = der.oid("1.2.840.10045.4.3.2");
    const changed = root.der.slice();
    changed[changed.toHex().lastIndexOf(algorithm.toHex()) / 2 + algorithm.length - 1] = 3;
    expect(() => parseCertificate(changed)).toThrow(/two signature algorithms/);
  });

  it("reads no more than 64 KiB", async () => {
    const filling = (bytes: number) => ({ extensions: [extension("1.2.3", new Uint8Array(bytes))] });
    const spare = MAX_CERTIFICATE_BYTES - (await root.issue(filling(0))).der.length;
    expect((await root.issue(filling(spare - 40))).certificate.version).toBe(3);
    const large = await root.issue(filling(spare + 40));
    expect(() => large.certificate).toThrow(/more than 65536 bytes/);
  });

  it.each([
    ["490101000000Z", 0x17, Date.UTC(2049, 0, 1)],
    ["500101000000Z", 0x17, Date.UTC(1950, 0, 1)],
    ["99991231235959Z", 0x18, Date.UTC(9999, 11, 31, 23, 59, 59)],
  ])("reads the time %s", async (text, tag, expected) => {
    expect((await root.issue({ notAfter: der.tlv(tag, ascii(text)) })).certificate.notAfter).toBe(expected);
  });

  it.each([
    ["2601010000Z", 0x17],
    ["260101000000", 0x17],
    ["260101000000+0000", 0x17],
    ["260230000000Z", 0x17],
    ["260101240000Z", 0x17],
    ["261301000000Z", 0x17],
    ["260101000060Z", 0x17],
    ["20260101000000.5Z", 0x18],
    ["20260101000000", 0x18],
  ])("refuses the time %s", async (text, tag) => {
    const made = await root.issue({ notAfter: der.tlv(tag, ascii(text)) });
    expect(() => made.certificate).toThrow(/a time/);
  });
});

describe("formatName()", () => {
  it.each([
    ["a,b", "CN=a\\,b"],
    [" a ", "CN=\\ a\\ "],
    ["#a", "CN=\\#a"],
    ["a\nb\u202e", "CN=a\\0ab\\e2\\80\\ae"],
    ["x".repeat(300), `CN=${"x".repeat(197)}…`],
  ])("shows %j so that it can be read and printed", async (commonName, expected) => {
    const { certificate } = await root.issue({ subject: commonName });
    expect(formatName(certificate.subject)).toBe(expected);
  });
});

function attribute(type: string, value: string) {
  return der.seq(der.oid(type), der.utf8(value));
}
