import { beforeAll, describe, expect, it } from "vitest";
import { parseCertificate } from "../../lib/pki/certificate.ts";
import { parseCrl } from "../../lib/pki/crl.ts";
import { CrlSet } from "../../lib/pki/crl_set.ts";
import { type PathOptions, validatePath } from "../../lib/pki/validate_path.ts";
import {
  CLIENT_AUTH,
  der,
  Entity,
  extension,
  extensions,
  type Forgery,
  names,
  SERVER_AUTH,
} from "../pki/_forge.ts";
import { NOW } from "../pki/_pairs.ts";

let root: Entity;
let ca: Entity;
beforeAll(async () => {
  root = await Entity.root("Root");
  ca = await root.issueAuthority("CA", { serial: "0a" });
});

function present(leaf: Entity, options: Partial<PathOptions> & { with?: Entity[] } = {}) {
  return validatePath(leaf.certificate, {
    intermediates: (options.with ?? [ca]).map(({ certificate }) => certificate),
    anchors: [root.certificate],
    now: NOW,
    purpose: "client-auth",
    ...options,
  });
}

async function codeOf(attempt: () => unknown): Promise<string | undefined> {
  try {
    await attempt();
    return "valid";
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

describe("a forger", () => {
  it.each<[string, Forgery, string]>([
    ["shows a copy of a certificate of version 1", { version: 1, extensions: [] }, "pki/path-version"],
    [
      "shows a server's certificate",
      { extensions: [extensions.extendedKeyUsage(SERVER_AUTH)] },
      "pki/path-extended-key-usage",
    ],
    ["shows a certificate that ended a second ago", { notAfter: NOW - 1000 }, "pki/path-expired"],
    ["shows a certificate that begins in a second", { notBefore: NOW + 1000 }, "pki/path-not-yet-valid"],
    ["hides a second meaning in an extension that comes twice", {
      extensions: [extensions.extendedKeyUsage(SERVER_AUTH), extensions.extendedKeyUsage(CLIENT_AUTH)],
    }, "pki/bad-certificate"],
    ["uses a negative serial number", { serial: "80" }, "pki/path-serial-number"],
    [
      "demands what is not understood",
      { extensions: [extension("1.2.3.4", der.seq(), true)] },
      "pki/path-unknown-critical-extension",
    ],
  ])("%s", async (_, forgery, code) => {
    expect(await codeOf(async () => await present(await ca.issue(forgery)))).toBe(code);
  });

  it("issues with the key of a certificate that is no authority", async () => {
    const alice = await ca.issue({ subject: "Alice" });
    const mallory = await alice.issue({ subject: "Mallory" });
    expect(await codeOf(() => present(mallory, { with: [alice, ca] }))).toBe("pki/path-not-ca");
  });

  it("issues with an authority that may not have it below", async () => {
    const narrow = await root.issueAuthority("Narrow", { extensions: [extensions.authority(0)] });
    const below = await narrow.issueAuthority("Below");
    expect(await codeOf(async () => await present(await below.issue(), { with: [narrow, below] }))).toBe(
      "pki/path-length",
    );
  });

  it("issues for a name outside the constraint, in an intermediate that hides it", async () => {
    const bound = [extensions.authority(), extensions.permitted(names.email("partner.example"))];
    const partner = await root.issueAuthority("Partner", { extensions: bound });
    const free = await partner.issueAuthority("Partner 2");
    const boss = await free.issue({
      extensions: [extensions.alternativeNames(names.email("boss@example.com"))],
    });
    expect(await codeOf(() => present(boss, { with: [partner, free] }))).toBe("pki/path-name-not-permitted");
  });

  it("loosens a constraint with a self-issued authority", async () => {
    const bound = [extensions.authority(), extensions.permitted(names.dns("partner.example"))];
    const partner = await root.issueAuthority("Partner", { extensions: bound });
    const self = await partner.issueAuthority("Partner");
    const leaf = await self.issue({ extensions: [extensions.alternativeNames(names.dns("example.com"))] });
    expect(await codeOf(() => present(leaf, { with: [self, partner] }))).toBe("pki/path-name-not-permitted");
  });

  it("founds an authority of the same name with a key of their own", async () => {
    const fake = await (await Entity.root("Root")).issueAuthority("CA");
    expect(await codeOf(async () => await present(await fake.issue(), { with: [fake, ca] }))).toBe(
      "pki/path-bad-signature",
    );
    const fakeRoot = await Entity.root("Root");
    expect(await codeOf(async () => await present(await fakeRoot.issue(), { with: [fakeRoot] })))
      .toBe("pki/path-bad-signature");
  });

  it("claims the key identifier of the real authority", async () => {
    const identifier = (id: string, value: Uint8Array) => extension(id, value);
    const real = await root.issueAuthority("CA", {
      extensions: [extensions.authority(), identifier("2.5.29.14", der.octets(Uint8Array.of(1)))],
    });
    const fake = await Entity.root("CA");
    const leaf = await fake.issue({
      extensions: [identifier("2.5.29.35", der.seq(der.implicit(0, Uint8Array.of(1))))],
    });
    expect(await codeOf(() => present(leaf, { with: [real] }))).toBe("pki/path-bad-signature");
  });

  it("goes on with an intermediate that was revoked", async () => {
    const crls = new CrlSet([parseCrl(await root.revoke(["0a"]))]);
    expect(await codeOf(async () => await present(await ca.issue(), { crls, crlCheck: "chain" }))).toBe(
      "pki/path-revoked",
    );
  });

  it("revokes nothing by a list of their own", async () => {
    const crls = new CrlSet([parseCrl(await (await Entity.root("CA")).revoke([]))]);
    expect(await codeOf(async () => await present(await ca.issue(), { crls }))).toBe(
      "pki/path-crl-signature",
    );
  });

  it("encodes in BER what would be read as DER", async () => {
    const { der: bytes } = await ca.issue();
    const indefinite = Uint8Array.from([0x30, 0x80, ...bytes.subarray(4), 0, 0]);
    const padded = Uint8Array.from([0x30, 0x83, 0, ...bytes.subarray(2)]);
    for (const one of [indefinite, padded, Uint8Array.from([...bytes, 0])]) {
      expect(await codeOf(() => parseCertificate(one))).toBe("pki/bad-certificate");
    }
  });

  it("puts a null into a name to have it cut short", async () => {
    const leaf = await ca.issue({
      extensions: [extensions.alternativeNames(names.dns("example.com\0.evil.example"))],
    });
    expect(leaf.certificate.extensions.subjectAlternativeNames).toEqual([
      { type: "dns", value: "example.com\0.evil.example" },
    ]);
  });
});

describe("a certificate that is made to be slow", () => {
  it("has a key of 16,384 bits", async () => {
    const modulus = der.int(`00${"ff".repeat(2048)}`);
    const key = der.seq(modulus, der.int("010001"));
    const spki = der.seq(der.seq(der.oid("1.2.840.113549.1.1.1"), der.tlv(5)), der.bits(key));
    expect(await codeOf(async () => await present(await ca.issue({ spki })))).toBe("pki/path-weak-key");
    const slow = await root.issueAuthority("Slow", { spki });
    expect(await codeOf(async () => await present(await slow.issue(), { with: [slow] }))).toBe(
      "pki/path-weak-key",
    );
  });

  it("has an exponent of 2,048 bits", async () => {
    const key = der.seq(der.int(`00${"ff".repeat(256)}`), der.int(`00${"ff".repeat(256)}`));
    const spki = der.seq(der.seq(der.oid("1.2.840.113549.1.1.1"), der.tlv(5)), der.bits(key));
    expect(await codeOf(async () => await present(await ca.issue({ spki })))).toBe("pki/path-weak-key");
  });

  it("has thousands of names below thousands of constraints", async () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => names.dns(`n${index}.example.com`));
    const bound = await root.issueAuthority("Bound", {
      extensions: [extensions.authority(), extensions.excluded(...many(2000))],
    });
    const leaf = await bound.issue({ extensions: [extensions.alternativeNames(...many(2000))] });
    expect(await codeOf(() => present(leaf, { with: [bound] }))).toBe("pki/path-too-much-work");
  });

  it("is nested thousands of levels deep", async () => {
    let nested = der.seq();
    for (let i = 0; i < 2000; i++) nested = der.seq(nested);
    expect(await codeOf(() => parseCertificate(nested))).toBe("pki/bad-certificate");
    expect(await codeOf(async () => (await ca.issue({ subject: nested })).certificate)).toBe(
      "pki/bad-certificate",
    );
  });

  it("has an object identifier of a thousand bytes", async () => {
    const huge = der.seq(der.tlv(6, new Uint8Array(1000).fill(0x81), Uint8Array.of(1)), der.octets());
    expect(await codeOf(async () => (await ca.issue({ extensions: [huge] })).certificate)).toBe(
      "pki/bad-certificate",
    );
  });

  it("maps all policies to all others, level after level", async () => {
    const policies = Array.from({ length: 20 }, (_, index) => der.oid(`1.2.3.${index}`));
    const pairs = policies.flatMap((left) => policies.map((right) => der.seq(left, right)));
    const maze = [
      extensions.authority(),
      extension("2.5.29.32", der.seq(...policies.map((policy) => der.seq(policy)))),
      extension("2.5.29.33", der.seq(...pairs), true),
    ];
    const line = [root];
    for (let i = 1; i <= 12; i++) {
      line.push(await line.at(-1)!.issueAuthority(`Maze ${i}`, { extensions: maze }));
    }
    // A tree of these would have 20 to the power of 12 nodes.
    const leaf = await line.at(-1)!.issue({ extensions: [maze[1]!] });
    const asked = { policies: { requireExplicit: true, acceptable: ["1.2.3.7"] } };
    const { policies: valid } = await present(leaf, { with: line, ...asked });
    expect(valid).toEqual(["1.2.3.7"]);
    const refused = { policies: { requireExplicit: true, acceptable: ["1.2.3.99"] } };
    expect(await codeOf(() => present(leaf, { with: line, ...refused }))).toBe("pki/path-policy");
  });

  it("comes with hundreds of namesakes of its issuer", async () => {
    const namesakes = await Promise.all(Array.from({ length: 200 }, () => root.issueAuthority("CA")));
    const leaf = await (await Entity.root("CA")).issue();
    expect(await codeOf(() => present(leaf, { with: namesakes }))).toBe("pki/path-too-much-work");
  });
});
