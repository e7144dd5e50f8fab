import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { decodeBase64, utf8 } from "../../base/bytes.ts";
import { SallyportError } from "../../base/errors.ts";
import { parseCertificateBundle } from "../../pki/bundle.ts";
import type { Certificate } from "../../pki/certificate.ts";
import { formatName } from "../../pki/distinguished_name.ts";
import { decryptKey } from "../../pki/encrypted_key.ts";
import { PkiError } from "../../pki/pki_error.ts";
import { MAX_PKCS12_BYTES, readPkcs12 } from "../../pki/pkcs12.ts";
import type { ClientCertificate } from "../gateway_trust.ts";

/** A certificate with its key, somewhere on this machine. */
export interface UsableCandidate {
  /** Where it was found. */
  readonly source: string;
  /** What can be shown. */
  readonly certificate: ClientCertificate;
  /** The chain, the certificate itself first. */
  readonly chain: readonly [Certificate, ...Certificate[]];
}

/** Something that was found and cannot be shown. */
export interface UnusableCandidate {
  /** Where it was found. */
  readonly source: string;
  /** Why not. */
  readonly fault: SallyportError;
  /** The certificate as far as it could be read. */
  readonly chain: readonly Certificate[];
}

/** A certificate whose key has not been taken out of where it is kept, which takes time. */
export interface KeptCandidate {
  /** Where it was found. */
  readonly source: string;
  /** The chain, the certificate itself first. */
  readonly chain: readonly [Certificate, ...Certificate[]];
  /** Takes the key out. */
  readonly open: () => Promise<UsableCandidate | UnusableCandidate>;
}

/** What was found in one place. */
export type Candidate = UsableCandidate | UnusableCandidate | KeptCandidate;

/** Bytes that may hold a certificate, a key, or both. */
export interface CandidateFiles {
  /** Where it was found. */
  readonly source: string;
  /** PEM text, or PKCS#12. */
  readonly certificate: Uint8Array<ArrayBuffer>;
  /** PEM text; default: the key is in the same file. */
  readonly key?: Uint8Array<ArrayBuffer>;
  /** For an encrypted key; `null`: there is none. */
  readonly password: string | null;
}

const MAX_CHAIN = 10;
const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----[^]*?-----END \1-----/g;
const DER_SEQUENCE = 0x30;

/** Reads what may be a certificate with its key. Nothing about it is verified. @returns one, or those of a PKCS#12 file */
export async function readCandidates(
  files: CandidateFiles,
): Promise<(UsableCandidate | UnusableCandidate)[]> {
  const { source, certificate, password } = files;
  try {
    if (certificate.length > MAX_PKCS12_BYTES || (files.key?.length ?? 0) > MAX_PKCS12_BYTES) {
      throw new PkiError("pki/bad-certificate", `The file is larger than ${MAX_PKCS12_BYTES} bytes`);
    }
    if (isPkcs12(certificate)) {
      const identities = await readPkcs12(certificate, { password: password ?? "" });
      return await Promise.all(identities.map((identity) => pairUp({ source, ...identity })));
    }
    const certPem = latin1(certificate);
    const keyPem = files.key === undefined ? certPem : latin1(files.key);
    return [await pairUp({ source, certPem, keyPem, password })];
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    return [{ source, fault: passwordHint(error), chain: [] }];
  }
}

/** The certificates in PEM text: 1 to 10. @throws {PkiError} `pki/bad-certificate` */
export function certificatesIn(pem: string): Certificate[] {
  return parseCertificateBundle(utf8(pem)).slice(0, MAX_CHAIN);
}

/** Whether the bytes are rather a PKCS#12 file than PEM text. */
export function isPkcs12(bytes: Uint8Array): boolean {
  return bytes[0] === DER_SEQUENCE;
}

/** Whether a key in PEM text can only be read with a password. */
export function isEncryptedKey(bytes: Uint8Array): boolean {
  return /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(latin1(bytes));
}

async function pairUp(
  { source, certPem, keyPem, password = null }: {
    source: string;
    certPem: string;
    keyPem: string;
    password?: string | null;
  },
): Promise<UsableCandidate | UnusableCandidate> {
  let chain: readonly Certificate[] = [];
  try {
    chain = certificatesIn(certPem);
    const [own, ...issuers] = chain as [Certificate, ...Certificate[]];
    const key = await readKey(keyPem, password);
    if (!createPublicKey(key).export({ type: "spki", format: "der" }).equals(own.spki)) {
      throw new PkiError("pki/key-mismatch", "The key does not belong to the certificate");
    }
    const certificate = {
      certPem: blocksOf(certPem, ["CERTIFICATE"]).join("\n") + "\n",
      keyPem: String(key.export({ type: "pkcs8", format: "pem" })),
      name: `${formatName(own.subject) || "without a name"} (${source})`,
    };
    return { source, certificate, chain: [own, ...issuers] };
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    return { source, fault: passwordHint(error), chain };
  }
}

async function readKey(pem: string, password: string | null): Promise<KeyObject> {
  const [block] = blocksOf(pem, [
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
  ]);
  if (block === undefined) throw new PkiError("pki/bad-key", "There is no private key in PEM text");
  const isEncrypted = block.includes("ENCRYPTED");
  if (isEncrypted && password === null) {
    throw new PkiError("pki/wrong-password", "The key is encrypted, and there is no password");
  }
  if (block.startsWith("-----BEGIN ENCRYPTED")) {
    return await decryptKey(derOf(block), { password: password! });
  }
  try {
    return createPrivateKey({ key: block, ...(isEncrypted ? { passphrase: password! } : {}) });
  } catch {
    // The cause is left out: it must never be able to carry a part of the key.
    if (!isEncrypted) throw new PkiError("pki/bad-key", "The key cannot be read");
    throw new PkiError("pki/wrong-password", "The key cannot be decrypted");
  }
}

const PASSWORD_HINT = "put the password into a file and name it with --client-cert-password-file";

function passwordHint(error: SallyportError): SallyportError {
  if (!(error instanceof PkiError) || error.code !== "pki/wrong-password") return error;
  return new PkiError(error.code, error.message, { cause: error, hint: PASSWORD_HINT });
}

function blocksOf(pem: string, labels: readonly string[]): string[] {
  return [...pem.matchAll(BLOCK)].filter(([, label]) => labels.includes(label!)).map(([block]) => block);
}

function derOf(block: string): Uint8Array<ArrayBuffer> {
  const der = decodeBase64(block.replace(/-----[^-]+-----|\s/g, ""));
  if (der === null) throw new PkiError("pki/bad-key", "The key is not base64");
  return der;
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
