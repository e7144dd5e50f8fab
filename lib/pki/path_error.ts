import { SallyportError } from "../base/errors.ts";
import type { Certificate } from "./certificate.ts";
import { formatName } from "./distinguished_name.ts";

/** Why no path leads from a certificate to a trust anchor. */
export type PathErrorCode =
  | "pki/path-no-anchor"
  | "pki/path-too-deep"
  | "pki/path-too-much-work"
  | "pki/path-bad-signature"
  | "pki/path-unsupported-algorithm"
  | "pki/path-weak-key"
  | "pki/path-version"
  | "pki/path-serial-number"
  | "pki/path-empty-name"
  | "pki/path-not-yet-valid"
  | "pki/path-expired"
  | "pki/path-name-not-permitted"
  | "pki/path-name-excluded"
  | "pki/path-policy"
  | "pki/path-not-ca"
  | "pki/path-length"
  | "pki/path-key-usage"
  | "pki/path-extended-key-usage"
  | "pki/path-unknown-critical-extension"
  | "pki/path-revoked"
  | "pki/path-crl-missing"
  | "pki/path-crl-signature"
  | "pki/path-crl-not-yet-valid"
  | "pki/path-crl-expired";

/** What a `PathError` is about. */
export interface PathErrorDetails {
  /** The certificate that failed; `null` when it is none in particular. */
  readonly certificate: Certificate | null;
  /** Its place in the path: 0 is the leaf. */
  readonly index: number;
  /** Of RFC 5280, unless the text names another: `6.1.3 (a)(2)`. */
  readonly section: string;
}

/** A certificate is not to be trusted. */
export class PathError extends SallyportError {
  /** The certificate's place in the path: 0 is the leaf. */
  readonly index: number;
  /** The subject of the certificate that failed, as text of at most 200 characters; may be empty. */
  readonly subject: string;
  /** The section of RFC 5280 that asks for what was not so. */
  readonly section: string;

  /** An error for one check. `found` is a clause whose subject is the certificate: `has expired at ...`. */
  constructor(readonly code: PathErrorCode, found: string, details: PathErrorDetails) {
    const { certificate, index, section } = details;
    const subject = certificate === null ? "" : formatName(certificate.subject);
    const who = certificate === null
      ? "The path"
      : `Certificate ${index} of the path (${subject || "no subject"})`;
    super(`${who} ${found} (RFC 5280 section ${section})`);
    this.index = index;
    this.subject = subject;
    this.section = section;
  }
}
