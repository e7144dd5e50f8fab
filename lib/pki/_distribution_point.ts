import { contextTag, DerError, DerReader, type DerValue, Tag } from "./_der.ts";
import { namedBits } from "./_der_values.ts";
import { parseGeneralNames } from "./_general_name.ts";
import { rdnKeyOf } from "./_name.ts";
import type { DistributionPoint } from "./certificate.ts";
import type { DistinguishedName } from "./distinguished_name.ts";
import type { GeneralName } from "./general_name.ts";

const RELATIVE = "relative:";

/** Reads CRLDistributionPoints (RFC 5280 section 4.2.1.13). @throws {DerError} */
export function crlDistributionPoints(value: DerValue): DistributionPoint[] {
  if (value.tag !== Tag.sequence) throw new DerError("the value has another type than it must");
  const reader = new DerReader(value);
  const points: DistributionPoint[] = [];
  do {
    const point = new DerReader(reader.next(Tag.sequence));
    const names = parsePointName(point.optional(contextTag(0, { constructed: true })));
    const reasons = point.optional(contextTag(1));
    if (reasons !== undefined) namedBits(reasons);
    const issuer = point.optional(contextTag(2, { constructed: true }));
    point.end();
    points.push({ names, isIndirect: issuer !== undefined });
  } while (!reader.isDone);
  return points;
}

/**
 * Reads a DistributionPointName, which stands under an explicit tag.
 *
 * @returns texts that are equal when the names are; a name relative to the issuer begins with `relative:`
 * @throws {DerError}
 */
export function parsePointName(value: DerValue | undefined): string[] {
  if (value === undefined) return [];
  const reader = new DerReader(value);
  const name = reader.next(contextTag(0, { constructed: true }), contextTag(1, { constructed: true }));
  reader.end();
  if (name.tag === contextTag(1, { constructed: true })) return [`${RELATIVE}${rdnKeyOf(name)}`];
  return parseGeneralNames(name).map(keyOf);
}

/** Whether two distribution points of one issuer have a name in common (RFC 5280 section 6.3.3 (b)(2)(i)). */
export function shareName(
  [left, right]: readonly [readonly string[], readonly string[]],
  issuer: Pick<DistinguishedName, "key">,
): boolean {
  const whole = (name: string) =>
    name.startsWith(RELATIVE) ? `directory:${issuer.key},${name.slice(RELATIVE.length)}` : name;
  const names = new Set(left.map(whole));
  return right.some((name) => names.has(whole(name)));
}

function keyOf(name: GeneralName): string {
  switch (name.type) {
    case "directory":
      return `directory:${name.name.key}`;
    case "dns":
    case "email":
    case "uri":
    case "upn":
      return `${name.type}:${name.value}`;
    case "ip":
      return `ip:${name.bytes.toHex()}`;
    default:
      return `other:${name.der.toHex()}`;
  }
}
