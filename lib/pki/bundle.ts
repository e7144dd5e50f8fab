import { type Certificate, parseCertificate } from "./certificate.ts";
import { type Crl, MAX_CRL_BYTES, parseCrl } from "./crl.ts";
import { PkiError, type PkiErrorCode } from "./pki_error.ts";

/** The longest bundle of certificates, in bytes: some thousand. */
const MAX_CERTIFICATES_BYTES = 4_194_304;
const MAX_CRLS_BYTES = 4 * MAX_CRL_BYTES;
const SEQUENCE = 0x30;

interface Kind<T> {
  readonly label: string;
  readonly code: PkiErrorCode;
  readonly maxBytes: number;
  readonly parse: (der: Uint8Array<ArrayBuffer>) => T;
}

/**
 * Reads certificates: one in DER, or any number in PEM (RFC 7468), with other blocks and text between them.
 *
 * @param bytes at most 4 MiB
 * @returns at least one, in their order
 * @throws {PkiError} `pki/bad-certificate`
 */
export function parseCertificateBundle(bytes: Uint8Array<ArrayBuffer>): Certificate[] {
  const kind = { label: "CERTIFICATE", code: "pki/bad-certificate", parse: parseCertificate } as const;
  return parseBundle(bytes, { ...kind, maxBytes: MAX_CERTIFICATES_BYTES });
}

/**
 * Reads revocation lists: one in DER, or any number in PEM, with other blocks and text between them.
 *
 * @param bytes at most 64 MiB
 * @returns at least one, in their order
 * @throws {PkiError} `pki/bad-crl`, `pki/unsupported-crl`
 */
export function parseCrlBundle(bytes: Uint8Array<ArrayBuffer>): Crl[] {
  return parseBundle(bytes, {
    label: "X509 CRL",
    code: "pki/bad-crl",
    maxBytes: MAX_CRLS_BYTES,
    parse: parseCrl,
  });
}

function parseBundle<T>(bytes: Uint8Array<ArrayBuffer>, { label, code, maxBytes, parse }: Kind<T>): T[] {
  if (bytes.length > maxBytes) throw new PkiError(code, `The file has more than ${maxBytes} bytes`);
  if (bytes[0] === SEQUENCE) return [parse(bytes)];
  const begin = `-----BEGIN ${label}-----`;
  const [, ...blocks] = new TextDecoder("latin1").decode(bytes).split(begin);
  if (blocks.length === 0) {
    const hint = `a block begins with ${begin}`;
    throw new PkiError(code, `There is no block of type ${label} in the file`, { hint });
  }
  return blocks.map((block, index) => {
    const end = block.indexOf(`-----END ${label}-----`);
    const der = end < 0 ? null : fromBase64(block.slice(0, end));
    if (der === null) {
      throw new PkiError(code, `Block ${index + 1} of type ${label} is not base64, or has no end`);
    }
    return parse(der);
  });
}

/** White space does not count. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return null;
  }
}
