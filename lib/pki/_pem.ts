// x509 needs the metadata polyfill in place before it loads.
import "reflect-metadata";
import { PemConverter, X509Certificate } from "@peculiar/x509";
import { PkiError } from "./pki_error.ts";

/** Longest PEM text that is read, in characters: some hundred certificates. */
export const MAX_PEM_LENGTH = 1_048_576;

/** The first certificate in a PEM text. @throws {PkiError} `pki/bad-certificate` */
export function parseLeaf(pem: string): X509Certificate {
  if (pem.length > MAX_PEM_LENGTH) {
    throw new PkiError(
      "pki/bad-certificate",
      `The certificate file is longer than ${MAX_PEM_LENGTH} characters`,
    );
  }
  try {
    const block = PemConverter.decodeWithHeaders(pem).find((block) => block.type === "CERTIFICATE");
    if (block !== undefined) return new X509Certificate(block.rawData);
  } catch (cause) {
    throw new PkiError("pki/bad-certificate", "The certificate cannot be read", { cause });
  }
  throw new PkiError("pki/bad-certificate", "There is no certificate in the PEM text", {
    hint: "a certificate begins with -----BEGIN CERTIFICATE-----",
  });
}
