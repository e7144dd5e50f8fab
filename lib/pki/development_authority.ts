// x509 needs the metadata polyfill in place before it loads.
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { parseHost } from "../base/authority.ts";
import { parseIp } from "../base/ip.ts";
import { systemRandom } from "../base/random.ts";
import { parseLeaf } from "./_pem.ts";
import { PkiError } from "./pki_error.ts";

/** A certificate and its private key (PKCS#8), both as PEM text. */
export interface IssuedCertificate {
  /** One certificate. */
  readonly certPem: string;
  /** A secret: keep the file private. */
  readonly keyPem: string;
}

const DAY_MS = 86_400_000;
const AUTHORITY_LIFETIME_MS = 3650 * DAY_MS;
/** With the hour before, less than the 397 days that browsers accept. */
const SERVER_LIFETIME_MS = 396 * DAY_MS;
/** Certificates begin this much in the past, for peers whose clocks are behind. */
const BACKDATE_MS = 3_600_000;
const MAX_NAMES = 100;
/** The longest common name (RFC 5280 appendix A, ub-common-name). */
const MAX_COMMON_NAME = 64;
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/**
 * Makes a certificate authority for development: P-256, good for ten years, able to issue server certificates but no
 * further authorities (RFC 5280 section 4.2.1.9). Whoever has its key can impersonate every site to those who trust it.
 *
 * @param options `now`: milliseconds since 1970; `commonName`: 1 to 64 characters, shown in trust stores
 */
export async function createAuthority(
  options: { now: number; commonName: string },
): Promise<IssuedCertificate> {
  const { now, commonName } = options;
  if (commonName === "" || commonName.length > MAX_COMMON_NAME) {
    throw new RangeError(`Cannot create the authority as its name is not 1 to ${MAX_COMMON_NAME} characters`);
  }
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: P256,
    serialNumber: randomSerial(),
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + AUTHORITY_LIFETIME_MS),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: certificate.toString("pem"), keyPem: await exportKey(keys.privateKey) };
}

/**
 * Issues a certificate for a server: P-256, good for 396 days or as long as the authority.
 *
 * @param options `names`: 1 to 100 DNS names (`*.example.com` too) and IP addresses; `now`: milliseconds since 1970
 * @throws {PkiError} `pki/bad-name`; `pki/expired` when the authority has; `pki/bad-certificate`, `pki/bad-key`
 */
export async function issueServerCertificate(
  options: { authority: IssuedCertificate; names: readonly string[]; now: number },
): Promise<IssuedCertificate> {
  const { names, now } = options;
  if (names.length < 1 || names.length > MAX_NAMES) {
    throw new PkiError(
      "pki/bad-name",
      `A certificate needs 1 to ${MAX_NAMES} names: there are ${names.length}`,
    );
  }
  const authority = parseLeaf(options.authority.certPem);
  if (authority.notAfter.getTime() <= now) {
    throw new PkiError("pki/expired", "The development authority has expired", { hint: "create a new one" });
  }
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [names.find((name) => name.length <= MAX_COMMON_NAME) ?? "server"] }],
    issuer: authority.subjectName,
    publicKey: keys.publicKey,
    signingKey: await importSigningKey(options.authority.keyPem),
    signingAlgorithm: P256,
    serialNumber: randomSerial(),
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(Math.min(now + SERVER_LIFETIME_MS, authority.notAfter.getTime())),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([SERVER_AUTH]),
      new SubjectAlternativeNameExtension(names.map(alternativeName)),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  return { certPem: certificate.toString("pem"), keyPem: await exportKey(keys.privateKey) };
}

function alternativeName(name: string): JsonGeneralName {
  if (parseIp(name) !== null) return { type: "ip", value: name };
  const wildcard = name.startsWith("*.") ? "*." : "";
  try {
    return { type: "dns", value: wildcard + parseHost(name.slice(wildcard.length)) };
  } catch (cause) {
    throw new PkiError("pki/bad-name", `Not a name for a certificate: ${JSON.stringify(name)}`, { cause });
  }
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(P256, true, ["sign", "verify"]);
}

async function exportKey(key: CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY") + "\n";
}

async function importSigningKey(pem: string): Promise<CryptoKey> {
  try {
    return await crypto.subtle.importKey("pkcs8", PemConverter.decodeFirst(pem), P256, false, ["sign"]);
  } catch (cause) {
    throw new PkiError("pki/bad-key", "The key of the development authority cannot be read", { cause });
  }
}

/** 16 random bytes, as hexadecimal, that DER reads as a positive integer of full length (RFC 5280 section 4.1.2.2). */
function randomSerial(): string {
  const bytes = systemRandom.bytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toHex();
}
