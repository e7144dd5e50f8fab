import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../../lib/base/bytes.ts";
import { readCandidates } from "../../../lib/client/client_certificates/candidate.ts";
import { type OpensslAuthority, opensslAuthority } from "../../_support/openssl_authority.ts";
import { requirePeer } from "../../_support/peers.ts";

const PASSWORD = "pässword 1";

describe.skipIf(!requirePeer("openssl"))("readCandidates()", () => {
  let authority: OpensslAuthority;
  beforeAll(async () => {
    authority = await opensslAuthority("/O=Example/CN=Example users");
    await authority.issue("ann", { subject: "/O=Example/CN=ann" });
    const rsa = ["-newkey", "rsa:2048"];
    await authority.issue("rsa", { subject: "/O=Example/CN=rsa", key: rsa });
    await authority.issue("ed", { subject: "/O=Example/CN=ed", key: ["-newkey", "ed25519"] });
    const { openssl } = authority;
    await openssl("ec", "-in", "ann.key", "-out", "ann.sec1");
    await openssl("rsa", "-in", "rsa.key", "-traditional", "-out", "rsa.pkcs1");
    const pass = ["-passout", `pass:${PASSWORD}`];
    await openssl("pkcs8", "-topk8", "-in", "ann.key", "-out", "ann.enc", ...pass);
    await openssl("rsa", "-in", "rsa.key", "-traditional", "-aes128", "-out", "rsa.enc", ...pass);
    await openssl("pkcs8", "-topk8", "-in", "ann.key", "-v1", "PBE-SHA1-3DES", "-out", "ann.old", ...pass);
    const rc2 = ["-provider", "legacy", "-provider", "default", "-v1", "PBE-SHA1-RC2-40"];
    await openssl("pkcs8", "-topk8", "-in", "ann.key", ...rc2, "-out", "ann.rc2", ...pass);
    await openssl("pkcs8", "-topk8", "-in", "ann.key", "-iter", "5000000", "-out", "ann.slow", ...pass);
    await openssl("pkcs12", "-export", "-inkey", "ann.key", "-in", "ann.crt", "-out", "ann.p12", ...pass);
    await openssl("ecparam", "-name", "prime256v1", "-out", "params");
  });
  afterAll(() => authority[Symbol.asyncDispose]());

  const bytesOf = async (...names: string[]) =>
    utf8((await Promise.all(names.map((name) => Deno.readTextFile(`${authority.folder}/${name}`)))).join(""));

  async function read(
    certificate: string[],
    key?: string[],
    password: string | null = null,
  ): Promise<string[]> {
    const found = await readCandidates({
      source: "here",
      certificate: await bytesOf(...certificate),
      ...(key === undefined ? {} : { key: await bytesOf(...key) }),
      password,
    });
    return found.map((one) => "fault" in one ? one.fault.code : one.certificate.name);
  }

  it.each<[string, string[], string[] | undefined, string | null, string]>([
    ["PKCS#8", ["ann.crt"], ["ann.key"], null, "CN=ann,O=Example (here)"],
    ["a chain", ["ann.crt", "ca.crt"], ["ann.key"], null, "CN=ann,O=Example (here)"],
    ["an EC key of old", ["ann.crt"], ["ann.sec1"], null, "CN=ann,O=Example (here)"],
    ["an EC key after its parameters", ["ann.crt"], ["params", "ann.sec1"], null, "CN=ann,O=Example (here)"],
    ["an RSA key", ["rsa.crt"], ["rsa.key"], null, "CN=rsa,O=Example (here)"],
    ["an RSA key of old", ["rsa.crt"], ["rsa.pkcs1"], null, "CN=rsa,O=Example (here)"],
    ["an Ed25519 key", ["ed.crt"], ["ed.key"], null, "CN=ed,O=Example (here)"],
    ["both in one file", ["ann.key", "ann.crt"], undefined, null, "CN=ann,O=Example (here)"],
    ["an encrypted key", ["ann.crt"], ["ann.enc"], PASSWORD, "CN=ann,O=Example (here)"],
    ["a key in 3DES", ["ann.crt"], ["ann.old"], PASSWORD, "CN=ann,O=Example (here)"],
    ["an encrypted key of old", ["rsa.crt"], ["rsa.enc"], PASSWORD, "CN=rsa,O=Example (here)"],
  ])("takes %s", async (_title, certificate, key, password, name) => {
    expect(await read(certificate, key, password)).toEqual([name]);
  });

  it.each<[string, string[], string[] | undefined, string | null, string]>([
    ["the key of another", ["ann.crt"], ["rsa.key"], null, "pki/key-mismatch"],
    ["the issuer before the certificate", ["ca.crt", "ann.crt"], ["ann.key"], null, "pki/key-mismatch"],
    ["no key", ["ann.crt"], undefined, null, "pki/bad-key"],
    ["no certificate", ["ann.key"], undefined, null, "pki/bad-certificate"],
    ["an encrypted key without a password", ["ann.crt"], ["ann.enc"], null, "pki/wrong-password"],
    ["another password", ["ann.crt"], ["ann.enc"], "password 1", "pki/wrong-password"],
    ["a cipher that is not supported", ["ann.crt"], ["ann.rc2"], PASSWORD, "pki/unsupported"],
    ["more rounds than a key may ask for", ["ann.crt"], ["ann.slow"], PASSWORD, "pki/too-much-work"],
  ])("cannot use %s", async (_title, certificate, key, password, code) => {
    expect(await read(certificate, key, password)).toEqual([code]);
  });

  it("reads PKCS#12, and says when the password is wrong", async () => {
    const certificate = await Deno.readFile(`${authority.folder}/ann.p12`);
    const [found] = await readCandidates({ source: "x.p12", certificate, password: PASSWORD });
    expect(found).toMatchObject({ certificate: { name: "CN=ann,O=Example (x.p12)" } });
    const [refused] = await readCandidates({ source: "x.p12", certificate, password: null });
    expect(refused).toMatchObject({ fault: { code: "pki/wrong-password" } });
  });

  it("keeps the certificate apart from its key, and the key unencrypted", async () => {
    const certificate = await bytesOf("ann.enc", "ann.crt");
    const [found] = await readCandidates({ source: "x", certificate, password: PASSWORD });
    expect(found).toMatchObject({
      certificate: {
        certPem: await Deno.readTextFile(`${authority.folder}/ann.crt`),
        keyPem: await Deno.readTextFile(`${authority.folder}/ann.key`),
      },
    });
  });

  it.each([["nothing", ""], ["text", "hello"], ["an empty block", block("CERTIFICATE", "")], [
    "no base64",
    block("CERTIFICATE", "!!"),
  ], ["no DER", block("CERTIFICATE", "AAAA")]])("cannot use %s", async (_title, text) => {
    const [found] = await readCandidates({ source: "x", certificate: utf8(text), password: null });
    expect(found).toMatchObject({ fault: { code: "pki/bad-certificate" }, chain: [] });
  });
});

function block(label: string, content: string): string {
  return `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`;
}
