import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseCertificateBundle } from "../../lib/pki/bundle.ts";
import { type Certificate, parseCertificate } from "../../lib/pki/certificate.ts";
import { validatePath } from "../../lib/pki/validate_path.ts";
import { readPublicKey } from "../../lib/pki/_public_key.ts";
import { verifySignature } from "../../lib/pki/_signature.ts";
import { requirePeer } from "../_support/peers.ts";
import { run } from "../_support/programs.ts";
import { Entity } from "./_forge.ts";

let folder: string;
beforeAll(async () => {
  folder = await Deno.makeTempDir();
});
afterAll(async () => {
  await Deno.remove(folder, { recursive: true });
});

const pss = (
  ...more: string[]
) => ["-sigopt", "rsa_padding_mode:pss", ...more.flatMap((option) => ["-sigopt", option])];
const curve = (name: string) => ["-algorithm", "EC", "-pkeyopt", `ec_paramgen_curve:${name}`];
const rsa = (bits: number) => ["-algorithm", "RSA", "-pkeyopt", `rsa_keygen_bits:${bits}`];

const PSS_KEY = [
  "-algorithm",
  "RSA-PSS",
  ...[
    "rsa_keygen_bits:2048",
    "rsa_pss_keygen_md:sha256",
    "rsa_pss_keygen_mgf1_md:sha256",
    "rsa_pss_keygen_saltlen:32",
  ]
    .flatMap((option) => ["-pkeyopt", option]),
];

describe.skipIf(!requirePeer("openssl"))("validatePath() of what openssl has signed", () => {
  it.each<[string, string[], string[]]>([
    ["RSA, SHA-256", rsa(2048), ["-sha256"]],
    ["RSA, SHA-384", rsa(3072), ["-sha384"]],
    ["RSA, SHA-512", rsa(4096), ["-sha512"]],
    ["RSA-PSS, SHA-256", rsa(2048), ["-sha256", ...pss("rsa_pss_saltlen:32")]],
    ["RSA-PSS, SHA-384, the longest salt", rsa(2048), ["-sha384", ...pss("rsa_pss_saltlen:max")]],
    ["RSA-PSS, SHA-512, no salt", rsa(2048), ["-sha512", ...pss("rsa_pss_saltlen:0")]],
    ["RSA-PSS, a key for it alone", ["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"], [
      "-sha256",
      ...pss("rsa_pss_saltlen:32"),
    ]],
    ["RSA-PSS, a key for it with the same parameters", PSS_KEY, ["-sha256", ...pss("rsa_pss_saltlen:32")]],
    ["P-256, SHA-256", curve("P-256"), ["-sha256"]],
    ["P-256, SHA-512", curve("P-256"), ["-sha512"]],
    ["P-384, SHA-384", curve("P-384"), ["-sha384"]],
    ["P-384, SHA-256", curve("P-384"), ["-sha256"]],
    ["P-521, SHA-512", curve("P-521"), ["-sha512"]],
    ["P-521, SHA-256", curve("P-521"), ["-sha256"]],
    ["Ed25519", ["-algorithm", "ED25519"], []],
    ["Ed448", ["-algorithm", "ED448"], []],
  ])("%s", async (_, key, signing) => {
    const certificate = await selfSigned(key, signing);
    expect(await outcome(certificate)).toBe("valid");
    expect(await outcome(withChangedSignature(certificate))).toBe("pki/path-bad-signature");
  });

  it.each<[string, string[], string[], string]>([
    ["RSA of 1024 bits", rsa(1024), ["-sha256"], "pki/path-weak-key"],
    ["RSA with SHA-1", rsa(2048), ["-sha1"], "pki/path-unsupported-algorithm"],
    ["RSA-PSS with SHA-1", rsa(2048), ["-sha1", ...pss()], "pki/path-unsupported-algorithm"],
    [
      "RSA-PSS with two hashes",
      rsa(2048),
      ["-sha256", ...pss("rsa_mgf1_md:sha512")],
      "pki/path-unsupported-algorithm",
    ],
    [
      "RSA-PSS by a key for other parameters",
      PSS_KEY,
      ["-sha256", ...pss("rsa_pss_saltlen:48")],
      "pki/path-unsupported-algorithm",
    ],
    ["ECDSA with SHA-1", curve("P-256"), ["-sha1"], "pki/path-unsupported-algorithm"],
    ["another curve", curve("secp256k1"), ["-sha256"], "pki/path-unsupported-algorithm"],
  ])("%s is refused", async (_, key, signing, code) => {
    expect(await outcome(await selfSigned(key, signing))).toBe(code);
  });

  it("takes SHA-1 only when told so", async () => {
    const certificate = await selfSigned(rsa(2048), ["-sha1"]);
    expect(await outcome(certificate, true)).toBe("valid");
    expect(await outcome(withChangedSignature(certificate), true)).toBe("pki/path-bad-signature");
  });
});

describe("verifySignature()", () => {
  it("does not verify what claims another algorithm than that of the key", async () => {
    const { certificate } = await Entity.root("Root");
    const key = readPublicKey(certificate.spki);
    const verify = (id: string) => {
      const signatureAlgorithm = { id, parameters: null };
      return verifySignature({ ...certificate, signatureAlgorithm }, { key, allowSha1: false });
    };
    const [ecdsaSha256, rsaSha256, ed25519] = [
      "1.2.840.10045.4.3.2",
      "1.2.840.113549.1.1.11",
      "1.3.101.112",
    ] as const;
    expect(await verify(ecdsaSha256)).toBe(true);
    expect(await verify(rsaSha256)).toBe(false);
    expect(await verify(ed25519)).toBe(false);
  });
});

/** The outcome for a leaf whose issuer has the same key and name, which is what a self-signed certificate is. */
async function outcome(leaf: Certificate, allowSha1 = false): Promise<string | undefined> {
  // Of the same content, but not the same certificate: the anchor's own signature is of no account.
  const anchor = { ...leaf, fingerprintSha256: "anchor" };
  try {
    await validatePath(leaf, {
      intermediates: [],
      anchors: [anchor],
      now: leaf.notBefore,
      purpose: "any",
      allowSha1,
    });
    return "valid";
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

async function selfSigned(key: string[], signing: string[]): Promise<Certificate> {
  const file = `${folder}/key.pem`;
  const made = await run(["openssl", ["genpkey", ...key, "-out", file]]);
  expect(made.code, made.stderr).toBe(0);
  const { stdout } = await run(["openssl", ["req", "-x509", "-key", file, "-subj", "/CN=Root", ...signing]]);
  return parseCertificateBundle(new Uint8Array(stdout))[0]!;
}

function withChangedSignature({ der }: Certificate): Certificate {
  const changed = der.slice();
  changed[changed.length - 1]! ^= 1;
  return parseCertificate(changed);
}
