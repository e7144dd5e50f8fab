import { createHash } from "node:crypto";
import { contextTag, DerError, DerReader, type DerValue, requireBitString, requireDer, Tag } from "./_der.ts";
import { readTime, smallInteger } from "./_der_values.ts";
import { interpretExtensions, parseExtensions } from "./_extensions.ts";
import { parseName } from "./_name.ts";
import { readSigned, type SignedEnvelope } from "./_signed_envelope.ts";
import type { DistinguishedName } from "./distinguished_name.ts";
import type { GeneralName } from "./general_name.ts";
import { PkiError } from "./pki_error.ts";

/** A certificate (RFC 5280 section 4.1). Nothing about it is verified. */
export interface Certificate {
  /** The whole, as it was given. */
  readonly der: Uint8Array<ArrayBuffer>;
  /** The part that is signed. */
  readonly tbs: Uint8Array<ArrayBuffer>;
  /** As people count: 3 is the only one fit for anything but a trust anchor. */
  readonly version: 1 | 2 | 3;
  /** The content of the INTEGER, in lower-case hexadecimal: negative when its first digit is 8 to f. */
  readonly serialNumber: string;
  /** Who has issued it. */
  readonly issuer: DistinguishedName;
  /** Whom it is for; may be empty. */
  readonly subject: DistinguishedName;
  /** The first moment it is good for, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly notBefore: number;
  /** The last moment it is good for, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly notAfter: number;
  /** The subject's public key: SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array<ArrayBuffer>;
  /** How it is signed. */
  readonly signatureAlgorithm: AlgorithmIdentifier;
  /** By the issuer, over `tbs`. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** What the extensions say. */
  readonly extensions: CertificateExtensions;
  /** SHA-256 of `der`, as 64 lower-case hexadecimal digits. */
  readonly fingerprintSha256: string;
  /** SHA-256 of `spki`, as padded base64. */
  readonly spkiSha256Base64: string;
}

/** The extensions that validation acts on (RFC 5280 section 4.2.1); one that is absent is absent here. */
export interface CertificateExtensions {
  /** Empty when the extension is absent. */
  readonly subjectAlternativeNames: readonly GeneralName[];
  /** Whether they must be understood, as they must be when there is no subject. */
  readonly subjectAlternativeNamesCritical?: boolean;
  /** Whether it may issue certificates, and how many authorities may stand between; `null` is unlimited. */
  readonly basicConstraints?: { readonly isAuthority: boolean; readonly pathLength: number | null };
  /** What the key may be used for. */
  readonly keyUsage?: ReadonlySet<KeyUsage>;
  /** Object identifiers of purposes. */
  readonly extendedKeyUsage?: ReadonlySet<string>;
  /** Which names may be certified below it. */
  readonly nameConstraints?: NameConstraints;
  /** Object identifiers of certificate policies. */
  readonly policies?: ReadonlySet<string>;
  /** Policies that are held to be the same. */
  readonly policyMappings?: readonly PolicyMapping[];
  /** After how many more certificates a policy is required; `null` is never. */
  readonly requireExplicitPolicy?: number | null;
  /** After how many more certificates policies are mapped no more; `null` is never. */
  readonly inhibitPolicyMapping?: number | null;
  /** After how many more certificates the policy "any" stands for none. */
  readonly inhibitAnyPolicy?: number;
  /** In hexadecimal. */
  readonly subjectKeyIdentifier?: string;
  /** In hexadecimal. A hint at the issuer's key, no more. */
  readonly authorityKeyIdentifier?: string;
  /** Which revocation lists speak of it. */
  readonly crlDistributionPoints?: readonly DistributionPoint[];
  /** Where OCSP responders that speak of it can be asked (RFC 5280 section 4.2.2.1), as it stands there. */
  readonly ocspUris?: readonly string[];
  /** Object identifiers of the critical extensions that are not among these. */
  readonly unknownCritical: readonly string[];
}

/** An algorithm and its parameters (RFC 5280 section 4.1.1.2). */
export interface AlgorithmIdentifier {
  /** Object identifier. */
  readonly id: string;
  /** The parameters' encoding; `null` when there are none. */
  readonly parameters: Uint8Array<ArrayBuffer> | null;
}

/** What a key may be used for (RFC 5280 section 4.2.1.3). */
export type KeyUsage =
  | "digitalSignature"
  | "nonRepudiation"
  | "keyEncipherment"
  | "dataEncipherment"
  | "keyAgreement"
  | "keyCertSign"
  | "cRLSign"
  | "encipherOnly"
  | "decipherOnly";

/** The base of a tree of names: an IP address with its mask, every other name as it stands. */
export type GeneralSubtree = GeneralName;

/** Which names an authority may issue for (RFC 5280 section 4.2.1.10). */
export interface NameConstraints {
  /** Names of a kind that occurs here must be in one of its trees. */
  readonly permitted: readonly GeneralSubtree[];
  /** Names may be in none of these. */
  readonly excluded: readonly GeneralSubtree[];
}

/** Two policies that an authority holds to be the same (RFC 5280 section 4.2.1.5). */
export interface PolicyMapping {
  /** Object identifier, as the issuer calls it. */
  readonly issuerPolicy: string;
  /** Object identifier, as the subject calls it. */
  readonly subjectPolicy: string;
}

/** Where a revocation list is kept (RFC 5280 section 4.2.1.13). Nothing is fetched: it tells which list is meant. */
export interface DistributionPoint {
  /** Texts that are equal when the names are. */
  readonly names: readonly string[];
  /** Whether somebody else than the certificate's issuer signs the list. */
  readonly isIndirect: boolean;
}

/** The largest certificate that is read, in bytes. */
export const MAX_CERTIFICATE_BYTES = 65_536;

/**
 * Reads a certificate in strict DER: what is not DER is refused, not repaired. So is an extension that stands there
 * twice, one that is malformed, and a signature algorithm that differs from the one that is signed.
 *
 * @param der at most 64 KiB; it is kept, so do not change it afterwards
 * @throws {PkiError} `pki/bad-certificate`
 */
export function parseCertificate(der: Uint8Array<ArrayBuffer>): Certificate {
  try {
    if (der.length > MAX_CERTIFICATE_BYTES) {
      throw new DerError(`it has more than ${MAX_CERTIFICATE_BYTES} bytes`);
    }
    return readCertificate(requireDer(der));
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new PkiError("pki/bad-certificate", `The certificate cannot be read as ${cause.message}`, {
      cause,
    });
  }
}

function readCertificate(value: DerValue): Certificate {
  return { der: value.raw, ...readSigned(value, readTbs) };
}

type Signed = Omit<Certificate, "der" | keyof SignedEnvelope>;

function readTbs(tbs: DerValue, algorithm: DerValue): Signed {
  const reader = new DerReader(tbs);
  const version = readVersion(reader.optional(contextTag(0, { constructed: true })));
  const serialNumber = reader.next(Tag.integer).content.toHex();
  requireSame(reader.next(Tag.sequence), algorithm);
  const issuer = parseName(reader.next(Tag.sequence));
  const validity = new DerReader(reader.next(Tag.sequence));
  const notBefore = readTime(validity);
  const notAfter = readTime(validity);
  validity.end();
  const subject = parseName(reader.next(Tag.sequence));
  const { raw: spki } = reader.next(Tag.sequence);
  skipUniqueIdentifiers(reader, version);
  const extensions = reader.optional(contextTag(3, { constructed: true }));
  reader.end();
  return {
    version,
    serialNumber,
    issuer,
    subject,
    notBefore,
    notAfter,
    spki,
    extensions: readExtensions(extensions, version),
    spkiSha256Base64: createHash("sha256").update(spki).digest("base64"),
  };
}

function readVersion(value: DerValue | undefined): 1 | 2 | 3 {
  if (value === undefined) return 1;
  const reader = new DerReader(value);
  const number = smallInteger(reader.next(Tag.integer));
  reader.end();
  if (number === 1 || number === 2) return number === 1 ? 2 : 3;
  throw new DerError(number === 0 ? "its version is a default written out" : `its version is ${number + 1}`);
}

/** RFC 5280 section 4.1.1.2: an attacker could otherwise have the signature read by other rules. */
function requireSame(signed: DerValue, outer: DerValue): void {
  if (signed.raw.toHex() !== outer.raw.toHex()) {
    throw new DerError("its two signature algorithms are not the same");
  }
}

/** They are to be accepted and never used (RFC 5280 section 4.1.2.8). */
function skipUniqueIdentifiers(reader: DerReader, version: number): void {
  for (const number of [1, 2]) {
    const identifier = reader.optional(contextTag(number));
    if (identifier === undefined) continue;
    if (version === 1) throw new DerError("it has unique identifiers in version 1");
    requireBitString(identifier.content);
  }
}

function readExtensions(value: DerValue | undefined, version: number): CertificateExtensions {
  if (value === undefined) return interpretExtensions([]);
  if (version !== 3) throw new DerError(`it has extensions in version ${version}`);
  const reader = new DerReader(value);
  const extensions = parseExtensions(reader.next(Tag.sequence));
  reader.end();
  return interpretExtensions(extensions);
}
