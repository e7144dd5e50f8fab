import { type IpPrefix, parseIp, parseIpPrefix } from "../base/ip.ts";
import { requireSomeTexts } from "./_data.ts";
import { PolicyError, type PolicyPlace } from "./errors.ts";
import type { Matcher } from "./matchers.ts";

/** The networks of one address family that have the same prefix length. */
interface Networks {
  readonly version: 4 | 6;
  /** How many bits of an address do not count. */
  readonly shift: bigint;
  /** Addresses without the bits that do not count. */
  readonly values: Set<bigint>;
}

/**
 * A matcher for the address of a caller: one IP address or CIDR block, or a list of them. The time it takes grows with
 * the number of different prefix lengths, not of blocks.
 *
 * @throws {PolicyError} `policy/bad-data`, `policy/too-large`
 */
export function compileSourceIp(data: unknown, place: PolicyPlace): Matcher<string | null> {
  const prefixes = requireSomeTexts(data, { place }).map((entry) => requirePrefix(entry.text, entry.place));
  const networks = groupByLength(prefixes);
  return (text) => {
    const address = text === null ? null : parseIp(text);
    if (address === null) return false;
    return networks.some(({ version, shift, values }) =>
      version === address.version && values.has(address.value >> shift)
    );
  };
}

function requirePrefix(text: string, place: PolicyPlace): IpPrefix {
  const prefix = parseIpPrefix(text);
  if (prefix !== null) return prefix;
  const hint = "write it like 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32";
  throw new PolicyError("policy/bad-data", "This is neither an IP address nor a CIDR block", { place, hint });
}

function groupByLength(prefixes: readonly IpPrefix[]): Networks[] {
  const groups = new Map<string, Networks>();
  for (const { version, bits, value } of prefixes) {
    const shift = BigInt((version === 4 ? 32 : 128) - bits);
    const key = `${version}/${bits}`;
    const group = groups.get(key) ?? { version, shift, values: new Set() };
    group.values.add(value >> shift);
    groups.set(key, group);
  }
  return [...groups.values()];
}
