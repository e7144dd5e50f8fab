import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PkiError } from "../../lib/pki/pki_error.ts";
import { MAX_PKCS12_BYTES, readPkcs12 } from "../../lib/pki/pkcs12.ts";
import { requirePeer } from "../_support/peers.ts";
import { type OpensslAuthority, opensslAuthority } from "../_support/openssl_authority.ts";

const PASSWORD = "pässword 1";

describe.skipIf(!requirePeer("openssl"))("readPkcs12()", () => {
  let authority: OpensslAuthority;
  let keyPem: string;
  let certPem: string;

  beforeAll(async () => {
    authority = await opensslAuthority("/O=Example/CN=Example users");
    ({ keyPem, certPem } = await authority.issue("ann", { subject: "/O=Example/CN=ann" }));
  });
  afterAll(() => authority[Symbol.asyncDispose]());

  async function p12(...args: string[]): Promise<Uint8Array<ArrayBuffer>> {
    const pair = [
      "-inkey",
      "ann.key",
      "-in",
      "ann.crt",
      "-certfile",
      "ca.crt",
      "-passout",
      `pass:${PASSWORD}`,
    ];
    await authority.openssl("pkcs12", "-export", ...pair, "-out", "ann.p12", ...args);
    return await Deno.readFile(`${authority.folder}/ann.p12`);
  }

  async function failure(bytes: Uint8Array, password = PASSWORD): Promise<string> {
    const error = await readPkcs12(bytes, { password }).catch((error) => error);
    if (!(error instanceof PkiError)) throw error;
    return error.code;
  }

  it.each<[string, string[]]>([
    ["what openssl makes by itself", []],
    ["AES-128", ["-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC"]],
    ["AES-192", ["-keypbe", "AES-192-CBC", "-certpbe", "AES-192-CBC"]],
    ["3DES by PBES2", ["-keypbe", "DES-EDE3-CBC", "-certpbe", "DES-EDE3-CBC"]],
    ["3DES as of old, with a MAC by SHA-1", ["-descert", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"]],
    ["3DES with two keys", ["-certpbe", "PBE-SHA1-2DES", "-keypbe", "PBE-SHA1-2DES"]],
    ["a MAC by SHA-512", ["-macalg", "sha512"]],
    ["certificates in clear", ["-certpbe", "NONE"]],
    ["a key in clear", ["-keypbe", "NONE"]],
    ["one iteration", ["-noiter", "-nomaciter"]],
    ["a name for the key", ["-name", "ann's key"]],
  ])("reads %s", async (_title, args) => {
    const [identity, ...others] = await readPkcs12(await p12(...args), { password: PASSWORD });
    const certificates = identity!.certPem.match(/-----BEGIN[^]+?END CERTIFICATE-----/g)!;
    expect(certificates.map((pem) => new X509Certificate(pem).fingerprint256)).toEqual(
      [certPem, authority.certPem].map((pem) => new X509Certificate(pem).fingerprint256),
    );
    expect(identity!.keyPem.trim()).toBe(keyPem.trim());
    expect(others).toEqual([]);
  });

  it("refuses a wrong password, also where only the MAC depends on it", async () => {
    expect(await failure(await p12(), "password 1")).toBe("pki/wrong-password");
    expect(await failure(await p12("-certpbe", "NONE", "-keypbe", "NONE"), "")).toBe("pki/wrong-password");
  });

  it("refuses what was changed", async () => {
    const bytes = await p12("-certpbe", "NONE");
    bytes[200]! ^= 1;
    expect(await failure(bytes)).toBe("pki/wrong-password");
  });

  it.each<[string, string[], string]>([
    ["without a MAC", ["-nomac"], "pki/bad-pkcs12"],
    ["with RC2", ["-legacy"], "pki/unsupported"],
    ["with more rounds than a key may ask for", ["-iter", "5000000"], "pki/too-much-work"],
    ["without a key", ["-nokeys"], "pki/key-mismatch"],
  ])("refuses a file %s", async (_title, args, code) => {
    expect(await failure(await p12(...args))).toBe(code);
  });

  it("refuses a file at every place where it can be cut off", async () => {
    const bytes = await p12("-noiter", "-nomaciter");
    for (let length = 0; length < bytes.length; length += 7) {
      expect(await failure(bytes.subarray(0, length))).toBe("pki/bad-pkcs12");
    }
  });

  it("refuses a file that is too large, or nested too deeply", async () => {
    expect(await failure(new Uint8Array(MAX_PKCS12_BYTES + 1))).toBe("pki/bad-pkcs12");
    expect(await failure(new Uint8Array(100_000).fill(0x30).map((byte, at) => at % 2 === 0 ? byte : 0x80)))
      .toBe("pki/bad-pkcs12");
  });
});
