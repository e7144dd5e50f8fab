import { beforeAll, describe, expect, it } from "vitest";
import { parseCrlBundle } from "../../lib/pki/bundle.ts";
import { parseCrl } from "../../lib/pki/crl.ts";
import { CrlSet } from "../../lib/pki/crl_set.ts";
import { type PathOptions, validatePath } from "../../lib/pki/validate_path.ts";
import {
  ascii,
  type CrlForgery,
  der,
  Entity,
  extension,
  extensions,
  name,
  names,
  newKeys,
  SIGN_CERTIFICATES,
} from "./_forge.ts";
import { NOW } from "./_pairs.ts";

let root: Entity;
let ca: Entity;
let leaf: Entity;
beforeAll(async () => {
  root = await Entity.root("Root");
  ca = await root.issueAuthority("CA", { serial: "0a" });
  leaf = await ca.issue({ serial: "0b" });
});

const pem = (list: Uint8Array) => `-----BEGIN X509 CRL-----\n${list.toBase64()}\n-----END X509 CRL-----\n`;
const pointName = (url: string) => der.context(0, der.context(0, names.uri(url)));
const scope = (...parts: Uint8Array[]) => extension("2.5.29.28", der.seq(...parts), true);

function validate(
  lists: readonly Uint8Array<ArrayBuffer>[],
  { of = leaf, via = [ca], ...options }: Partial<PathOptions> & { of?: Entity; via?: Entity[] } = {},
) {
  return validatePath(of.certificate, {
    intermediates: via.map(({ certificate }) => certificate),
    anchors: [root.certificate],
    now: NOW,
    purpose: "client-auth",
    crls: new CrlSet(lists.map(parseCrl)),
    ...options,
  });
}

const failing = (code: string, index: number) => expect.objectContaining({ code, index });

describe("parseCrl()", () => {
  it("reads what it says", async () => {
    const list = parseCrl(await ca.revoke(["0b", "7f01"]));
    expect(list).toMatchObject({ thisUpdate: NOW - 86_400_000, nextUpdate: NOW + 86_400_000 });
    expect(list.revoked).toEqual(new Set(["0b", "7f01"]));
    expect(list.issuer.key).toBe(ca.certificate.subject.key);
  });

  it.each<[string, CrlForgery, string]>([
    [
      "a list of changes",
      { extensions: [extension("2.5.29.27", der.int("01"), true)] },
      "pki/unsupported-crl",
    ],
    [
      "an indirect list",
      { extensions: [scope(der.implicit(4, Uint8Array.of(0xff)))] },
      "pki/unsupported-crl",
    ],
    ["one with entries of other issuers", {
      entry: extension("2.5.29.29", der.seq(names.directory(name("X"))), true),
    }, "pki/unsupported-crl"],
    [
      "one of attribute certificates",
      { extensions: [scope(der.implicit(5, Uint8Array.of(0xff)))] },
      "pki/unsupported-crl",
    ],
    [
      "an unknown critical extension",
      { extensions: [extension("1.2.3", der.seq(), true)] },
      "pki/unsupported-crl",
    ],
    [
      "an unknown critical extension of an entry",
      { entry: extension("1.2.3", der.seq(), true) },
      "pki/unsupported-crl",
    ],
    ["one that is never renewed", { withoutNextUpdate: true }, "pki/bad-crl"],
    ["one of users and of authorities only", {
      extensions: [scope(der.implicit(1, Uint8Array.of(0xff)), der.implicit(2, Uint8Array.of(0xff)))],
    }, "pki/bad-crl"],
    ["an extension that stands there twice", {
      extensions: [extension("2.5.29.20", der.int("01")), extension("2.5.29.20", der.int("01"))],
    }, "pki/bad-crl"],
  ])("refuses %s", async (_, forgery, code) => {
    const list = await ca.revoke(["0b"], forgery);
    expect(() => parseCrl(list)).toThrow(expect.objectContaining({ code }));
  });

  it("takes extensions that nothing depends on", async () => {
    const number = extension("2.5.29.20", der.int("01"));
    const reason = extension("2.5.29.21", der.tlv(0x0a, Uint8Array.of(1)));
    expect(parseCrl(await ca.revoke(["0b"], { extensions: [number], entry: reason })).revoked.size).toBe(1);
  });
});

describe("parseCrlBundle()", () => {
  it("reads one list in DER and many in PEM", async () => {
    const lists = [await ca.revoke([]), await root.revoke(["01"])];
    expect(parseCrlBundle(lists[0]!)).toHaveLength(1);
    expect(
      parseCrlBundle(ascii(`A text\n${lists.map(pem).join("and more\n")}`)).map(({ revoked }) =>
        revoked.size
      ),
    )
      .toEqual([0, 1]);
  });

  it.each([
    ["an empty file", ""],
    ["a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
    ["a block without end", "-----BEGIN X509 CRL-----\nAAAA\n"],
    ["a block that is not base64", "-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----\n"],
    ["a block of something else", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"],
  ])("refuses %s", (_, text) => {
    expect(() => parseCrlBundle(ascii(text))).toThrow(expect.objectContaining({ code: "pki/bad-crl" }));
  });
});

describe("validatePath() with revocation lists", () => {
  it("refuses a leaf that its issuer has revoked", async () => {
    await expect(validate([await ca.revoke(["0b"])])).rejects.toThrow(failing("pki/path-revoked", 0));
  });

  it("accepts one that is not listed, or of whose issuer there is no list", async () => {
    expect((await validate([await ca.revoke(["0a"])])).chain).toHaveLength(3);
    expect((await validate([await root.revoke(["0b"])])).chain).toHaveLength(3);
  });

  it("refuses that as well when a list is required", async () => {
    const result = validate([await root.revoke([])], { requireCrl: true });
    await expect(result).rejects.toThrow(failing("pki/path-crl-missing", 0));
    expect((await validate([await ca.revoke([])], { requireCrl: true })).chain).toHaveLength(3);
  });

  it("looks up intermediates when told so", async () => {
    const list = await root.revoke(["0a"]);
    expect((await validate([list])).chain).toHaveLength(3);
    await expect(validate([list], { crlCheck: "chain" })).rejects.toThrow(failing("pki/path-revoked", 1));
  });

  it("takes another path around an intermediate that is revoked", async () => {
    const again = await root.issueAuthority("CA", { keys: ca.keys, serial: "0c" });
    const { chain } = await validate([await root.revoke(["0a"])], { crlCheck: "chain", via: [ca, again] });
    expect(chain[1]?.serialNumber).toBe("0c");
  });

  it.each<[string, CrlForgery, string]>([
    ["has ended", { nextUpdate: NOW - 1000 }, "pki/path-crl-expired"],
    ["has not begun", { thisUpdate: NOW + 1000 }, "pki/path-crl-not-yet-valid"],
  ])("refuses everything of an issuer whose list %s", async (_, forgery, code) => {
    await expect(validate([await ca.revoke([], forgery)])).rejects.toThrow(failing(code, 0));
  });

  it("needs one good list beside one that has ended", async () => {
    const lists = [await ca.revoke([], { nextUpdate: NOW - 1000 }), await ca.revoke([])];
    expect((await validate(lists)).chain).toHaveLength(3);
  });

  it("holds what an ended list has revoked", async () => {
    const lists = [await ca.revoke([]), await ca.revoke(["0b"], { nextUpdate: NOW - 1000 })];
    await expect(validate(lists)).rejects.toThrow(failing("pki/path-revoked", 0));
  });

  it("refuses a list with another one's signature", async () => {
    const forged = await (await Entity.root("CA")).revoke([]);
    await expect(validate([forged])).rejects.toThrow(failing("pki/path-crl-signature", 0));
  });

  it("refuses a list of an issuer that may not sign lists", async () => {
    const usage = [extensions.authority(), extensions.keyUsage(SIGN_CERTIFICATES)];
    const mute = await root.issueAuthority("CA", { extensions: usage });
    const result = validate([await mute.revoke([])], { of: await mute.issue(), via: [mute] });
    await expect(result).rejects.toThrow(failing("pki/path-crl-signature", 0));
  });

  it("takes a list that another certificate of the issuer has signed, under the same anchor", async () => {
    const signer = await ca.issue({ subject: "CA", extensions: [extensions.keyUsage("0102")], serial: "0c" });
    const list = await signer.revoke(["0b"]);
    await expect(validate([list], { via: [ca, signer] })).rejects.toThrow(
      failing("pki/path-crl-signature", 0),
    );
    const good = await ca.revoke([]);
    await expect(validate([list, good], { via: [ca, signer] })).rejects.toThrow(
      failing("pki/path-revoked", 0),
    );
  });

  it("does not take one that a namesake under another anchor has signed", async () => {
    const other = await Entity.root("Other");
    const namesake = await other.issueAuthority("CA");
    const result = validate([await namesake.revoke([])], {
      via: [ca, namesake],
      anchors: [root.certificate, other.certificate],
    });
    await expect(result).rejects.toThrow(failing("pki/path-crl-signature", 0));
  });

  it.each<[string, Uint8Array[], string | null]>([
    ["of users", [der.implicit(1, Uint8Array.of(0xff))], null],
    ["of authorities", [der.implicit(2, Uint8Array.of(0xff))], "pki/path-crl-missing"],
    ["of some reasons", [der.implicit(3, Uint8Array.of(5, 0x60))], "pki/path-crl-missing"],
    ["of its distribution point", [pointName("http://a.example/1")], null],
    ["of another distribution point", [pointName("http://a.example/2")], "pki/path-crl-missing"],
  ])("knows whether a list %s speaks of a leaf", async (_, parts, code) => {
    const point = extension("2.5.29.31", der.seq(der.seq(pointName("http://a.example/1"))));
    const of = await ca.issue({ extensions: [point], serial: "0b" });
    const result = validate([await ca.revoke([], { extensions: [scope(...parts)] })], {
      of,
      requireCrl: true,
    });
    if (code === null) expect((await result).chain).toHaveLength(3);
    else await expect(result).rejects.toThrow(failing(code, 0));
    const listed = await ca.revoke(["0b"], { extensions: [scope(...parts)] });
    await expect(validate([listed], { of })).rejects.toThrow(failing("pki/path-revoked", 0));
  });

  it("does not take a list of the issuer for the one of somebody else that a leaf names", async () => {
    const somebody = der.context(2, names.directory(name("Somebody")));
    const point = extension("2.5.29.31", der.seq(der.seq(pointName("http://a.example/1"), somebody)));
    const of = await ca.issue({ extensions: [point] });
    const list = await ca.revoke([], { extensions: [scope(pointName("http://a.example/1"))] });
    await expect(validate([list], { of, requireCrl: true })).rejects.toThrow(
      failing("pki/path-crl-missing", 0),
    );
  });

  it("verifies a list once", async () => {
    const crls = new CrlSet([parseCrl(await ca.revoke([]))]);
    for (const maxSignatures of [3, 2]) {
      expect((await validate([], { crls, maxSignatures })).chain).toHaveLength(3);
    }
  });

  it("verifies no list beyond its budget", async () => {
    const lists = await Promise.all(Array.from({ length: 100 }, async () => {
      return await (await Entity.root("CA", { keys: await newKeys() })).revoke([]);
    }));
    await expect(validate(lists)).rejects.toThrow(
      expect.objectContaining({ code: "pki/path-too-much-work" }),
    );
  });
});
