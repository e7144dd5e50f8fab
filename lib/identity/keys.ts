import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair, importPKCS8 } from "jose";
import { utf8 } from "../base/bytes.ts";
import { IdentityError } from "./identity_error.ts";

/** Keys that share nothing but the secret they come from. None can be exported. */
export interface IdentityKeys {
  /** HMAC-SHA-256, for session tokens. */
  readonly sessionToken: CryptoKey;
  /** HMAC-SHA-256, for signed URLs. */
  readonly urlSigning: CryptoKey;
  /** AES-256-GCM, for callback codes. */
  readonly callback: CryptoKey;
  /** AES-256-GCM, for what is kept in the store. */
  readonly storage: CryptoKey;
  /** HMAC-SHA-256, for the tokens of forms. */
  readonly csrf: CryptoKey;
  /** AES-256-GCM, for the state of a sign-in with a provider. */
  readonly providerState: CryptoKey;
  /** HMAC-SHA-256, for the PKCE verifier and the nonce of such a sign-in. */
  readonly providerSecrets: CryptoKey;
  /** HMAC-SHA-256, for the seals of recordings. */
  readonly recordings: CryptoKey;
}

/** The public key for assertions, as a member of a JSON Web Key Set (RFC 7517). */
export interface PublicJwk {
  /** Elliptic curve. */
  readonly kty: "EC";
  /** The curve. */
  readonly crv: "P-256";
  /** Coordinate, base64url. */
  readonly x: string;
  /** Coordinate, base64url. */
  readonly y: string;
  /** Thumbprint of the key (RFC 7638, SHA-256). */
  readonly kid: string;
  /** What it signs with. */
  readonly alg: "ES256";
  /** It verifies signatures. */
  readonly use: "sig";
}

/** Shortest shared secret, in bytes. */
export const MIN_SECRET_BYTES = 32;

/**
 * Derives the keys by HKDF with SHA-256 (RFC 5869), each with an info string of its own, so that what one key has made
 * is worthless to the others.
 *
 * @param sharedSecret 32 bytes or more, from a cryptographic generator
 */
export async function deriveKeys(sharedSecret: Uint8Array<ArrayBuffer>): Promise<IdentityKeys> {
  if (sharedSecret.length < MIN_SECRET_BYTES) {
    throw new RangeError(
      `Cannot derive keys as the secret has ${sharedSecret.length} bytes, not ${MIN_SECRET_BYTES}`,
    );
  }
  const secret = await crypto.subtle.importKey("raw", sharedSecret, "HKDF", false, ["deriveKey"]);
  const keys = await Promise.all([
    deriveHmacKey(secret, "session-token"),
    deriveHmacKey(secret, "url-signing"),
    deriveHmacKey(secret, "csrf"),
    deriveAesKey(secret, "callback"),
    deriveAesKey(secret, "storage"),
    deriveAesKey(secret, "provider-state"),
    deriveHmacKey(secret, "provider-secrets"),
    deriveHmacKey(secret, "recordings"),
  ]);
  const [sessionToken, urlSigning, csrf, callback, storage, providerState, providerSecrets, recordings] =
    keys;
  return { sessionToken, urlSigning, csrf, callback, storage, providerState, providerSecrets, recordings };
}

/** A fresh P-256 private key for assertions, as PKCS#8 PEM: a secret. */
export async function generateSigningKeyPem(): Promise<string> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return await exportPKCS8(privateKey) + "\n";
}

/**
 * The key set with which services verify assertions.
 *
 * @param signingKeyPem what {@link generateSigningKeyPem} made
 * @throws {IdentityError} `identity/bad-signing-key`
 */
export async function publicJwks(signingKeyPem: string): Promise<{ readonly keys: readonly [PublicJwk] }> {
  const { x, y } = await exportJWK(await importSigningKey(signingKeyPem));
  if (x === undefined || y === undefined) throw badSigningKey();
  const point = { kty: "EC", crv: "P-256", x, y } as const;
  return { keys: [{ ...point, kid: await calculateJwkThumbprint(point), alg: "ES256", use: "sig" }] };
}

function deriveHmacKey(secret: CryptoKey, purpose: string): Promise<CryptoKey> {
  const hmac = { name: "HMAC", hash: "SHA-256", length: 256 };
  return crypto.subtle.deriveKey(hkdf(purpose), secret, hmac, false, ["sign", "verify"]);
}

function deriveAesKey(secret: CryptoKey, purpose: string): Promise<CryptoKey> {
  const aes = { name: "AES-GCM", length: 256 };
  return crypto.subtle.deriveKey(hkdf(purpose), secret, aes, false, ["encrypt", "decrypt"]);
}

function hkdf(purpose: string): HkdfParams {
  return { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8(`sallyport/${purpose}/v1`) };
}

/**
 * The private key for assertions, ready to sign.
 *
 * @param pem what {@link generateSigningKeyPem} made
 * @throws {IdentityError} `identity/bad-signing-key`
 */
export async function importSigningKey(pem: string): Promise<CryptoKey> {
  try {
    // With the types of Node beside those of the platform there are two by this name.
    return await importPKCS8(pem, "ES256", { extractable: true }) as CryptoKey;
  } catch {
    // The cause is left out: it must never be able to carry a part of the key.
    throw badSigningKey();
  }
}

function badSigningKey(): IdentityError {
  return new IdentityError(
    "identity/bad-signing-key",
    "The signing key is not a P-256 private key in PKCS#8 PEM",
  );
}
