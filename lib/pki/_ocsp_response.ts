import { parseAlgorithm } from "./_algorithm.ts";
import { contextTag, DerError, DerReader, type DerValue, requireDer, Tag } from "./_der.ts";
import { oidText, readTime, smallInteger, wholeBits } from "./_der_values.ts";
import { parseExtensions } from "./_extensions.ts";
import { parseName } from "./_name.ts";
import { type AlgorithmIdentifier, type Certificate, parseCertificate } from "./certificate.ts";
import { PkiError } from "./pki_error.ts";

/** What an OCSP responder says of certificates (BasicOCSPResponse, RFC 6960 section 4.2.1). Nothing is verified. */
export interface OcspResponse {
  /** The part that is signed. */
  readonly tbs: Uint8Array<ArrayBuffer>;
  /** Who has signed it: the key of a name, or the SHA-1 of a key in hexadecimal. */
  readonly responder: { readonly nameKey: string } | { readonly keyHash: string };
  readonly answers: readonly SingleAnswer[];
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array<ArrayBuffer>;
  /** That may be the responder's. */
  readonly certificates: readonly Certificate[];
}

/** What is said of one certificate. */
export interface SingleAnswer {
  readonly id: CertificateId;
  readonly status: "good" | "revoked" | "unknown";
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  /** Milliseconds since 1970; `null`: what is newer can be had at any time. */
  readonly nextUpdate: number | null;
}

/** Which certificate is meant (CertID); hashes and the content of the serial number in hexadecimal. */
export interface CertificateId {
  /** Object identifier of the hash algorithm. */
  readonly hash: string;
  readonly issuerName: string;
  readonly issuerKey: string;
  readonly serialNumber: string;
}

const BASIC_RESPONSE = "1.3.6.1.5.5.7.48.1.1";
const NONCE = "1.3.6.1.5.5.7.48.1.2";
const MAX_CERTIFICATES = 8;
const REFUSALS: Readonly<Record<number, string>> = {
  1: "malformedRequest",
  2: "internalError",
  3: "tryLater",
  5: "sigRequired",
  6: "unauthorized",
};

/** Reads an OCSPResponse. @throws {DerError}; {PkiError} `pki/ocsp-refused`, `pki/bad-certificate` */
export function parseOcspResponse(der: Uint8Array<ArrayBuffer>): OcspResponse {
  const reader = new DerReader(requireSequence(requireDer(der)));
  const status = smallInteger(reader.next(Tag.enumerated));
  if (status !== 0) {
    const name = REFUSALS[status] ?? `status ${status}`;
    throw new PkiError("pki/ocsp-refused", `The OCSP responder says ${name}`);
  }
  const outer = new DerReader(reader.next(contextTag(0, { constructed: true })));
  reader.end();
  const bytes = new DerReader(outer.next(Tag.sequence));
  outer.end();
  if (oidText(bytes.next(Tag.oid)) !== BASIC_RESPONSE) throw new DerError("it is of an unknown kind");
  const basic = requireDer(bytes.next(Tag.octetString).content);
  bytes.end();
  return readBasic(requireSequence(basic));
}

function readBasic(value: DerValue): OcspResponse {
  const reader = new DerReader(value);
  const tbs = reader.next(Tag.sequence);
  const signatureAlgorithm = parseAlgorithm(reader.next(Tag.sequence));
  const signature = wholeBits(reader.next(Tag.bitString));
  const certificates = readCertificates(reader.optional(contextTag(0, { constructed: true })));
  reader.end();
  return { tbs: tbs.raw, ...readData(tbs), signatureAlgorithm, signature, certificates };
}

function readCertificates(value: DerValue | undefined): Certificate[] {
  if (value === undefined) return [];
  const outer = new DerReader(value);
  const reader = new DerReader(outer.next(Tag.sequence));
  outer.end();
  const certificates: Certificate[] = [];
  while (!reader.isDone) {
    if (certificates.length === MAX_CERTIFICATES) {
      throw new DerError(`it has more than ${MAX_CERTIFICATES} certificates`);
    }
    certificates.push(parseCertificate(reader.next(Tag.sequence).raw));
  }
  return certificates;
}

function readData(tbs: DerValue): Pick<OcspResponse, "responder" | "answers"> {
  const reader = new DerReader(tbs);
  // Version 1 is the default, which DER does not write, and there is no other.
  const responder = readResponder(
    reader.next(contextTag(1, { constructed: true }), contextTag(2, { constructed: true })),
  );
  readTime(reader);
  const list = new DerReader(reader.next(Tag.sequence));
  const answers: SingleAnswer[] = [];
  while (!list.isDone) answers.push(readAnswer(list.next(Tag.sequence)));
  refuseUnknownCritical(reader.optional(contextTag(1, { constructed: true })));
  reader.end();
  return { responder, answers };
}

function readResponder(value: DerValue): OcspResponse["responder"] {
  const reader = new DerReader(value);
  const responder = value.tag === contextTag(1, { constructed: true })
    ? { nameKey: parseName(reader.next(Tag.sequence)).key }
    : { keyHash: reader.next(Tag.octetString).content.toHex() };
  reader.end();
  return responder;
}

function readAnswer(value: DerValue): SingleAnswer {
  const reader = new DerReader(value);
  const id = readId(reader.next(Tag.sequence));
  const status = readStatus(
    reader.next(contextTag(0), contextTag(1, { constructed: true }), contextTag(2)),
  );
  const thisUpdate = readTime(reader);
  const end = reader.optional(contextTag(0, { constructed: true }));
  const nextUpdate = end === undefined ? null : readOnlyTime(end);
  refuseUnknownCritical(reader.optional(contextTag(1, { constructed: true })));
  reader.end();
  return { id, status, thisUpdate, nextUpdate };
}

function readId(value: DerValue): CertificateId {
  const reader = new DerReader(value);
  const id = {
    hash: parseAlgorithm(reader.next(Tag.sequence)).id,
    issuerName: reader.next(Tag.octetString).content.toHex(),
    issuerKey: reader.next(Tag.octetString).content.toHex(),
    serialNumber: reader.next(Tag.integer).content.toHex(),
  };
  reader.end();
  return id;
}

function readStatus(value: DerValue): SingleAnswer["status"] {
  if (value.tag === contextTag(1, { constructed: true })) {
    const reader = new DerReader(value);
    readTime(reader);
    reader.optional(contextTag(0, { constructed: true }));
    reader.end();
    return "revoked";
  }
  if (value.content.length > 0) throw new DerError("a status has content");
  return value.tag === contextTag(0) ? "good" : "unknown";
}

function readOnlyTime(value: DerValue): number {
  const reader = new DerReader(value);
  const time = readTime(reader);
  reader.end();
  return time;
}

/** Of those that RFC 6960 section 4.4 names only the nonce may be critical without telling anything about a status. */
function refuseUnknownCritical(value: DerValue | undefined): void {
  if (value === undefined) return;
  const reader = new DerReader(value);
  const unknown = parseExtensions(reader.next(Tag.sequence))
    .find(({ id, isCritical }) => isCritical && id !== NONCE);
  reader.end();
  if (unknown !== undefined) {
    throw new DerError(`it has a critical extension that is not understood: ${unknown.id}`);
  }
}

function requireSequence(value: DerValue): DerValue {
  if (value.tag !== Tag.sequence) throw new DerError("it is not a sequence");
  return value;
}
