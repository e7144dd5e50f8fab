import { type Random, randomId } from "../base/random.ts";
import { hmac, isHmac } from "./_hmac.ts";

/** What goes where, against requests that other sites submit in a signed-in browser. */
export interface CsrfPair {
  /** Value of a cookie (`HttpOnly`, `SameSite=Lax` or stricter). */
  readonly cookie: string;
  /** Value of a hidden field of the form, or of a parameter of the sign-in. */
  readonly token: string;
}

/**
 * What a token is for. `form`: a hidden field, which only the page sees. `sign-in`: the browser mark of a sign-in, which
 * stands in addresses that others may get to see, so it must not pass for the token of a form.
 */
export type CsrfPurpose = "form" | "sign-in";

/** The length of a value that {@link issueCsrf} made. */
const COOKIE = /^[A-Za-z0-9_-]{22}$/;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/**
 * The token for one purpose, bound to the browser by a cookie. Whoever can write a cookie but does not know the key cannot
 * make a pair.
 *
 * @param options `key`: `csrf` of `deriveKeys()`; `purpose`: what alone it is good for; `cookie`: the value the browser already has, so that several open forms
 * go on working; a fresh one takes the place of what is missing or malformed
 */
export async function issueCsrf(
  options: { key: CryptoKey; random: Random; purpose: CsrfPurpose; cookie?: string | null },
): Promise<CsrfPair> {
  const given = options.cookie ?? "";
  const cookie = COOKIE.test(given) ? given : randomId(options.random);
  return { cookie, token: await hmac(options.key, textOf(cookie, options.purpose)) };
}

/** Whether a token was made for `purpose` and belongs to the cookie it came with, in constant time. */
export async function verifyCsrf(
  options: { key: CryptoKey; purpose: CsrfPurpose; cookie: string | null; token: string | null },
): Promise<boolean> {
  const { key, purpose, cookie, token } = options;
  if (cookie === null || token === null || !COOKIE.test(cookie) || !TOKEN.test(token)) return false;
  return await isHmac(key, { mac: token, text: textOf(cookie, purpose) });
}

function textOf(cookie: string, purpose: CsrfPurpose): string {
  return `${purpose} ${cookie}`;
}
