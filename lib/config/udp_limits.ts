import { quote } from "./_quote.ts";
import { bad, good, type ValueType } from "./value_type.ts";
import { isMapping } from "./value_types.ts";

/** What bounds the tunnels of routes from `udp+https`. Each user counts by themselves, over all their tunnels. */
export interface UdpLimits {
  /** Datagrams of a user each way; 0 is unlimited. */
  readonly packetsPerSecond: number;
  /** Bytes of a user each way; 0 is unlimited. */
  readonly bytesPerSecond: number;
  /** Open at once, of one user; of everybody who is not signed in and has the same address. */
  readonly tunnelsPerUser: number;
  /** Open at once, through one route. */
  readonly tunnelsPerRoute: number;
  /** Open at once: each has a UDP socket. */
  readonly maxTunnels: number;
  /** So many bytes may come back for each that is sent; 0 is unlimited. */
  readonly replyRatio: number;
  /** Bytes of the longest IP packet that reaches services in one piece. */
  readonly mtuBytes: number;
}

/** Key, default and bounds of each limit; `orZero`: 0 is good, too. */
const LIMITS: Readonly<Record<keyof UdpLimits, Limit>> = {
  packetsPerSecond: { key: "packets_per_second", absent: 100_000, min: 10, max: 100_000_000, orZero: true },
  // At least one datagram of the longest a second.
  bytesPerSecond: {
    key: "bytes_per_second",
    absent: 125_000_000,
    min: 65_536,
    max: 100_000_000_000,
    orZero: true,
  },
  tunnelsPerUser: { key: "tunnels_per_user", absent: 2500, min: 1, max: 1_000_000 },
  tunnelsPerRoute: { key: "tunnels_per_route", absent: 4096, min: 1, max: 1_000_000 },
  maxTunnels: { key: "max_tunnels", absent: 4096, min: 1, max: 1_000_000 },
  replyRatio: { key: "reply_ratio", absent: 1000, min: 1, max: 1_000_000, orZero: true },
  mtuBytes: { key: "mtu", absent: 1500, min: 576, max: 65_535 },
};

interface Limit {
  readonly key: string;
  readonly absent: number;
  readonly min: number;
  readonly max: number;
  readonly orZero?: boolean;
}

/** A mapping of limits; each that is missing is its default. */
export const udpLimits: ValueType<UdpLimits> = {
  label: "mapping of limits",
  unit: null,
  schema: {
    type: "object",
    properties: Object.fromEntries(
      Object.values(LIMITS).map(({ key, absent, min, max, orZero }) => [
        key,
        { type: "integer", minimum: orZero ? 0 : min, maximum: max, default: absent },
      ]),
    ),
    additionalProperties: false,
  },
  parse(value) {
    if (!isMapping(value)) {
      return bad({ code: "config/wrong-type", message: "must be a mapping, as in {max_tunnels: 1000}" });
    }
    const known = Object.values(LIMITS).map(({ key }) => key);
    const stranger = Object.keys(value).find((key) => !known.includes(key));
    if (stranger !== undefined) {
      const message = `must have no key ${quote(stranger)}`;
      return bad({ code: "config/bad-value", message, hint: `the keys are ${known.join(", ")}` });
    }
    const read: Record<string, number> = {};
    for (const [field, limit] of Object.entries(LIMITS)) {
      const number = value[limit.key] ?? limit.absent;
      if (!isWithin(number, limit)) return bad(outOfBounds(limit));
      read[field] = number;
    }
    // One number for each entry of LIMITS, which has one for each field.
    return good(Object.freeze(read) as unknown as UdpLimits);
  },
};

/** The limits as they are written in the file, such as `mtu: 1500`. */
export function udpLimitTexts(limits: UdpLimits): string[] {
  return Object.entries(limits).map(([field, value]) => `${LIMITS[field as keyof UdpLimits].key}: ${value}`);
}

function isWithin(value: unknown, { min, max, orZero }: Limit): value is number {
  if (typeof value !== "number" || !Number.isInteger(value)) return false;
  return value >= min && value <= max || orZero === true && value === 0;
}

function outOfBounds({ key, min, max, orZero }: Limit) {
  const bounds = `${orZero ? "0, or " : ""}from ${min} to ${max}`;
  return {
    code: "config/bad-value" as const,
    message: `must have as ${key} a whole number: ${bounds}`,
    path: [key],
  };
}
