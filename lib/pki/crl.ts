import { contextTag, DerError, DerReader, type DerValue, requireDer, Tag } from "./_der.ts";
import { flag, namedBits, readTime, smallInteger } from "./_der_values.ts";
import { parsePointName } from "./_distribution_point.ts";
import { parseExtensions, type RawExtension, within } from "./_extensions.ts";
import { parseName } from "./_name.ts";
import { readSigned, type SignedEnvelope } from "./_signed_envelope.ts";
import type { AlgorithmIdentifier } from "./certificate.ts";
import { type DistinguishedName, formatName } from "./distinguished_name.ts";
import { PkiError } from "./pki_error.ts";

/** A certificate revocation list (RFC 5280 section 5.1). Nothing about it is verified. */
export interface Crl {
  /** The part that is signed. */
  readonly tbs: Uint8Array<ArrayBuffer>;
  /** Who has signed it, and has issued the certificates in it. */
  readonly issuer: DistinguishedName;
  /** When it was made, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly thisUpdate: number;
  /** When there is a newer one, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly nextUpdate: number;
  /** Serial numbers, as `Certificate` has them. */
  readonly revoked: ReadonlySet<string>;
  /** What it speaks of. */
  readonly scope: CrlScope;
  /** How it is signed. */
  readonly signatureAlgorithm: AlgorithmIdentifier;
  /** By the issuer, over `tbs`. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** SHA-256 of the whole, as 64 lower-case hexadecimal digits. */
  readonly fingerprintSha256: string;
}

/** Which certificates of its issuer a list speaks of (RFC 5280 section 5.2.5). */
export interface CrlScope {
  /** `leaf`: those that are no authorities. */
  readonly certificates: "all" | "leaf" | "authorities";
  /** Those that name one of these distribution points; without any: all. Texts that are equal when the names are. */
  readonly distributionPoints: readonly string[];
  /** The bits of the reasons for which it lists them (RFC 5280 section 4.2.1.13); `null` is all. */
  readonly reasons: ReadonlySet<number> | null;
}

/** The longest list that is read, in bytes: some 400,000 certificates. */
export const MAX_CRL_BYTES = 16_777_216;

const WHOLE_SCOPE: CrlScope = { certificates: "all", distributionPoints: [], reasons: null };
const ISSUING_DISTRIBUTION_POINT = "2.5.29.28";
const DELTA_CRL_INDICATOR = "2.5.29.27";
/** Of these nothing depends on what is in them: identifiers and names of the issuer, the number, where changes are. */
const IGNORED: readonly string[] = ["2.5.29.18", "2.5.29.20", "2.5.29.35", "2.5.29.46"];
const REASON_CODE = "2.5.29.21";
const CERTIFICATE_ISSUER = "2.5.29.29";
const IGNORED_IN_ENTRY: readonly string[] = [REASON_CODE, "2.5.29.23", "2.5.29.24"];

/**
 * Reads a revocation list in strict DER. Lists of changes (delta), lists that speak of other issuers' certificates
 * (indirect), lists of attribute certificates, and those with a critical extension that is not understood are refused:
 * acting on a part of them could let a revoked certificate pass.
 *
 * @param der at most 16 MiB; it is kept, so do not change it afterwards
 * @throws {PkiError} `pki/bad-crl`, `pki/unsupported-crl`
 */
export function parseCrl(der: Uint8Array<ArrayBuffer>): Crl {
  try {
    if (der.length > MAX_CRL_BYTES) throw new DerError(`it has more than ${MAX_CRL_BYTES} bytes`);
    return readSigned(requireDer(der), readTbs);
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new PkiError("pki/bad-crl", `The revocation list cannot be read as ${cause.message}`, { cause });
  }
}

function readTbs(
  tbs: DerValue,
  algorithm: DerValue,
): Omit<Crl, keyof SignedEnvelope> {
  const reader = new DerReader(tbs);
  const version = reader.optional(Tag.integer);
  if (version !== undefined && smallInteger(version) !== 1) throw new DerError("it is not of version 2");
  if (reader.next(Tag.sequence).raw.toHex() !== algorithm.raw.toHex()) {
    throw new DerError("its two signature algorithms are not the same");
  }
  const issuer = parseName(reader.next(Tag.sequence));
  const thisUpdate = readTime(reader);
  // Its absence is a time missing, as RFC 5280 section 5.1.2.5 has it.
  const nextUpdate = readTime(reader);
  const entries = reader.optional(Tag.sequence);
  const extensions = reader.optional(contextTag(0, { constructed: true }));
  reader.end();
  if (version === undefined && extensions !== undefined) throw new DerError("it has extensions in version 1");
  const scope = readScope(readExtensions(extensions), issuer);
  return { issuer, thisUpdate, nextUpdate, revoked: readEntries(entries, issuer), scope };
}

function readExtensions(value: DerValue | undefined): RawExtension[] {
  if (value === undefined) return [];
  const reader = new DerReader(value);
  const extensions = parseExtensions(reader.next(Tag.sequence));
  reader.end();
  return extensions;
}

function readEntries(value: DerValue | undefined, issuer: DistinguishedName): ReadonlySet<string> {
  const serials = new Set<string>();
  if (value === undefined) return serials;
  const reader = new DerReader(value);
  while (!reader.isDone) {
    const entry = new DerReader(reader.next(Tag.sequence));
    serials.add(entry.next(Tag.integer).content.toHex());
    readTime(entry);
    const extensions = entry.optional(Tag.sequence);
    entry.end();
    for (const { id, isCritical } of extensions === undefined ? [] : parseExtensions(extensions)) {
      if (id === CERTIFICATE_ISSUER) {
        throw unsupported(issuer, "it lists certificates of other issuers (indirect)");
      }
      if (isCritical && !IGNORED_IN_ENTRY.includes(id)) throw unsupported(issuer, unknownExtension(id));
    }
  }
  return serials;
}

function readScope(extensions: readonly RawExtension[], issuer: DistinguishedName): CrlScope {
  let scope = WHOLE_SCOPE;
  for (const { id, isCritical, value } of extensions) {
    if (id === DELTA_CRL_INDICATOR) throw unsupported(issuer, "it lists changes only (delta)");
    if (id === ISSUING_DISTRIBUTION_POINT) {
      scope = within(id, () => issuingDistributionPoint(requireDer(value), issuer));
    } else if (isCritical && !IGNORED.includes(id)) throw unsupported(issuer, unknownExtension(id));
  }
  return scope;
}

function issuingDistributionPoint(value: DerValue, issuer: DistinguishedName): CrlScope {
  if (value.tag !== Tag.sequence) throw new DerError("the value has another type than it must");
  const reader = new DerReader(value);
  const distributionPoints = parsePointName(reader.optional(contextTag(0, { constructed: true })));
  const isLeafOnly = flag(reader.optional(contextTag(1)));
  const isAuthoritiesOnly = flag(reader.optional(contextTag(2)));
  const reasons = reader.optional(contextTag(3));
  const isIndirect = flag(reader.optional(contextTag(4)));
  const isAttributesOnly = flag(reader.optional(contextTag(5)));
  reader.end();
  if (isIndirect) throw unsupported(issuer, "it speaks of certificates of other issuers (indirect)");
  if (isAttributesOnly) throw unsupported(issuer, "it speaks of attribute certificates only");
  if (isLeafOnly && isAuthoritiesOnly) throw new DerError("nothing is spoken of");
  return {
    certificates: isLeafOnly ? "leaf" : isAuthoritiesOnly ? "authorities" : "all",
    distributionPoints,
    reasons: reasons === undefined ? null : namedBits(reasons),
  };
}

function unknownExtension(id: string): string {
  return `it has a critical extension that is not understood: ${id}`;
}

function unsupported(issuer: DistinguishedName, reason: string): PkiError {
  return new PkiError(
    "pki/unsupported-crl",
    `The revocation list of ${formatName(issuer)} cannot be used as ${reason}`,
    {
      hint: "use a complete list that the issuer of the certificates has signed",
    },
  );
}
