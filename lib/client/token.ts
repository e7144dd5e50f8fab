import { decodeBase64, fromUtf8 } from "../base/bytes.ts";

/** Longer tokens are refused, in characters. */
export const MAX_TOKEN_LENGTH = 16 * 1024;

const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/**
 * What can be said about a token without the key of the gateway: whether it looks like a compact JWS (RFC 7515
 * section 3.1) with a JSON object inside, and whether its `exp`, if it has one, has passed.
 *
 * @param now milliseconds since 1970-01-01T00:00:00Z
 */
export function tokenState(token: string, now: number): "usable" | "expired" | "malformed" {
  const claims = tokenClaims(token);
  if (claims === null) return "malformed";
  const { exp } = claims;
  if (exp === undefined) return "usable";
  if (!Number.isSafeInteger(exp)) return "malformed";
  return (exp as number) * 1000 <= now ? "expired" : "usable";
}

function tokenClaims(token: string): Record<string, unknown> | null {
  if (token.length > MAX_TOKEN_LENGTH || !COMPACT_JWS.test(token)) return null;
  const payload = decodeBase64(token.split(".")[1]!);
  try {
    const value: unknown = payload === null ? null : JSON.parse(fromUtf8(payload));
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? value as Record<string, unknown> : null;
  } catch {
    return null;
  }
}

/**
 * Whether a token that a person supplied can stand in a header: 1 to {@link MAX_TOKEN_LENGTH} visible ASCII
 * characters.
 */
export function fitsInHeader(token: string): boolean {
  return token.length <= MAX_TOKEN_LENGTH && /^[\x21-\x7e]+$/.test(token);
}
