import { beforeAll, describe, expect, it } from "vitest";
import { type PathOptions, validatePath } from "../../lib/pki/validate_path.ts";
import {
  CLIENT_AUTH,
  der,
  DIGITAL_SIGNATURE,
  Entity,
  extension,
  extensions,
  type Forgery,
  name,
  names,
  newKeys,
  SERVER_AUTH,
  SIGN_BOTH,
  SIGN_CERTIFICATES,
} from "./_forge.ts";
import { NOW } from "./_pairs.ts";

let root: Entity;
let ca: Entity;
let leaf: Entity;
beforeAll(async () => {
  root = await Entity.root("Root");
  ca = await root.issueAuthority("CA");
  leaf = await ca.issue();
});

function validate(
  subject: Entity,
  options: Partial<PathOptions> & { via?: Entity[]; under?: Entity[] } = {},
) {
  const { via = [ca], under = [root], ...rest } = options;
  return validatePath(subject.certificate, {
    intermediates: via.map(({ certificate }) => certificate),
    anchors: under.map(({ certificate }) => certificate),
    now: NOW,
    purpose: "client-auth",
    ...rest,
  });
}

function failing(code: string, index?: number) {
  return expect.objectContaining(index === undefined ? { code } : { code, index });
}

function tooMuch(what: string) {
  return expect.objectContaining({ code: "pki/path-too-much-work", message: expect.stringContaining(what) });
}

describe("validatePath() builds a path", () => {
  const subjects = (chain: readonly { der: Uint8Array }[], ...entities: Entity[]) =>
    expect(chain.map((one) => one.der.toHex())).toEqual(entities.map((one) => one.der.toHex()));

  it("to the anchor, and says which", async () => {
    const { chain, policies } = await validate(leaf);
    subjects(chain, leaf, ca, root);
    expect(policies).toEqual([]);
  });

  it("through intermediates in any order, among others that do not matter", async () => {
    const below = await ca.issueAuthority("Below");
    const other = await Entity.root("Other");
    const deep = await below.issue();
    for (const via of [[ca, below, other], [below, other, ca], [other, ca, below]]) {
      subjects((await validate(deep, { via })).chain, deep, below, ca, root);
    }
  });

  it("to an intermediate authority that is trusted itself", async () => {
    subjects((await validate(leaf, { via: [], under: [ca] })).chain, leaf, ca);
    subjects((await validate(leaf, { under: [ca, root] })).chain, leaf, ca);
  });

  it("of one certificate when the leaf itself is trusted", async () => {
    subjects((await validate(leaf, { via: [], under: [leaf] })).chain, leaf);
  });

  it("through a cross-certificate when the other way has no anchor", async () => {
    const old = await Entity.root("Old");
    const cross = await old.issueAuthority("Root", { keys: root.keys });
    subjects((await validate(leaf, { via: [root, cross, ca], under: [old] })).chain, leaf, ca, cross, old);
  });

  it("around an expired certificate of the same authority", async () => {
    const expired = await root.issueAuthority("CA", { keys: ca.keys, notAfter: NOW - 1000 });
    for (const via of [[expired, ca], [ca, expired]]) {
      subjects((await validate(leaf, { via })).chain, leaf, ca, root);
    }
  });

  it("around an authority of the same name with another key", async () => {
    const namesake = await root.issueAuthority("CA");
    subjects((await validate(leaf, { via: [namesake, ca] })).chain, leaf, ca, root);
  });

  it("through authorities that have certified each other", async () => {
    const left = await Entity.root("Left");
    const right = await Entity.root("Right");
    const leftByRight = await right.issueAuthority("Left", { keys: left.keys });
    const rightByLeft = await left.issueAuthority("Right", { keys: right.keys });
    const caByLeft = await left.issueAuthority("CA", { keys: ca.keys });
    const via = [leftByRight, rightByLeft, caByLeft];
    await expect(validate(leaf, { via })).rejects.toThrow(failing("pki/path-no-anchor"));
    const rootLast = await root.issueAuthority("Right", { keys: right.keys });
    subjects(
      (await validate(leaf, { via: [...via, rootLast] })).chain,
      leaf,
      caByLeft,
      leftByRight,
      rootLast,
      root,
    );
  });

  it("to an anchor of version 1", async () => {
    const keys = await newKeys();
    const ancient = await Entity.root("Ancient", { version: 1, extensions: [], keys });
    const young = await ancient.issue();
    expect((await validate(young, { under: [ancient] })).chain).toHaveLength(2);
  });

  it("that compares names without letter case and surplus space", async () => {
    const spelled = der.seq(der.set(der.seq(der.oid("2.5.4.3"), der.printable("  rOOt "))));
    const authority = await root.issueAuthority("CA", { issuer: spelled });
    expect((await validate(await authority.issue(), { via: [authority] })).chain).toHaveLength(3);
  });

  it("that compares names however their letters are composed", async () => {
    const anchor = await Entity.root("Caf\u00e9");
    expect((await validate(await anchor.issue({ issuer: name("Cafe\u0301") }), { under: [anchor] })).chain)
      .toHaveLength(2);
    const plain = await anchor.issue({ issuer: name("Cafe") });
    await expect(validate(plain, { under: [anchor] })).rejects.toThrow(failing("pki/path-no-anchor"));
  });

  it("of at most 15 certificates above the leaf", async () => {
    const line = [root];
    for (let i = 1; i <= 15; i++) line.push(await line.at(-1)!.issueAuthority(`CA ${i}`));
    const lowest = line.at(-1)!;
    expect((await validate(await line[14]!.issue(), { via: line })).chain).toHaveLength(16);
    await expect(validate(await lowest.issue(), { via: line })).rejects.toThrow(
      failing("pki/path-no-anchor"),
    );
  });

  it.each([[1, false], [2, true], [0, true]])(
    "of at most %i certificates above the leaf when told so",
    async (maxDepth, isEnough) => {
      const result = validate(leaf, { maxDepth });
      if (isEnough) expect((await result).chain).toHaveLength(3);
      else await expect(result).rejects.toThrow(failing("pki/path-too-deep"));
    },
  );
});

describe("validatePath() throws on misuse", () => {
  it.each([{ now: NaN }, { now: Infinity }, { maxDepth: -1 }, { maxDepth: NaN }])("%j", async (options) => {
    await expect(validate(leaf, options)).rejects.toThrow(RangeError);
  });
});

describe("validatePath() stops", () => {
  it("searching a thicket of namesakes that have certified each other", async () => {
    const keys = await Promise.all(Array.from({ length: 12 }, newKeys));
    const thicket: Entity[] = [];
    for (const signer of keys) {
      const authority = await Entity.root("CA", { keys: signer });
      for (const subject of keys) thicket.push(await authority.issueAuthority("CA", { keys: subject }));
    }
    const lost = await (await Entity.root("CA", { keys: keys[0]! })).issue();
    await expect(validate(lost, { via: thicket })).rejects.toThrow(tooMuch("signatures"));
  });

  it("searching a ladder of authorities that have three certificates each", async () => {
    const ladder = [await Entity.root("Nowhere")];
    for (let level = 1; level <= 10; level++) {
      const keys = await newKeys();
      const above = ladder.at(-1)!;
      for (const serial of ["01", "02", "03"]) {
        ladder.push(await above.issueAuthority(`CA ${level}`, { keys, serial }));
      }
    }
    const lost = await ladder.at(-1)!.issue();
    await expect(validate(lost, { via: ladder })).rejects.toThrow(tooMuch("steps"));
  });

  it("after as many signatures as it may verify", async () => {
    await expect(validate(leaf, { maxSignatures: 1 })).rejects.toThrow(failing("pki/path-too-much-work"));
    expect((await validate(leaf, { maxSignatures: 2 })).chain).toHaveLength(3);
  });
});

describe("validatePath() of a leaf", () => {
  const alternative = extensions.alternativeNames(names.dns("a.example"));
  const critical = extension("2.5.29.17", der.seq(names.dns("a.example")), true);
  it.each<[string, Forgery, string | null]>([
    ["that expires now", { notAfter: NOW }, null],
    ["that expired a second ago", { notAfter: NOW - 1000 }, "pki/path-expired"],
    ["that begins now", { notBefore: NOW }, null],
    ["that begins in a second", { notBefore: NOW + 1000 }, "pki/path-not-yet-valid"],
    ["of version 2", { version: 2, extensions: [] }, "pki/path-version"],
    ["of version 1", { version: 1, extensions: [] }, "pki/path-version"],
    ["with a negative serial number", { serial: "ff" }, "pki/path-serial-number"],
    ["with serial number 0", { serial: "00" }, "pki/path-serial-number"],
    ["with a serial number of 20 bytes", { serial: `00${"ff".repeat(20)}` }, null],
    ["with a serial number of 21 bytes", { serial: "01".repeat(21) }, "pki/path-serial-number"],
    ["without subject", { subject: der.seq(), extensions: [alternative] }, "pki/path-empty-name"],
    [
      "without subject, with critical alternative names",
      { subject: der.seq(), extensions: [critical] },
      null,
    ],
    ["without usages", { extensions: [] }, null],
    [
      "for servers",
      { extensions: [extensions.extendedKeyUsage(SERVER_AUTH)] },
      "pki/path-extended-key-usage",
    ],
    ["for both", { extensions: [extensions.extendedKeyUsage(SERVER_AUTH, CLIENT_AUTH)] }, null],
    ["for everything", { extensions: [extensions.extendedKeyUsage("2.5.29.37.0")] }, null],
    [
      "that may only sign certificates",
      { extensions: [extensions.keyUsage(SIGN_CERTIFICATES)] },
      "pki/path-key-usage",
    ],
    ["with an unknown extension", { extensions: [extension("1.2.3", der.seq())] }, null],
    [
      "with an unknown critical extension",
      { extensions: [extension("1.2.3", der.seq(), true)] },
      "pki/path-unknown-critical-extension",
    ],
  ])("%s", async (_, forgery, code) => {
    const made = await ca.issue(forgery);
    if (code === null) expect((await validate(made)).chain).toHaveLength(3);
    else await expect(validate(made)).rejects.toThrow(failing(code, 0));
  });

  it("for servers takes them for servers", async () => {
    const server = await ca.issue({ extensions: [extensions.extendedKeyUsage(SERVER_AUTH)] });
    expect((await validate(server, { purpose: "server-auth" })).chain).toHaveLength(3);
    await expect(validate(leaf, { purpose: "server-auth" })).rejects.toThrow(
      failing("pki/path-extended-key-usage", 0),
    );
  });

  it("refuses one without issuer", async () => {
    const nobody = await Entity.root("", { subject: der.seq(), issuer: der.seq() });
    const made = await nobody.issue({ issuer: der.seq() });
    await expect(validate(made, { under: [nobody] })).rejects.toThrow(failing("pki/path-empty-name", 0));
  });

  it("refuses one that is trusted itself but not of version 3", async () => {
    const made = await ca.issue({ version: 1, extensions: [] });
    await expect(validate(made, { under: [made] })).rejects.toThrow(failing("pki/path-version", 0));
  });
});

describe("validatePath() of an authority", () => {
  const authority = extensions.authority();
  const usage = extensions.keyUsage(SIGN_BOTH);
  it.each<[string, Forgery, string | null]>([
    ["of version 1", { version: 1, extensions: [] }, "pki/path-version"],
    ["without basic constraints", { extensions: [usage] }, "pki/path-not-ca"],
    ["that is none", { extensions: [extension("2.5.29.19", der.seq())] }, "pki/path-not-ca"],
    ["without key usage", { extensions: [authority] }, null],
    [
      "that may not sign certificates",
      { extensions: [authority, extensions.keyUsage(DIGITAL_SIGNATURE)] },
      "pki/path-key-usage",
    ],
    [
      "for servers",
      { extensions: [authority, extensions.extendedKeyUsage(SERVER_AUTH)] },
      "pki/path-extended-key-usage",
    ],
    ["for clients", { extensions: [authority, extensions.extendedKeyUsage(CLIENT_AUTH)] }, null],
    ["that has expired", { notAfter: NOW - 1000 }, "pki/path-expired"],
    [
      "with an unknown critical extension",
      { extensions: [authority, extension("1.2.3", der.seq(), true)] },
      "pki/path-unknown-critical-extension",
    ],
    ["with a path length of 0", { extensions: [extensions.authority(0)] }, null],
  ])("%s", async (_, forgery, code) => {
    const made = await root.issueAuthority("CA", forgery);
    const result = validate(await made.issue(), { via: [made] });
    if (code === null) expect((await result).chain).toHaveLength(3);
    else await expect(result).rejects.toThrow(failing(code, 1));
  });

  it("with a path length of 0 has none below", async () => {
    const narrow = await root.issueAuthority("CA", { extensions: [extensions.authority(0)] });
    const below = await narrow.issueAuthority("Below");
    await expect(validate(await below.issue(), { via: [narrow, below] })).rejects.toThrow(
      failing("pki/path-length", 1),
    );
  });

  it.each<[string, Forgery, string]>([
    ["that has expired", { notAfter: NOW - 1000 }, "pki/path-expired"],
    ["that is no authority", { extensions: [usage] }, "pki/path-not-ca"],
    ["with a path length of 0", { extensions: [extensions.authority(0)] }, "pki/path-length"],
    ["that may not certify the name", {
      extensions: [authority, extensions.permitted(names.directory(name("Other")))],
    }, "pki/path-name-not-permitted"],
  ])("binds a trust anchor %s", async (_, forgery, code) => {
    const anchor = await Entity.root("Root", forgery);
    const middle = await anchor.issueAuthority("CA");
    const result = validate(await middle.issue(), { via: [middle], under: [anchor] });
    await expect(result).rejects.toThrow(failing(code));
  });
});

describe("validatePath() without a path", () => {
  it("says that there is no anchor", async () => {
    const other = await Entity.root("Other");
    await expect(validate(leaf, { under: [other] })).rejects.toThrow(failing("pki/path-no-anchor"));
    await expect(validate(leaf, { via: [] })).rejects.toThrow(failing("pki/path-no-anchor", 0));
  });

  it("names the certificate, what was found and the section", async () => {
    const expired = await ca.issue({ subject: "Alice", notAfter: NOW - 1000 });
    await expect(validate(expired)).rejects.toThrow(
      "Certificate 0 of the path (CN=Alice) has expired at 2026-06-01T11:59:59Z (RFC 5280 section 6.1.3 (a)(2))",
    );
  });

  it("tells of the likelier one of two paths to an anchor", async () => {
    const expired = await root.issueAuthority("CA", { keys: ca.keys, notAfter: NOW - 1000 });
    for (const via of [[expired, ca], [ca, expired]]) {
      const result = validate(leaf, { via, purpose: "server-auth" });
      await expect(result).rejects.toThrow(failing("pki/path-extended-key-usage", 0));
    }
  });

  it("tells of the path that got furthest", async () => {
    const namesake = await root.issueAuthority("CA");
    const expired = await ca.issue({ notAfter: NOW - 1000 });
    await expect(validate(expired, { via: [namesake, ca] })).rejects.toThrow(failing("pki/path-expired"));
    await expect(validate(expired, { via: [namesake] })).rejects.toThrow(failing("pki/path-bad-signature"));
  });
});
