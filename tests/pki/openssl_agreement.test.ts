import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseCrl } from "../../lib/pki/crl.ts";
import { CrlSet } from "../../lib/pki/crl_set.ts";
import { validatePath } from "../../lib/pki/validate_path.ts";
import { requirePeer } from "../_support/peers.ts";
import { run } from "../_support/programs.ts";
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
  SERVER_AUTH,
} from "./_forge.ts";
import { NOW } from "./_pairs.ts";

let folder: string;
beforeAll(async () => {
  folder = await Deno.makeTempDir();
});
afterAll(async () => {
  await Deno.remove(folder, { recursive: true });
});

const authority = extensions.authority();
const { dns, email, ip, uri, directory } = names;
const bound = (constraint: Uint8Array): Forgery => ({ extensions: [authority, constraint] });
const named = (...all: Uint8Array[]): Forgery => ({ extensions: [extensions.alternativeNames(...all)] });

describe.skipIf(!requirePeer("openssl"))("validatePath() and openssl verify agree on", () => {
  it.each<[string, { leaf?: Forgery; ca?: Forgery; revoked?: string[] }, boolean]>([
    ["a plain chain", {}, true],
    ["an expired leaf", { leaf: { notAfter: NOW - 2000 } }, false],
    ["a leaf of the future", { leaf: { notBefore: NOW + 2000 } }, false],
    ["an expired authority", { ca: { notAfter: NOW - 2000 } }, false],
    ["a leaf for servers", { leaf: { extensions: [extensions.extendedKeyUsage(SERVER_AUTH)] } }, false],
    [
      "a leaf for both",
      { leaf: { extensions: [extensions.extendedKeyUsage(SERVER_AUTH, CLIENT_AUTH)] } },
      true,
    ],
    ["an authority for servers", {
      ca: { extensions: [authority, extensions.extendedKeyUsage(SERVER_AUTH)] },
    }, false],
    ["an authority that is none", { ca: { extensions: [] } }, false],
    ["an authority that may not sign", {
      ca: { extensions: [authority, extensions.keyUsage(DIGITAL_SIGNATURE)] },
    }, false],
    ["a path length of 0", { ca: { extensions: [extensions.authority(0)] } }, true],
    ["an unknown critical extension", { leaf: { extensions: [extension("1.2.3", der.seq(), true)] } }, false],
    ["an unknown extension", { leaf: { extensions: [extension("1.2.3", der.seq())] } }, true],
    ["a DNS name permitted", {
      ca: bound(extensions.permitted(dns("a.example"))),
      leaf: named(dns("x.a.example")),
    }, true],
    ["a DNS name not permitted", {
      ca: bound(extensions.permitted(dns("a.example"))),
      leaf: named(dns("xa.example")),
    }, false],
    ["a DNS name excluded", {
      ca: bound(extensions.excluded(dns("a.example"))),
      leaf: named(dns("x.a.example")),
    }, false],
    ["one of two not permitted", {
      ca: bound(extensions.permitted(dns("a.example"))),
      leaf: named(dns("a.example"), dns("b.example")),
    }, false],
    ["an e-mail address permitted", {
      ca: bound(extensions.permitted(email("a.example"))),
      leaf: named(email("x@a.example")),
    }, true],
    ["an e-mail address not permitted", {
      ca: bound(extensions.permitted(email("a.example"))),
      leaf: named(email("x@b.a.example")),
    }, false],
    ["a URI permitted", {
      ca: bound(extensions.permitted(uri(".a.example"))),
      leaf: named(uri("https://x.a.example/")),
    }, true],
    ["a URI not permitted", {
      ca: bound(extensions.permitted(uri(".a.example"))),
      leaf: named(uri("https://a.example/")),
    }, false],
    ["an address permitted", {
      ca: bound(extensions.permitted(ip("0a000000ff000000"))),
      leaf: named(ip("0a010203")),
    }, true],
    ["an address excluded", {
      ca: bound(extensions.excluded(ip("0a000000ff000000"))),
      leaf: named(ip("0a010203")),
    }, false],
    ["a subject excluded", { ca: bound(extensions.excluded(directory(name("Leaf")))) }, false],
    ["a subject not permitted", { ca: bound(extensions.permitted(directory(name("Other")))) }, false],
    ["a revoked leaf", { leaf: { serial: "0b" }, revoked: ["0b"] }, false],
    ["another one revoked", { leaf: { serial: "0b" }, revoked: ["0c"] }, true],
  ])("%s", async (_, { leaf: leafForgery = {}, ca: caForgery = {}, revoked }, isValid) => {
    const root = await Entity.root("Root");
    const ca = await root.issueAuthority("CA", caForgery);
    const leaf = await ca.issue(leafForgery);
    const list = revoked === undefined ? undefined : await ca.revoke(revoked);
    const ours = await validatePath(leaf.certificate, {
      intermediates: [ca.certificate],
      anchors: [root.certificate],
      now: NOW,
      purpose: "client-auth",
      ...(list === undefined ? {} : { crls: new CrlSet([parseCrl(list)]) }),
    }).then(() => true, () => false);
    expect({ ours, openssl: await opensslVerdict({ root, ca, leaf, list }) }).toEqual({
      ours: isValid,
      openssl: isValid,
    });
  });
});

interface Chain {
  readonly root: Entity;
  readonly ca: Entity;
  readonly leaf: Entity;
  readonly list: Uint8Array | undefined;
}

async function opensslVerdict({ root, ca, leaf, list }: Chain): Promise<boolean> {
  const write = async (file: string, label: string, bytes: Uint8Array) => {
    const path = `${folder}/${file}`;
    await Deno.writeTextFile(path, `-----BEGIN ${label}-----\n${lines(bytes)}\n-----END ${label}-----\n`);
    return path;
  };
  const revocation = list === undefined
    ? []
    : ["-crl_check", "-CRLfile", await write("list", "X509 CRL", list)];
  const trust = ["-CAfile", await write("root", "CERTIFICATE", root.der)];
  const untrusted = ["-untrusted", await write("ca", "CERTIFICATE", ca.der)];
  const file = await write("leaf", "CERTIFICATE", leaf.der);
  const rules = ["-purpose", "sslclient", "-attime", String(NOW / 1000)];
  const { code } = await run(["openssl", ["verify", ...rules, ...trust, ...untrusted, ...revocation, file]]);
  return code === 0;
}

/** PEM wants lines of 64 characters. */
function lines(bytes: Uint8Array): string {
  return bytes.toBase64().replace(/.{64}(?=.)/g, "$&\n");
}
