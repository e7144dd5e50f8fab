import { SallyportError } from "../base/errors.ts";

/** What is wrong with a certificate, a key, or a name for one. */
export type PkiErrorCode =
  | "pki/bad-certificate"
  | "pki/bad-crl"
  | "pki/unsupported-crl"
  | "pki/bad-ocsp-answer"
  | "pki/ocsp-refused"
  | "pki/ocsp-other-certificate"
  | "pki/ocsp-untrusted-signer"
  | "pki/ocsp-out-of-date"
  | "pki/bad-key"
  | "pki/bad-pkcs12"
  | "pki/wrong-password"
  | "pki/unsupported"
  | "pki/too-much-work"
  | "pki/key-mismatch"
  | "pki/expired"
  | "pki/bad-name";

/** A certificate or its key cannot be used. */
export class PkiError extends SallyportError {
  /** An error with what kind of failure it is, which certificate is meant and what was found. */
  constructor(
    readonly code: PkiErrorCode,
    message: string,
    options?: { cause?: unknown; hint?: string | undefined },
  ) {
    super(message, options);
  }
}
