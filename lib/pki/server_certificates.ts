import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { MAX_PEM_LENGTH, parseLeaf } from "./_pem.ts";
import { type CertificateDescription, describeCertificate } from "./describe_certificate.ts";
import { PkiError } from "./pki_error.ts";
import { hostKeys, nameKey } from "./server_name.ts";

/** Files hold certificates and `EC PARAMETERS` beside the key. */
const KEY_BLOCK = /-----BEGIN ((?:RSA |EC )?PRIVATE KEY)-----[^-]*-----END \1-----/;

/** A certificate chain and the key of its first certificate, as PEM text. */
export interface CertificatePair {
  /** The server's certificate first, then its intermediates. */
  readonly certPem: string;
  /** Unencrypted PKCS#8, PKCS#1 or SEC 1. */
  readonly keyPem: string;
  /** Where it came from, for messages. */
  readonly source: string;
}

/** A pair whose halves belong together, and what its certificate says. */
export interface ServerCertificate extends CertificateDescription {
  /** The pair as it was given. */
  readonly pair: CertificatePair;
}

/** The certificates of a listener, chosen by the server name that the client asks for (RFC 6066 section 3). */
export class ServerCertificates {
  /** In the order given. A `notAfter` that has passed is not an error here: say so and serve it. */
  readonly certificates: readonly ServerCertificate[];
  readonly #byName = new Map<string, CertificatePair>();
  readonly #first: CertificatePair;

  /**
   * Checks every pair.
   *
   * @param pairs at least one; of two that carry the same name the first wins
   * @throws {PkiError} `pki/bad-certificate`, `pki/bad-key`, `pki/key-mismatch`
   */
  constructor(pairs: readonly CertificatePair[]) {
    if (pairs[0] === undefined) throw new TypeError("Cannot select a certificate as there is none");
    this.#first = pairs[0];
    this.certificates = pairs.map(checkPair);
    for (const { pair, dnsNames, ipAddresses } of this.certificates) {
      for (const name of [...dnsNames, ...ipAddresses]) {
        const key = nameKey(name);
        if (!this.#byName.has(key)) this.#byName.set(key, pair);
      }
    }
  }

  /** Every subject alternative name of every certificate, without duplicates. */
  get names(): readonly string[] {
    return [...new Set(this.certificates.flatMap((one) => [...one.dnsNames, ...one.ipAddresses]))];
  }

  /**
   * The pair for a server name: the one that carries it, else the one with the wildcard that stands for its first label
   * (RFC 9525 section 6.3), else the first.
   *
   * @param serverName as the client sent it; empty when it sent none
   */
  select(serverName: string): CertificatePair {
    return this.#find(serverName) ?? this.#first;
  }

  /** Whether a client that expects `hostname` (a DNS name, or an IP address without brackets) accepts a certificate. */
  covers(hostname: string): boolean {
    return this.#find(hostname) !== undefined;
  }

  #find(name: string): CertificatePair | undefined {
    return hostKeys(name).map((key) => this.#byName.get(key)).find((pair) => pair !== undefined);
  }
}

function checkPair(pair: CertificatePair): ServerCertificate {
  try {
    const description = describeCertificate(pair.certPem);
    const certified = Buffer.from(parseLeaf(pair.certPem).publicKey.rawData);
    if (!certified.equals(publicKeyOf(pair.keyPem))) {
      throw new PkiError("pki/key-mismatch", "The key does not belong to the certificate", {
        hint: "the server's own certificate must come first in the file",
      });
    }
    return { ...description, pair };
  } catch (error) {
    throw withSource(error, pair.source);
  }
}

function publicKeyOf(pem: string): Buffer {
  try {
    const key = pem.length > MAX_PEM_LENGTH ? undefined : KEY_BLOCK.exec(pem)?.[0];
    if (key !== undefined) {
      return createPublicKey(createPrivateKey(key)).export({ type: "spki", format: "der" });
    }
  } catch {
    // The cause is left out: it must never be able to carry a part of the key.
  }
  throw new PkiError("pki/bad-key", "The key cannot be read", {
    hint: "use an unencrypted private key in PEM format",
  });
}

function withSource(error: unknown, source: string): unknown {
  if (!(error instanceof PkiError)) return error;
  const { cause, hint } = error;
  return new PkiError(error.code, `Cannot use ${source}: ${error.message}`, { cause, hint });
}
