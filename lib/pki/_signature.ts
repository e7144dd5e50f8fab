import { Crypto as PeculiarCrypto } from "@peculiar/webcrypto";
import { contextTag, DerError, DerReader, requireDer, Tag } from "./_der.ts";
import { oidText, smallInteger, unsignedInteger } from "./_der_values.ts";
import { COORDINATE_BYTES, type Curve, KeyError, type PublicKey } from "./_public_key.ts";
import type { AlgorithmIdentifier } from "./certificate.ts";

/** Something signed, and how. */
export interface Signed {
  readonly tbs: Uint8Array<ArrayBuffer>;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array<ArrayBuffer>;
}

type Scheme = { kind: PublicKey["kind"]; hash: string };

const SCHEMES: Readonly<Record<string, Scheme>> = {
  "1.2.840.113549.1.1.5": { kind: "rsa", hash: "SHA-1" },
  "1.2.840.113549.1.1.11": { kind: "rsa", hash: "SHA-256" },
  "1.2.840.113549.1.1.12": { kind: "rsa", hash: "SHA-384" },
  "1.2.840.113549.1.1.13": { kind: "rsa", hash: "SHA-512" },
  "1.2.840.113549.1.1.10": { kind: "rsa-pss", hash: "" },
  "1.2.840.10045.4.3.2": { kind: "ec", hash: "SHA-256" },
  "1.2.840.10045.4.3.3": { kind: "ec", hash: "SHA-384" },
  "1.2.840.10045.4.3.4": { kind: "ec", hash: "SHA-512" },
  "1.3.101.112": { kind: "ed25519", hash: "" },
  "1.3.101.113": { kind: "ed448", hash: "" },
};
const HASHES: Readonly<Record<string, string>> = {
  "2.16.840.1.101.3.4.2.1": "SHA-256",
  "2.16.840.1.101.3.4.2.2": "SHA-384",
  "2.16.840.1.101.3.4.2.3": "SHA-512",
};
const MGF1 = "1.2.840.113549.1.1.8";
const DEFAULT_SALT_BYTES = 20;
/** As long as the longest key. */
const MAX_SALT_BYTES = 1024;
const NULL = "0500";

/**
 * Whether `signed` was signed with the private half of `key`.
 *
 * @throws {KeyError} when no signature of this kind is verified
 */
export async function verifySignature(
  signed: Signed,
  { key, allowSha1 }: { key: PublicKey; allowSha1: boolean },
): Promise<boolean> {
  const { id, parameters } = signed.signatureAlgorithm;
  const scheme = SCHEMES[id];
  if (scheme === undefined || (scheme.hash === "SHA-1" && !allowSha1)) {
    throw new KeyError("pki/path-unsupported-algorithm", `is asked to verify a signature by ${id}`);
  }
  const { kind, hash } = scheme;
  const isFit = kind === key.kind || (kind === "rsa-pss" && key.kind === "rsa");
  if (!isFit) return false;
  if (kind === "rsa-pss") return await verifyPss(signed, key);
  const isPlain = parameters === null || (kind === "rsa" && parameters.toHex() === NULL);
  if (!isPlain) return false;
  if (key.kind === "ec") return await verifyEcdsa(signed, { key, hash });
  if (kind === "rsa") return await verify(signed, { key, algorithm: { name: "RSASSA-PKCS1-v1_5", hash } });
  if (kind === "ed25519") return await verify(signed, { key, algorithm: { name: "Ed25519" } });
  return await verifyEd448(signed, key);
}

async function verifyEcdsa(
  signed: Signed,
  { key, hash }: { key: PublicKey & { kind: "ec" }; hash: string },
): Promise<boolean> {
  const signature = fixedLength(signed.signature, key.curve);
  if (signature === null) return false;
  const algorithm = { name: "ECDSA", namedCurve: key.curve, hash };
  return await verify({ ...signed, signature }, { key, algorithm });
}

async function verifyPss(signed: Signed, key: PublicKey): Promise<boolean> {
  const { parameters } = signed.signatureAlgorithm;
  if (parameters === null) return false;
  if (key.kind === "rsa-pss" && key.parameters !== null && key.parameters.toHex() !== parameters.toHex()) {
    throw new KeyError("pki/path-unsupported-algorithm", "is restricted to other parameters of PSS");
  }
  return await verify(signed, { key, algorithm: { name: "RSA-PSS", ...pssParameters(parameters) } });
}

interface Algorithm {
  readonly name: string;
  readonly hash?: string;
  readonly saltLength?: number;
  readonly namedCurve?: string;
}

async function verify(
  { tbs, signature }: Signed,
  { key, algorithm }: { key: PublicKey; algorithm: Algorithm },
): Promise<boolean> {
  const imported = await importing(() =>
    crypto.subtle.importKey("spki", key.spki, algorithm, false, ["verify"])
  );
  return await crypto.subtle.verify(algorithm, imported, signature, tbs);
}

/** The platform has no Ed448. */
async function verifyEd448({ tbs, signature }: Signed, key: PublicKey): Promise<boolean> {
  const { subtle } = new PeculiarCrypto();
  const algorithm = { name: "EdDSA", namedCurve: "Ed448" };
  const imported = await importing(() => subtle.importKey("spki", key.spki, algorithm, false, ["verify"]));
  return await subtle.verify(algorithm, imported, signature, tbs);
}

/** A point that is not on its curve, for one, is found out only here. */
async function importing(importKey: () => Promise<CryptoKey>): Promise<CryptoKey> {
  try {
    return await importKey();
  } catch {
    throw new KeyError("pki/path-weak-key", "cannot be read");
  }
}

/** `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3) as two numbers of fixed length; `null` when it is none. */
function fixedLength(signature: Uint8Array<ArrayBuffer>, curve: Curve): Uint8Array<ArrayBuffer> | null {
  const size = COORDINATE_BYTES[curve];
  const fixed = new Uint8Array(2 * size);
  try {
    const reader = new DerReader(requireDer(signature));
    for (const end of [size, 2 * size]) {
      const number = unsignedInteger(reader.next(Tag.integer));
      if (number.length > size) return null;
      fixed.set(number, end - number.length);
    }
    reader.end();
    return signature[0] === Tag.sequence ? fixed : null;
  } catch (error) {
    if (error instanceof DerError) return null;
    throw error;
  }
}

/** RFC 4055 section 3.1: one hash of the SHA-2 family for both purposes, any salt. @throws {KeyError} */
function pssParameters(parameters: Uint8Array<ArrayBuffer>): { hash: string; saltLength: number } {
  try {
    const reader = new DerReader(requireDer(parameters));
    const explicit = (number: number) => {
      const value = reader.optional(contextTag(number, { constructed: true }));
      return value === undefined ? undefined : new DerReader(value);
    };
    const hash = hashOf(explicit(0));
    const mask = new DerReader(explicit(1)?.next(Tag.sequence) ?? { content: new Uint8Array() });
    const isSame = oidText(mask.next(Tag.oid)) === MGF1 && hashOf(mask) === hash;
    const salt = explicit(2)?.next(Tag.integer);
    reader.end();
    const saltLength = salt === undefined ? DEFAULT_SALT_BYTES : smallInteger(salt);
    if (hash !== undefined && isSame && saltLength <= MAX_SALT_BYTES) return { hash, saltLength };
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
  }
  throw new KeyError(
    "pki/path-unsupported-algorithm",
    "is asked to verify a signature by unusual parameters of PSS",
  );
}

function hashOf(reader: DerReader | undefined): string | undefined {
  if (reader === undefined) return undefined;
  const algorithm = new DerReader(reader.next(Tag.sequence));
  return HASHES[oidText(algorithm.next(Tag.oid))];
}
