import { hmac, isHmac } from "./_hmac.ts";
import { IdentityError } from "./identity_error.ts";

/** Longest URL that is signed or verified, in characters. */
export const MAX_SIGNED_URL_LENGTH = 8192;

const DEFAULT_LIFETIME_MS = 300_000;
/** How far the clocks of two gateways may differ. */
const LEEWAY_MS = 60_000;

const ISSUED = "pomerium_issued";
const EXPIRY = "pomerium_expiry";
const SIGNATURE = "pomerium_signature";

/**
 * Signs a URL: adds `pomerium_issued`, `pomerium_expiry` (milliseconds since 1970) and `pomerium_signature`
 * (HMAC-SHA-256, base64url). The fragment, which no server sees, is dropped.
 *
 * @param url absolute; the three parameters are replaced if it has them
 * @param options `key`: `urlSigning` of `deriveKeys()`; `now`: milliseconds since 1970; `lifetimeMs`: default 5 minutes
 * @throws {IdentityError} `identity/url-too-long` above 8192 characters
 */
export async function signUrl(
  url: URL,
  options: { key: CryptoKey; now: number; lifetimeMs?: number },
): Promise<URL> {
  const { key, now, lifetimeMs = DEFAULT_LIFETIME_MS } = options;
  const signed = new URL(url);
  signed.searchParams.set(ISSUED, String(now));
  signed.searchParams.set(EXPIRY, String(now + lifetimeMs));
  signed.searchParams.set(SIGNATURE, await hmac(key, canonicalForm(signed)));
  signed.hash = "";
  requireLength(signed);
  return signed;
}

/**
 * Verifies a URL that {@link signUrl} made, with parameters in any order and any valid escaping.
 *
 * @param url as the request names it, with scheme and host
 * @param options `key` and `now` as for signing; a minute of difference between clocks is allowed
 * @throws {IdentityError} `identity/url-unsigned`, `identity/url-tampered`, `identity/url-expired`,
 * `identity/url-too-long`
 */
export async function verifySignedUrl(url: URL, options: { key: CryptoKey; now: number }): Promise<void> {
  requireLength(url);
  const [issued, expiry, mac] = [ISSUED, EXPIRY, SIGNATURE].map((name) => url.searchParams.getAll(name));
  if (!mac?.length) throw new IdentityError("identity/url-unsigned", "The URL is not signed");
  const text = canonicalForm(url);
  if (mac.length > 1 || !await isHmac(options.key, { mac: mac[0]!, text })) {
    throw new IdentityError("identity/url-tampered", "The URL was changed, or was not signed here");
  }
  const { now } = options;
  if (!(Number(issued?.[0]) <= now + LEEWAY_MS && now < Number(expiry?.[0]) + LEEWAY_MS)) {
    throw new IdentityError("identity/url-expired", "The URL is not valid at this time", {
      hint: "start the sign-in again",
    });
  }
}

/** One text for all spellings of a URL: parameters sorted by name, the signature and the fragment left out. */
function canonicalForm(url: URL): string {
  const canonical = new URL(url);
  canonical.hash = "";
  canonical.searchParams.delete(SIGNATURE);
  canonical.searchParams.sort();
  return canonical.href;
}

function requireLength(url: URL): void {
  if (url.href.length <= MAX_SIGNED_URL_LENGTH) return;
  throw new IdentityError(
    "identity/url-too-long",
    `The URL is longer than ${MAX_SIGNED_URL_LENGTH} characters`,
  );
}
