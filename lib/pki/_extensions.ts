import { contextTag, DerError, DerReader, type DerValue, requireDer, Tag } from "./_der.ts";
import { flag, namedBits, oidText, smallInteger } from "./_der_values.ts";
import { crlDistributionPoints } from "./_distribution_point.ts";
import { parseGeneralName, parseGeneralNames } from "./_general_name.ts";
import type { CertificateExtensions, GeneralSubtree, KeyUsage } from "./certificate.ts";
import type { GeneralName } from "./general_name.ts";

/** An extension as it stands in a certificate or a revocation list. */
export interface RawExtension {
  /** Its object identifier. */
  readonly id: string;
  readonly isCritical: boolean;
  /** What is in its OCTET STRING. */
  readonly value: Uint8Array<ArrayBuffer>;
}

type Parsed = Partial<CertificateExtensions>;

const KEY_USAGES: readonly KeyUsage[] = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
];

const OCSP = "1.3.6.1.5.5.7.48.1";

/** What is understood: the list of RFC 5280 section 4.2, distribution points of revocation lists, OCSP responders. */
const PARSERS: ReadonlyMap<string, (value: DerValue, isCritical: boolean) => Parsed> = new Map([
  ["2.5.29.14", subjectKeyIdentifier],
  ["2.5.29.15", keyUsage],
  ["2.5.29.17", subjectAlternativeNames],
  ["2.5.29.18", issuerAlternativeNames],
  ["2.5.29.19", basicConstraints],
  ["2.5.29.30", nameConstraints],
  ["2.5.29.31", (value: DerValue) => ({ crlDistributionPoints: crlDistributionPoints(value) })],
  ["2.5.29.32", certificatePolicies],
  ["2.5.29.33", policyMappings],
  ["2.5.29.35", authorityKeyIdentifier],
  ["2.5.29.36", policyConstraints],
  ["2.5.29.37", extendedKeyUsage],
  ["2.5.29.54", inhibitAnyPolicy],
  ["1.3.6.1.5.5.7.1.1", authorityInformationAccess],
]);

/** Reads Extensions: at least one, none twice (RFC 5280 section 4.2). @throws {DerError} */
export function parseExtensions(value: DerValue): RawExtension[] {
  const extensions = new Map<string, RawExtension>();
  const reader = new DerReader(value);
  do {
    const parts = new DerReader(reader.next(Tag.sequence));
    const id = oidText(parts.next(Tag.oid));
    const isCritical = flag(parts.optional(Tag.boolean));
    const { content } = parts.next(Tag.octetString);
    parts.end();
    if (extensions.has(id)) throw new DerError(`the extension ${id} stands there twice`);
    extensions.set(id, { id, isCritical, value: content });
  } while (!reader.isDone);
  return [...extensions.values()];
}

/** Reads the extensions that validation acts on. @throws {DerError} */
export function interpretExtensions(extensions: readonly RawExtension[]): CertificateExtensions {
  const unknownCritical: string[] = [];
  const parsed: Parsed[] = [];
  for (const { id, isCritical, value } of extensions) {
    const parse = PARSERS.get(id);
    if (parse !== undefined) parsed.push(within(id, () => parse(requireDer(value), isCritical)));
    else if (isCritical) unknownCritical.push(id);
  }
  return Object.assign({ subjectAlternativeNames: [], unknownCritical }, ...parsed);
}

/** Runs `parse`, saying in which extension it fails. @throws {DerError} */
export function within<T>(id: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new DerError(`in its extension ${id} ${error.message}`);
  }
}

function subjectKeyIdentifier(value: DerValue): Parsed {
  return { subjectKeyIdentifier: requireTag(value, Tag.octetString).content.toHex() };
}

function authorityKeyIdentifier(value: DerValue): Parsed {
  const reader = sequence(value);
  const id = reader.optional(contextTag(0));
  reader.optional(contextTag(1, { constructed: true }));
  reader.optional(contextTag(2));
  reader.end();
  return id === undefined ? {} : { authorityKeyIdentifier: id.content.toHex() };
}

function keyUsage(value: DerValue): Parsed {
  const bits = [...namedBits(requireTag(value, Tag.bitString))];
  if (bits.length === 0) throw new DerError("no usage is named");
  return { keyUsage: new Set(bits.flatMap((bit) => KEY_USAGES[bit] ?? [])) };
}

function extendedKeyUsage(value: DerValue): Parsed {
  return { extendedKeyUsage: new Set(listOf(value, (reader) => oidText(reader.next(Tag.oid)))) };
}

function subjectAlternativeNames(value: DerValue, isCritical: boolean): Parsed {
  return {
    subjectAlternativeNames: parseGeneralNames(requireTag(value, Tag.sequence)).map(requireAddress),
    subjectAlternativeNamesCritical: isCritical,
  };
}

/** Nothing in validation depends on them (RFC 5280 section 4.2.1.7). */
function issuerAlternativeNames(value: DerValue): Parsed {
  parseGeneralNames(requireTag(value, Tag.sequence));
  return {};
}

function basicConstraints(value: DerValue): Parsed {
  const reader = sequence(value);
  const isAuthority = flag(reader.optional(Tag.boolean));
  const pathLength = reader.optional(Tag.integer);
  reader.end();
  return {
    basicConstraints: { isAuthority, pathLength: pathLength === undefined ? null : smallInteger(pathLength) },
  };
}

function certificatePolicies(value: DerValue): Parsed {
  const policies = listOf(value, (reader) => {
    const information = new DerReader(reader.next(Tag.sequence));
    const policy = oidText(information.next(Tag.oid));
    information.optional(Tag.sequence);
    information.end();
    return policy;
  });
  const unique = new Set(policies);
  if (unique.size < policies.length) throw new DerError("a policy stands there twice");
  return { policies: unique };
}

function policyMappings(value: DerValue): Parsed {
  const pair = (reader: DerReader) => {
    const parts = new DerReader(reader.next(Tag.sequence));
    const issuerPolicy = oidText(parts.next(Tag.oid));
    const subjectPolicy = oidText(parts.next(Tag.oid));
    parts.end();
    return { issuerPolicy, subjectPolicy };
  };
  return { policyMappings: listOf(value, pair) };
}

function policyConstraints(value: DerValue): Parsed {
  const reader = sequence(value);
  if (reader.isDone) throw new DerError("nothing is constrained");
  const requireExplicit = reader.optional(contextTag(0));
  const inhibitMapping = reader.optional(contextTag(1));
  reader.end();
  return {
    requireExplicitPolicy: requireExplicit === undefined ? null : smallInteger(requireExplicit),
    inhibitPolicyMapping: inhibitMapping === undefined ? null : smallInteger(inhibitMapping),
  };
}

function inhibitAnyPolicy(value: DerValue): Parsed {
  return { inhibitAnyPolicy: smallInteger(requireTag(value, Tag.integer)) };
}

function authorityInformationAccess(value: DerValue): Parsed {
  const uris = listOf(value, (reader) => {
    const description = new DerReader(reader.next(Tag.sequence));
    const method = oidText(description.next(Tag.oid));
    const location = parseGeneralName(description.next());
    description.end();
    return method === OCSP && location.type === "uri" ? [location.value] : [];
  });
  return { ocspUris: uris.flat() };
}

function nameConstraints(value: DerValue): Parsed {
  const reader = sequence(value);
  if (reader.isDone) throw new DerError("nothing is constrained");
  const permitted = reader.optional(contextTag(0, { constructed: true }));
  const excluded = reader.optional(contextTag(1, { constructed: true }));
  reader.end();
  return { nameConstraints: { permitted: subtrees(permitted), excluded: subtrees(excluded) } };
}

function subtrees(value: DerValue | undefined): GeneralSubtree[] {
  if (value === undefined) return [];
  return listOf({ ...value, tag: Tag.sequence }, (reader) => {
    const subtree = new DerReader(reader.next(Tag.sequence));
    const base = parseGeneralName(subtree.next());
    // RFC 5280 section 4.2.1.10: minimum is 0, which DER does not write, and maximum is absent.
    subtree.end();
    return requireBlock(base);
  });
}

function requireAddress(name: GeneralName): GeneralName {
  if (name.type === "ip" && name.bytes.length !== 4 && name.bytes.length !== 16) {
    throw new DerError(`an IP address has ${name.bytes.length} bytes`);
  }
  return name;
}

/** An address and a mask that is a prefix, in the style of CIDR (RFC 5280 section 4.2.1.10). */
function requireBlock(base: GeneralName): GeneralName {
  if (base.type !== "ip") return base;
  const { length } = base.bytes;
  const bits = [...base.bytes.subarray(length / 2)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  if ((length !== 8 && length !== 32) || !/^1*0*$/.test(bits)) {
    throw new DerError("an IP address range is not an address and a prefix mask");
  }
  return base;
}

function listOf<T>(value: DerValue, read: (reader: DerReader) => T): T[] {
  const reader = sequence(value);
  const items: T[] = [];
  do items.push(read(reader)); while (!reader.isDone);
  return items;
}

function sequence(value: DerValue): DerReader {
  return new DerReader(requireTag(value, Tag.sequence));
}

function requireTag(value: DerValue, tag: number): DerValue {
  if (value.tag !== tag) throw new DerError("the value has another type than it must");
  return value;
}
