// x509 needs the metadata polyfill in place before it loads.
import "reflect-metadata";
import { SubjectAlternativeNameExtension, type X509Certificate } from "@peculiar/x509";
import { parseLeaf } from "./_pem.ts";
import { PkiError } from "./pki_error.ts";

/** What a certificate says about itself. */
export interface CertificateDescription {
  /** DNS subject alternative names, lower case; a wildcard stands as `*.example.com`. */
  readonly dnsNames: readonly string[];
  /** IP subject alternative names, without brackets. */
  readonly ipAddresses: readonly string[];
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly notBefore: number;
  /** The last moment it is good for, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly notAfter: number;
  /** The subject's distinguished name (RFC 4514), such as `CN=gateway`; may be empty. */
  readonly subject: string;
}

/**
 * Reads the first certificate of a PEM text. Nothing about it is verified.
 *
 * @param pem at most 1 MiB
 * @throws {PkiError} `pki/bad-certificate`
 */
export function describeCertificate(pem: string): CertificateDescription {
  const certificate = parseLeaf(pem);
  const names = alternativeNames(certificate);
  return {
    dnsNames: names.filter((name) => name.type === "dns").map((name) => name.value.toLowerCase()),
    ipAddresses: names.filter((name) => name.type === "ip").map((name) => name.value),
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
    subject: certificate.subject,
  };
}

function alternativeNames(certificate: X509Certificate): readonly { type: string; value: string }[] {
  try {
    return certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  } catch (cause) {
    throw new PkiError("pki/bad-certificate", "The certificate's alternative names cannot be read", {
      cause,
    });
  }
}
