import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { Config } from "../config/config.ts";
import type { HttpEnv } from "./env.ts";

/** How long the cookie that ties forms and sign-ins to a browser is kept. */
const BROWSER_COOKIE_SECONDS = 12 * 3600;

/**
 * Sets the session cookie of a host, as `cookie_*` in the configuration say. Always `Secure`.
 *
 * @param options `expiresAt`: end of the session, in milliseconds since 1970
 */
export function setSessionCookie(
  c: Context<HttpEnv>,
  token: string,
  options: { cookie: Config["cookie"]; expiresAt: number },
): void {
  const { cookie } = options;
  setCookie(c, cookie.name, token, {
    path: "/",
    secure: true,
    httpOnly: cookie.httpOnly,
    expires: new Date(options.expiresAt),
    ...(cookie.domain === null ? {} : { domain: cookie.domain }),
    ...(cookie.sameSite === null ? {} : { sameSite: cookie.sameSite }),
  });
}

/** Forgets every cookie of a sign-in on this host. */
export function clearSessionCookies(c: Context<HttpEnv>, options: { cookie: Config["cookie"] }): void {
  const { cookie } = options;
  deleteCookie(c, cookie.name, {
    path: "/",
    secure: true,
    ...(cookie.domain === null ? {} : { domain: cookie.domain }),
  });
  deleteCookie(c, signInCookieName(cookie.name), { path: "/", secure: true });
}

/**
 * The session cookie of the sign-in pages themselves, which lets a browser that is signed in go on to another host
 * without a password. The `__Host-` prefix keeps sibling domains from planting one (RFC 6265bis section 4.1.3).
 *
 * @param options `expiresAt`: end of the session, in milliseconds since 1970
 */
export function setSignInCookie(
  c: Context<HttpEnv>,
  token: string,
  options: { cookie: Config["cookie"]; expiresAt: number },
): void {
  setCookie(c, signInCookieName(options.cookie.name), token, {
    path: "/",
    secure: true,
    httpOnly: true,
    sameSite: "Lax",
    expires: new Date(options.expiresAt),
  });
}

/** The session token of the sign-in pages, or `null`. */
export function signInCookie(c: Context<HttpEnv>, options: { cookie: Config["cookie"] }): string | null {
  return getCookie(c, signInCookieName(options.cookie.name)) ?? null;
}

/** The random value that ties forms and sign-ins to this browser, or `null`. */
export function browserCookie(c: Context<HttpEnv>, options: { cookie: Config["cookie"] }): string | null {
  return getCookie(c, browserCookieName(options.cookie.name)) ?? null;
}

/** Sets the random value that ties forms and sign-ins to this browser. */
export function setBrowserCookie(
  c: Context<HttpEnv>,
  value: string,
  options: { cookie: Config["cookie"] },
): void {
  setCookie(c, browserCookieName(options.cookie.name), value, {
    path: "/",
    secure: true,
    httpOnly: true,
    sameSite: "Lax",
    maxAge: BROWSER_COOKIE_SECONDS,
  });
}

function signInCookieName(name: string): string {
  return `__Host-${name}_authenticate`;
}

function browserCookieName(name: string): string {
  return `__Host-${name}_csrf`;
}
