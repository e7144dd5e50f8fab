import { isLoopbackIp, parseIp } from "../base/ip.ts";

/** Longest address of a redirect, in characters. */
export const MAX_REDIRECT_LENGTH = 2048;

/** Scheme and authority as written, up to the path. User information does not match, nor does a backslash. */
const ABSOLUTE = /^(https?):\/\/([a-z0-9._-]+|\[[0-9a-f:]+\])(?::\d{1,5})?(?:[/?]|$)/i;

/**
 * Whether a token may be sent to `url` after sign-in. It must be an absolute `https` URL (`http` too for loopback) on
 * one of `hosts`, on any port, without user information and fragment. Only the plain spelling of a host counts: `127.1`,
 * `2130706433` and the like, which programs read differently, are refused.
 *
 * @param url from outside; more than 2048 characters are refused
 * @param options `hosts`: exact host names; `localhost` stands for `localhost`, 127.0.0.0/8 and ::1
 */
export function isAllowedRedirect(url: string, options: { hosts: readonly string[] }): boolean {
  if (url.length > MAX_REDIRECT_LENGTH || !/^[!-~]+$/.test(url) || /[#\\]/.test(url)) return false;
  const [, scheme, host] = ABSOLUTE.exec(url) ?? [];
  if (scheme === undefined || host === undefined || !isSpelledPlainly(url, host)) return false;
  const hosts = options.hosts.map((allowed) => allowed.toLowerCase());
  if (hosts.includes("localhost") && isLoopback(host)) return true;
  return scheme.toLowerCase() === "https" && hosts.includes(host.toLowerCase());
}

/** Whether the URL standard reads the same host that is written there. */
function isSpelledPlainly(url: string, host: string): boolean {
  return URL.parse(url)?.hostname === host.toLowerCase();
}

function isLoopback(host: string): boolean {
  const ip = parseIp(host);
  return host.toLowerCase() === "localhost" || host === "[::1]" ||
    (ip !== null && isLoopbackIp(ip));
}
