/** An IP address as a number: 32 bits of IPv4, or 128 bits of IPv6. */
export interface IpAddress {
  /** Which protocol the number is an address of. */
  readonly version: 4 | 6;
  /** The address, most significant byte first: below 2^32, or below 2^128. */
  readonly value: bigint;
}

/** A CIDR block (RFC 4632, RFC 4291 section 2.3). */
export interface IpPrefix extends IpAddress {
  /** Leading bits that count: 0 to 32, or 0 to 128. */
  readonly bits: number;
}

/**
 * Reads an IPv4 or IPv6 address. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2) is the
 * IPv4 address it stands for. Zone identifiers, brackets and IPv4 shorthands (`127.1`, `010.0.0.1`) are refused.
 *
 * @returns the address, or `null` when the text is not one
 */
export function parseIp(text: string): IpAddress | null {
  const v4 = parseV4(text);
  if (v4 !== null) return { version: 4, value: v4 };
  const v6 = parseV6(text);
  if (v6 === null) return null;
  return v6 >> 32n === 0xffffn ? { version: 4, value: v6 & 0xffffffffn } : { version: 6, value: v6 };
}

/** An IPv4-mapped address as the IPv4 address it is. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped !== undefined && parseIp(mapped) !== null ? mapped : address;
}

/**
 * Reads `address` or `address/bits`; an address alone is the block of just itself. A block of IPv4-mapped addresses
 * (`::ffff:192.0.2.0/120`) is the IPv4 block it stands for.
 *
 * @returns the block, or `null` when the text is neither
 */
export function parseIpPrefix(text: string): IpPrefix | null {
  const slash = text.indexOf("/");
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  const width = address.version === 4 ? 32 : 128;
  if (slash < 0) return { ...address, bits: width };
  const suffix = text.slice(slash + 1);
  // The bits of a mapped address are counted from the start of its 128.
  const skipped = address.version === 4 && text.includes(":") ? 96 : 0;
  const bits = /^\d{1,3}$/.test(suffix) ? Number(suffix) - skipped : -1;
  return bits < 0 || bits > width ? null : { ...address, bits };
}

/** Whether `address` lies in `prefix`. IPv4 is never in an IPv6 block, nor the other way round. */
export function prefixContains(prefix: IpPrefix, address: IpAddress): boolean {
  if (prefix.version !== address.version) return false;
  const shift = BigInt((prefix.version === 4 ? 32 : 128) - prefix.bits);
  return prefix.value >> shift === address.value >> shift;
}

/** Whether only programs of this machine can be there: 127.0.0.0/8 (RFC 1122 section 3.2.1.3) or ::1 (RFC 4291 section 2.5.3). */
export function isLoopbackIp({ version, value }: IpAddress): boolean {
  return version === 4 ? value >> 24n === 127n : value === 1n;
}

function parseV4(text: string): bigint | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  let value = 0n;
  for (const part of match.slice(1)) {
    if (Number(part) > 255 || (part.length > 1 && part.startsWith("0"))) return null;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseV6(text: string): bigint | null {
  if (text.length > 45 || !text.includes(":")) return null;
  const halves = text.split("::");
  if (halves.length > 2) return null;
  // An IPv4 tail may end the whole address only, not what stands before `::`.
  if (halves.length === 2 && halves[0]!.includes(".")) return null;
  const head = groupsOf(halves[0]!);
  const tail = halves.length === 2 ? groupsOf(halves[1]!) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

function groupsOf(text: string): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (part.includes(".") && index === parts.length - 1) {
      const v4 = parseV4(part);
      if (v4 === null) return null;
      groups.push(Number(v4 >> 16n), Number(v4 & 0xffffn));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(parseInt(part, 16));
    else return null;
  }
  return groups;
}
