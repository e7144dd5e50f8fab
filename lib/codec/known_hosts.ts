import { createHmac } from "node:crypto";
import { decodeBase64, utf8 } from "../base/bytes.ts";
import { parseSshKeyLine } from "./ssh_public_key.ts";

/** A line of a `known_hosts` file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export interface KnownHost {
  /** Whether the key must never be trusted; keys of authorities are not understood. */
  readonly isRevoked: boolean;
  /** The key, in wire format. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** Whether it is about a server. @param port 22 is the one that lines do not name */
  matches(host: string, port: number): boolean;
}

const HASHED = /^\|1\|([A-Za-z0-9+/]{1,64}={0,2})\|([A-Za-z0-9+/]{1,64}={0,2})$/;
const PATTERN = /^!?[A-Za-z0-9.:_*?[\]-]{1,300}$/;

/**
 * Reads one line of a `known_hosts` file: names with `*`, `?` and `!`, hashed names, ports in brackets, `@revoked`.
 *
 * @returns `null` for an empty line and a comment; `"malformed"`, or `"authority"` for `@cert-authority`
 */
export function parseKnownHost(line: string): KnownHost | null | "malformed" | "authority" {
  const text = line.trim();
  if (text === "" || text.startsWith("#")) return null;
  const [, marker, names = "", rest = ""] = /^(?:(@\S+)[ \t]+)?(\S+)[ \t]+(.+)$/.exec(text) ?? [];
  if (marker === "@cert-authority") return "authority";
  const key = parseSshKeyLine(rest);
  const matchesName = nameMatcher(names);
  if (key === null || matchesName === null || (marker !== undefined && marker !== "@revoked")) {
    return "malformed";
  }
  return {
    isRevoked: marker !== undefined,
    key,
    matches: (host, port) => matchesName(knownHostName(host, port)),
  };
}

/** What a server is called in `known_hosts`: its host, and with a port other than 22 `[host]:port`. */
export function knownHostName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

function nameMatcher(names: string): ((name: string) => boolean) | null {
  const hashed = HASHED.exec(names);
  if (hashed !== null) {
    const [salt, hash] = [decodeBase64(hashed[1]!), decodeBase64(hashed[2]!)];
    if (salt === null || hash === null) return null;
    return (name) => createHmac("sha1", salt).update(utf8(name)).digest().equals(hash);
  }
  const patterns = names.toLowerCase().split(",");
  if (!patterns.every((pattern) => PATTERN.test(pattern))) return null;
  const negative = patterns.filter((pattern) => pattern.startsWith("!")).map((pattern) => pattern.slice(1));
  const positive = patterns.filter((pattern) => !pattern.startsWith("!"));
  return (name) =>
    positive.some((pattern) => matchesGlob(pattern, name)) &&
    !negative.some((pattern) => matchesGlob(pattern, name));
}

/** `*` is any text, `?` any character. Takes at most the product of both lengths. */
function matchesGlob(pattern: string, name: string): boolean {
  let [at, starAt, retryAt] = [0, -1, 0];
  for (let i = 0; i < name.length;) {
    if (at < pattern.length && pattern[at] === "*") {
      starAt = at++;
      retryAt = i;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === name[i])) {
      at++;
      i++;
    } else if (starAt >= 0) {
      at = starAt + 1;
      i = ++retryAt;
    } else return false;
  }
  return pattern.slice(at).replaceAll("*", "") === "";
}
