import { Buffer } from "node:buffer";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import type { Certificate } from "../pki/certificate.ts";

const EXPECTED = "keys may not be consistent: KeyMismatch";

/**
 * Knows for which certificates the handshake proves that a client holds the key. The platform (Deno 2.9.6) lets a handshake
 * pass whose signature it could not verify as the certificate is of version 1, and its source does so for whatever its
 * parser cannot read. Whoever has a copy of such a certificate could present it.
 */
export class Possession {
  #otherKeyPem: string | null = null;

  /** Whether the platform verifies the signatures of handshakes with this certificate. */
  isProven({ version, der, spki }: Certificate): boolean {
    return version === 3 && this.#isReadByPlatform(der) && isPlainKey(spki);
  }

  /**
   * Has the platform compare the certificate with a key that cannot be its own: by the same parser as in a handshake.
   * Any other answer than that the two do not belong together counts as a no.
   */
  #isReadByPlatform(der: Uint8Array): boolean {
    this.#otherKeyPem ??= generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
      .export({ type: "pkcs8", format: "pem" }).toString();
    const cert = `-----BEGIN CERTIFICATE-----\n${der.toBase64()}\n-----END CERTIFICATE-----\n`;
    try {
      Deno.createHttpClient({ cert, key: this.#otherKeyPem }).close();
      return false;
    } catch (error) {
      return error instanceof Error && error.message === EXPECTED;
    }
  }
}

/** What is signed with a key that cannot be read is not verified either. */
function isPlainKey(spki: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), type: "spki", format: "der" });
    return key.export({ type: "spki", format: "der" }).equals(spki);
  } catch {
    return false;
  }
}
