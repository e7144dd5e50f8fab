// The schemas need the metadata polyfill in place before they load.
import "reflect-metadata";
import { CertID, OCSPRequest, Request, TBSRequest } from "@peculiar/asn1-ocsp";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import { AlgorithmIdentifier } from "@peculiar/asn1-x509";
import { createHash } from "node:crypto";
import { DerError, DerReader, requireDer, Tag } from "./_der.ts";
import { wholeBits } from "./_der_values.ts";
import {
  type CertificateId,
  type OcspResponse,
  parseOcspResponse,
  type SingleAnswer,
} from "./_ocsp_response.ts";
import { KeyError, readPublicKey } from "./_public_key.ts";
import { verifySignature } from "./_signature.ts";
import type { Certificate } from "./certificate.ts";
import type { CrlSet } from "./crl_set.ts";
import { PathError } from "./path_error.ts";
import { PkiError, type PkiErrorCode } from "./pki_error.ts";
import { validatePath } from "./validate_path.ts";

/** What an OCSP responder says of a certificate: `unknown` is that it does not know. */
export type OcspStatus = "good" | "revoked" | "unknown";

/** An answer that was verified. */
export interface OcspAnswer {
  /** What is said. */
  readonly status: OcspStatus;
  /** When there is something newer, in milliseconds since 1970-01-01T00:00:00Z; up to 5 minutes ago. */
  readonly until: number;
}

/** What an answer is verified against. */
export interface OcspOptions {
  /** Whose status was asked for. */
  readonly certificate: Certificate;
  /** Who has issued it; that this is so was verified. */
  readonly issuer: Certificate;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
  /** Revocation lists in which the certificate of a delegated responder is looked up. Default: none. */
  readonly crls?: CrlSet;
}

/** The longest answer that is read, in bytes. */
export const MAX_OCSP_BYTES = 65_536;

const SHA1 = "1.3.14.3.2.26";
const HASHES: ReadonlyMap<string, "sha1" | "sha256"> = new Map([
  [SHA1, "sha1"],
  ["2.16.840.1.101.3.4.2.1", "sha256"],
]);
const OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
/** How far the clocks of the responder and of this machine may be apart. */
const SKEW_MS = 5 * 60_000;
/** How old an answer may be that does not say when there is a newer one. */
const MAX_AGE_MS = 5 * 60_000;

/**
 * The request for the status of one certificate (RFC 6960 section 4.1), not signed, in DER. It is named by SHA-1, the one
 * hash that every responder knows (RFC 5019 section 2.1.1), and has no nonce, so that answers can be made in advance.
 */
export function ocspRequest(certificate: Certificate, issuer: Certificate): Uint8Array<ArrayBuffer> {
  const id = identify(certificate, { issuer, hash: SHA1 })!;
  const reqCert = new CertID({
    hashAlgorithm: new AlgorithmIdentifier({ algorithm: SHA1, parameters: null }),
    issuerNameHash: new OctetString(Uint8Array.fromHex(id.issuerName)),
    issuerKeyHash: new OctetString(Uint8Array.fromHex(id.issuerKey)),
    serialNumber: Uint8Array.fromHex(id.serialNumber).buffer,
  });
  const tbsRequest = new TBSRequest({ requestList: [new Request({ reqCert })] });
  return new Uint8Array(AsnConvert.serialize(new OCSPRequest({ tbsRequest })));
}

/**
 * Reads and verifies the answer to {@link ocspRequest}: it speaks of the certificate (named by SHA-1 or SHA-256), is
 * signed by the issuer or by a delegate of the issuer (RFC 6960 section 4.2.2.2), and is of now, give or take 5 minutes. One that
 * does not say until when it holds may be 5 minutes old.
 *
 * @param der an OCSPResponse, at most 64 KiB
 * @throws {PkiError} `pki/bad-ocsp-answer`, `pki/bad-certificate`, `pki/ocsp-refused`, `pki/ocsp-other-certificate`,
 * `pki/ocsp-untrusted-signer`, `pki/ocsp-out-of-date`
 */
export async function verifyOcspAnswer(
  der: Uint8Array<ArrayBuffer>,
  options: OcspOptions,
): Promise<OcspAnswer> {
  const response = parse(der);
  const answer = answerFor(response, options);
  if (answer === undefined) throw error("pki/ocsp-other-certificate", "speaks of other certificates");
  if (!await isAuthorized(response, options)) {
    const found = "is signed neither by the issuer of the certificate nor by a responder that it has named";
    throw error("pki/ocsp-untrusted-signer", found);
  }
  const { status, thisUpdate, nextUpdate } = answer;
  const until = nextUpdate ?? thisUpdate + MAX_AGE_MS;
  if (thisUpdate - SKEW_MS > options.now || options.now > until + SKEW_MS) {
    const [from, to] = [thisUpdate, until].map((ms) => new Date(ms).toISOString());
    throw error("pki/ocsp-out-of-date", `is for ${from} to ${to}`);
  }
  return { status, until };
}

function parse(der: Uint8Array<ArrayBuffer>): OcspResponse {
  try {
    if (der.length > MAX_OCSP_BYTES) throw new DerError(`it has more than ${MAX_OCSP_BYTES} bytes`);
    return parseOcspResponse(der);
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw error("pki/bad-ocsp-answer", `cannot be read as ${cause.message}`, cause);
  }
}

/** Should there be several answers, the worst of them. */
function answerFor(
  { answers }: OcspResponse,
  { certificate, issuer }: OcspOptions,
): SingleAnswer | undefined {
  const own = answers.filter(({ id }) => {
    const wanted = identify(certificate, { issuer, hash: id.hash });
    return wanted !== null && id.issuerName === wanted.issuerName && id.issuerKey === wanted.issuerKey &&
      id.serialNumber === wanted.serialNumber;
  });
  return own.find(({ status }) => status === "revoked") ??
    own.find(({ status }) => status === "unknown") ?? own[0];
}

/** How requests and answers name a certificate; `null` with a hash that is not known. */
function identify(
  { issuer: name, serialNumber }: Certificate,
  { issuer, hash }: { issuer: Certificate; hash: string },
): CertificateId | null {
  const algorithm = HASHES.get(hash);
  if (algorithm === undefined) return null;
  const digest = (bytes: Uint8Array) => createHash(algorithm).update(bytes).digest("hex");
  return { hash, issuerName: digest(name.der), issuerKey: digest(keyBits(issuer)), serialNumber };
}

/** The content of the BIT STRING in a SubjectPublicKeyInfo. */
function keyBits({ spki }: Certificate): Uint8Array {
  const reader = new DerReader(requireDer(spki));
  reader.next(Tag.sequence);
  return wholeBits(reader.next(Tag.bitString));
}

async function isAuthorized(response: OcspResponse, options: OcspOptions): Promise<boolean> {
  if (await isSignedBy(response, options.issuer)) return true;
  for (const delegate of response.certificates) {
    if (await isSignedBy(response, delegate) && await isDelegate(delegate, options)) return true;
  }
  return false;
}

async function isSignedBy(response: OcspResponse, signer: Certificate): Promise<boolean> {
  const { responder } = response;
  try {
    const key = readPublicKey(signer.spki);
    const isMeant = "nameKey" in responder
      ? responder.nameKey === signer.subject.key
      : responder.keyHash === createHash("sha1").update(keyBits(signer)).digest("hex");
    return isMeant && await verifySignature(response, { key, allowSha1: false });
  } catch (error) {
    if (error instanceof KeyError) return false;
    throw error;
  }
}

/** Issued by the issuer itself, for this purpose by name. Nobody vouches for himself. */
async function isDelegate(
  delegate: Certificate,
  { certificate, issuer, now, crls }: OcspOptions,
): Promise<boolean> {
  const { extendedKeyUsage, keyUsage } = delegate.extensions;
  if (extendedKeyUsage?.has(OCSP_SIGNING) !== true || keyUsage?.has("digitalSignature") === false) {
    return false;
  }
  if (delegate.fingerprintSha256 === certificate.fingerprintSha256) return false;
  try {
    const options = { anchors: [issuer], intermediates: [], now, purpose: "any", maxDepth: 1 } as const;
    await validatePath(delegate, { ...options, ...(crls === undefined ? {} : { crls }) });
    return true;
  } catch (error) {
    if (error instanceof PathError) return false;
    throw error;
  }
}

function error(code: PkiErrorCode, found: string, cause?: unknown): PkiError {
  return new PkiError(code, `The OCSP answer ${found}`, { cause });
}
