import { type Authority, AuthorityError, formatHost, parseAuthority } from "../base/authority.ts";

/** What the path of every CONNECT-UDP request begins with (RFC 9298 section 3.1). */
export const UDP_TARGET_PREFIX = "/.well-known/masque/udp/";

const TARGET = /^\/\.well-known\/masque\/udp\/([^/?#]*)\/([^/?#]*)\/$/;

/**
 * Reads the destination of a CONNECT-UDP request from the default template
 * `/.well-known/masque/udp/{target_host}/{target_port}/` (RFC 9298 sections 2 and 3.1), whose variables are percent-decoded
 * once. An IPv6 address stands without brackets; its colons may be unescaped, as existing clients send them.
 *
 * @param path as it came in the request, not normalized by a `URL`
 * @throws {AuthorityError} with the rule that was broken; `authority/bad-host` also when the path has another shape
 *
 * @example
 * ```ts
 * import { parseUdpTarget } from "./masque_target.ts";
 * const { host, port } = parseUdpTarget("/.well-known/masque/udp/2001%3Adb8%3A%3A42/443/");
 * if (host !== "2001:db8::42" || port !== 443) throw new Error();
 * ```
 */
export function parseUdpTarget(path: string): Authority {
  const [, host, port] = TARGET.exec(path) ?? [];
  if (host === undefined || port === undefined) {
    throw new AuthorityError("authority/bad-host", `The path is not ${UDP_TARGET_PREFIX}HOST/PORT/`);
  }
  return parseAuthority(`${formatHost(decode(host))}:${decode(port)}`);
}

/** Writes the path that {@link parseUdpTarget} reads. */
export function formatUdpTarget({ host, port }: Authority): string {
  return `${UDP_TARGET_PREFIX}${encodeURIComponent(host)}/${port}/`;
}

function decode(variable: string): string {
  try {
    return decodeURIComponent(variable);
  } catch {
    throw new AuthorityError("authority/bad-host", "The destination is not percent-encoded text");
  }
}
