import { createHmac, createPublicKey, type KeyObject } from "node:crypto";
import { concatBytes, equalConstantTime } from "../base/bytes.ts";
import { definite } from "./_ber.ts";
import { contextTag, DerError, DerReader, type DerValue, Tag } from "./_der.ts";
import { oidText, smallInteger } from "./_der_values.ts";
import { Password, wrongPassword } from "./_password.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { decryptKeyInfo, importKey } from "./_key_info.ts";
import { issuerChain } from "./issuer_chain.ts";
import { PkiError } from "./pki_error.ts";

/** A key and the certificates that go with it, as PEM text. */
export interface Pkcs12Identity {
  /** Unencrypted PKCS#8. A secret. */
  readonly keyPem: string;
  /** The certificate of the key, then each the issuer of the one before, as far as the file has them. */
  readonly certPem: string;
}

/** Largest file that is read, in bytes. */
export const MAX_PKCS12_BYTES = 1_048_576;
/** Bags that are looked at. */
const MAX_BAGS = 64;
/** Bags within bags. */
const MAX_LEVELS = 4;

const DATA = "1.2.840.113549.1.7.1";
const ENCRYPTED_DATA = "1.2.840.113549.1.7.6";
const KEY_BAG = "1.2.840.113549.1.12.10.1.1";
const SHROUDED_KEY_BAG = "1.2.840.113549.1.12.10.1.2";
const CERT_BAG = "1.2.840.113549.1.12.10.1.3";
const SAFE_CONTENTS_BAG = "1.2.840.113549.1.12.10.1.6";
const X509_CERTIFICATE = "1.2.840.113549.1.9.22.1";
const EXPLICIT = contextTag(0, { constructed: true });

interface Bags {
  readonly keys: KeyObject[];
  readonly certificates: Certificate[];
  count: number;
}

/**
 * Reads a PKCS#12 file (RFC 7292) whose integrity a password protects. Encrypted with PBES2 (PBKDF2 with HMAC of SHA-1 or
 * SHA-2; AES-CBC or 3DES) or with the 3DES of old; RC2, RC4, scrypt and PBMAC1 are not supported.
 *
 * @param options `password`: as it was typed; may be empty
 * @returns the keys that have a certificate, in the order of the file: at least one
 * @throws {PkiError} `pki/bad-pkcs12`, `pki/wrong-password`, `pki/unsupported`, `pki/too-much-work`, `pki/bad-key`,
 *   `pki/key-mismatch`: no key has a certificate
 */
export async function readPkcs12(
  bytes: Uint8Array,
  options: { password: string },
): Promise<Pkcs12Identity[]> {
  if (bytes.length > MAX_PKCS12_BYTES) {
    throw new PkiError("pki/bad-pkcs12", `The PKCS#12 file is larger than ${MAX_PKCS12_BYTES} bytes`);
  }
  const bags: Bags = { keys: [], certificates: [], count: 0 };
  const password = new Password(options.password);
  try {
    for (const safe of childrenOf(definite(openSafe(bytes, password)))) {
      const contents = await decryptSafe(safe, password);
      if (contents !== null) await readBags(contents, { bags, password, levels: MAX_LEVELS });
    }
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new PkiError("pki/bad-pkcs12", `The PKCS#12 file cannot be read as ${cause.message}`, { cause });
  }
  return assemble(bags);
}

/** Checks the MAC. @returns the contents that it protects */
function openSafe(bytes: Uint8Array, password: Password): Uint8Array<ArrayBuffer> {
  const reader = new DerReader(rootOf(definite(bytes)));
  if (smallInteger(reader.next(Tag.integer)) !== 3) throw new DerError("its version is not 3");
  const content = contentOf(reader.next(Tag.sequence));
  if (content.type !== DATA) {
    throw new PkiError("pki/unsupported", "The PKCS#12 file is signed, which is not supported");
  }
  const safe = rootOf(content.value, Tag.octetString).content;
  const mac = reader.optional(Tag.sequence);
  if (mac === undefined) throw new DerError("it has no MAC, so nothing says that it is whole");
  reader.end();
  checkMac(mac, { safe, password });
  return safe;
}

function checkMac(mac: DerValue, { safe, password }: { safe: Uint8Array; password: Password }): void {
  const reader = new DerReader(mac);
  const info = new DerReader(reader.next(Tag.sequence));
  const { id } = Password.algorithm(info.next(Tag.sequence));
  const expected = info.next(Tag.octetString).content;
  const salt = reader.next(Tag.octetString).content;
  const iterations = reader.isDone ? 1 : smallInteger(reader.next(Tag.integer));
  const { key, digest } = password.macKey(id, { salt, iterations });
  const found = createHmac(digest, key).update(safe).digest();
  if (!equalConstantTime(found, expected)) throw wrongPassword();
}

/** @returns SafeContents; `null` of what is not for a password */
async function decryptSafe(safe: DerValue, password: Password): Promise<Uint8Array<ArrayBuffer> | null> {
  const { type, value } = contentOf(safe);
  if (type === DATA) return rootOf(value, Tag.octetString).content;
  if (type !== ENCRYPTED_DATA) return null;
  const outer = new DerReader(rootOf(value));
  outer.next(Tag.integer);
  const info = new DerReader(outer.next(Tag.sequence));
  info.next(Tag.oid);
  const algorithm = Password.algorithm(info.next(Tag.sequence));
  const encrypted = info.next(contextTag(0), EXPLICIT);
  // In pieces when it is constructed (X.690 section 8.7.3).
  const data = encrypted.tag === EXPLICIT
    ? concatBytes([...partsOf(encrypted)].map(({ content }) => content))
    : encrypted.content;
  return await password.decrypt(algorithm, data);
}

async function readBags(
  contents: Uint8Array,
  context: { bags: Bags; password: Password; levels: number },
): Promise<void> {
  const { bags, levels } = context;
  if (levels === 0) throw new DerError(`it has bags deeper than ${MAX_LEVELS} levels`);
  for (const bag of childrenOf(definite(contents))) {
    if (++bags.count > MAX_BAGS) throw new DerError(`it has more than ${MAX_BAGS} bags`);
    const reader = new DerReader(bag);
    const type = oidText(reader.next(Tag.oid));
    const value = rootOf(reader.next(EXPLICIT).content, Tag.sequence);
    if (type === SAFE_CONTENTS_BAG) await readBags(value.raw, { ...context, levels: levels - 1 });
    else await readBag({ type, value }, context);
  }
}

async function readBag(
  { type, value }: { type: string; value: DerValue },
  { bags, password }: { bags: Bags; password: Password },
): Promise<void> {
  if (type === KEY_BAG) bags.keys.push(importKey(value.raw));
  if (type === SHROUDED_KEY_BAG) bags.keys.push(await decryptKeyInfo(value.raw, password));
  if (type === CERT_BAG) {
    const { type: kind, value: certificate } = contentOf(value);
    if (kind === X509_CERTIFICATE) {
      bags.certificates.push(parseCertificate(rootOf(certificate, Tag.octetString).content));
    }
  }
}

function assemble({ keys, certificates }: Bags): Pkcs12Identity[] {
  const identities = keys.flatMap((key) => {
    const spki = createPublicKey(key).export({ type: "spki", format: "der" });
    const own = certificates.find((certificate) => spki.equals(certificate.spki));
    if (own === undefined) return [];
    const keyPem = String(key.export({ type: "pkcs8", format: "pem" }));
    return [{ keyPem, certPem: issuerChain(own, certificates).map(pemOf).join("") }];
  });
  if (identities.length > 0) return identities;
  throw new PkiError("pki/key-mismatch", "The PKCS#12 file has no certificate with its key");
}

function pemOf({ der }: Certificate): string {
  const lines = der.toBase64().match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** A type and, explicitly tagged, a value: ContentInfo and CertBag. */
function contentOf(value: DerValue): { type: string; value: Uint8Array<ArrayBuffer> } {
  const reader = new DerReader(value);
  const type = oidText(reader.next(Tag.oid));
  return { type, value: reader.next(EXPLICIT).content };
}

/** The one value in `bytes`. */
function rootOf(bytes: Uint8Array<ArrayBuffer>, tag: number = Tag.sequence): DerValue {
  const reader = new DerReader({ content: bytes });
  const root = reader.next(tag);
  reader.end();
  return root;
}

function childrenOf(bytes: Uint8Array<ArrayBuffer>): Generator<DerValue> {
  return partsOf(rootOf(bytes));
}

function* partsOf(value: DerValue): Generator<DerValue> {
  const reader = new DerReader(value);
  while (!reader.isDone) yield reader.next();
}
