import { parseIp } from "../base/ip.ts";
import type { Certificate } from "./certificate.ts";

/** Top-level domains in which nobody can have a name registered (RFC 6761, RFC 6762; ICANN for `internal`). */
const LOCAL_DOMAINS: readonly string[] = ["localhost", "test", "local", "internal"];

/**
 * Whether a certificate stands for a host: by a subject alternative name alone, never by its subject. A wildcard stands
 * for the whole first label and nothing else (RFC 9525 section 6.3), and right below a top-level domain only where that
 * is `localhost`, `test`, `local` or `internal`. An IP address is only compared with alternative names that are addresses.
 *
 * @param host a DNS name in ASCII, or an IP address without brackets
 */
export function standsForHost({ extensions }: Pick<Certificate, "extensions">, host: string): boolean {
  const ip = parseIp(host);
  if (ip !== null) {
    const wanted = ip.value.toString(16).padStart(ip.version === 4 ? 8 : 32, "0");
    return extensions.subjectAlternativeNames.some((name) =>
      name.type === "ip" && name.bytes.toHex() === wanted
    );
  }
  if (host.includes("*")) return false;
  const keys = hostKeys(host).filter((key) => !key.startsWith("*.") || isBelowOneOwner(key.slice(2)));
  return extensions.subjectAlternativeNames.some((name) =>
    name.type === "dns" && keys.includes(name.value.toLowerCase())
  );
}

function isBelowOneOwner(domain: string): boolean {
  return domain.includes(".") || LOCAL_DOMAINS.includes(domain);
}

/** Two spellings of one name or address have the same key. */
export function nameKey(name: string): string {
  const ip = parseIp(name);
  return ip === null ? name.toLowerCase().replace(/\.$/, "") : `${ip.version}/${ip.value}`;
}

/** The keys of the names that stand for a host: its own, then that of the wildcard for its first label. */
export function hostKeys(host: string): string[] {
  const exact = nameKey(host);
  if (host.startsWith(".") || parseIp(host) !== null) return [exact];
  return [exact, exact.replace(/^[^.]*/, "*")];
}
