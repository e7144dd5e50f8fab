import { SallyportError } from "./errors.ts";
import { parseIp } from "./ip.ts";

/** A host and port as a request names its destination (RFC 3986 section 3.2, without userinfo). */
export interface Authority {
  /** A lower-case DNS name without trailing dot, or an IP address without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** Why a text is not an authority. */
export type AuthorityErrorCode =
  | "authority/empty"
  | "authority/too-long"
  | "authority/userinfo"
  | "authority/bad-host"
  | "authority/unbracketed-ipv6"
  | "authority/no-port"
  | "authority/bad-port";

/** The text that should name `host:port` does not. */
export class AuthorityError extends SallyportError {
  /**
   * An error for one text.
   *
   * @param code which rule was broken; @param message what was found
   */
  constructor(readonly code: AuthorityErrorCode, message: string) {
    super(message);
  }
}

/** The longest text accepted: a DNS name of 253 characters, a colon and five digits, and some room for brackets. */
const MAX_LENGTH = 262;
const LABEL = /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/**
 * Reads `host:port`, as CONNECT needs it (RFC 9110 section 9.3.6): a DNS name, an IPv4 address or a bracketed IPv6
 * address, and a port that must be there.
 *
 * @param text at most 262 characters
 * @param options `defaultPort`: used when the port is missing, otherwise a missing port is refused
 * @throws {AuthorityError} with the rule that was broken
 *
 * @example
 * ```ts
 * import { parseAuthority } from "./authority.ts";
 * const { host, port } = parseAuthority("Redis.Example.com:6379");
 * if (host !== "redis.example.com" || port !== 6379) throw new Error();
 * ```
 */
export function parseAuthority(text: string, options: { defaultPort?: number } = {}): Authority {
  if (text === "") throw new AuthorityError("authority/empty", "The destination is empty");
  if (text.length > MAX_LENGTH) {
    throw new AuthorityError("authority/too-long", `The destination is longer than ${MAX_LENGTH} characters`);
  }
  if (text.includes("@")) {
    throw new AuthorityError("authority/userinfo", "The destination carries user information");
  }
  const { hostText, portText } = split(text);
  return { host: parseHost(hostText), port: parsePort(portText, options.defaultPort) };
}

/** Writes an authority back as `host:port`, IPv6 in brackets. */
export function formatAuthority(authority: Authority): string {
  return `${formatHost(authority.host)}:${authority.port}`;
}

/** A host as it stands in a URL: IPv6 in brackets. */
export function formatHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/**
 * Reads a host alone: lower-cases a DNS name and drops one trailing dot; takes brackets off an IPv6 address.
 *
 * @throws {AuthorityError} `authority/bad-host`, `authority/empty`
 */
export function parseHost(text: string): string {
  if (text.startsWith("[") && text.endsWith("]")) {
    const inner = text.slice(1, -1);
    if (inner.includes(":") && parseIp(inner) !== null) return inner.toLowerCase();
    throw new AuthorityError("authority/bad-host", "The host in brackets is not an IPv6 address");
  }
  const host = text.replace(/\.$/, "");
  if (host === "") throw new AuthorityError("authority/empty", "The host is empty");
  if (host.length > 253 || !host.split(".").every((label) => LABEL.test(label))) {
    throw new AuthorityError("authority/bad-host", "The host is neither a DNS name nor an IP address");
  }
  // Not before the check: lower-casing turns some letters that are not ASCII (U+212A) into such that are.
  return host.toLowerCase();
}

function split(text: string): { hostText: string; portText: string | null } {
  if (text.startsWith("[")) {
    const end = text.indexOf("]");
    const rest = text.slice(end + 1);
    if (end < 0 || (rest !== "" && !rest.startsWith(":"))) {
      throw new AuthorityError("authority/bad-host", "The brackets around the IPv6 address are not closed");
    }
    return { hostText: text.slice(0, end + 1), portText: rest === "" ? null : rest.slice(1) };
  }
  const colon = text.indexOf(":");
  if (colon < 0) return { hostText: text, portText: null };
  if (text.indexOf(":", colon + 1) >= 0) {
    throw new AuthorityError(
      "authority/unbracketed-ipv6",
      "An IPv6 address must stand in brackets, as in [::1]:443",
    );
  }
  return { hostText: text.slice(0, colon), portText: text.slice(colon + 1) };
}

function parsePort(text: string | null, defaultPort: number | undefined): number {
  if (text === null) {
    if (defaultPort !== undefined) return defaultPort;
    throw new AuthorityError("authority/no-port", "The destination has no port");
  }
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) {
    throw new AuthorityError("authority/bad-port", "The port is not a number from 1 to 65535");
  }
  return port;
}
