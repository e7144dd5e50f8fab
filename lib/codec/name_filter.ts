import { CodecError } from "./codec_error.ts";

/** The attributes a filter can ask for, by the names of RFC 4519. */
export type NameFilterAttribute =
  | "commonName"
  | "countryName"
  | "localityName"
  | "organizationName"
  | "organizationalUnitName"
  | "postalCode"
  | "serialNumber"
  | "stateOrProvinceName"
  | "streetAddress";

/**
 * The values of a distinguished name by attribute, in the order of the certificate. An attribute that the name lacks may be
 * absent or empty.
 */
export type NameAttributes = Readonly<Partial<Record<NameFilterAttribute, readonly string[]>>>;

/** One condition on a distinguished name. */
export interface NameFilter {
  /** The attribute asked for; `null` when everything matches. */
  readonly attribute: NameFilterAttribute | null;
  /** What it must be, exactly. */
  readonly value: string;
  /** Whether a name meets it. */
  matches(name: NameAttributes): boolean;
}

/** `isSingle`: a name has at most one value of it; the last counts if there are several. */
const ATTRIBUTES: Readonly<Record<NameFilterAttribute, { short: string | null; isSingle: boolean }>> = {
  commonName: { short: "CN", isSingle: true },
  countryName: { short: "C", isSingle: false },
  localityName: { short: "L", isSingle: false },
  organizationName: { short: "O", isSingle: false },
  organizationalUnitName: { short: "OU", isSingle: false },
  postalCode: { short: null, isSingle: false },
  serialNumber: { short: null, isSingle: true },
  stateOrProvinceName: { short: "ST", isSingle: false },
  streetAddress: { short: "STREET", isSingle: false },
};

/**
 * Reads `attribute=value`. The attribute, by its long or its short name, is taken in any letter case; everything after the
 * first `=` is the value, which is compared character by character. Of an attribute that occurs several times in a name one
 * equal value is enough. `CN=` and `serialNumber=` match names that lack the attribute. An empty text matches every name.
 *
 * @throws {CodecError} `codec/malformed`: there is no `=`; `codec/unexpected`: the attribute is not supported
 *
 * @example
 * ```ts
 * import { parseNameFilter } from "./name_filter.ts";
 * const filter = parseNameFilter("OU=Operations");
 * if (!filter.matches({ organizationalUnitName: ["Europe", "Operations"] })) throw new Error();
 * ```
 */
export function parseNameFilter(text: string): NameFilter {
  if (text === "") return { attribute: null, value: "", matches: () => true };
  const equals = text.indexOf("=");
  if (equals < 0) {
    throw new CodecError(
      "codec/malformed",
      `expected filter format attr=value, as in CN=Example: it is ${JSON.stringify(text)}`,
    );
  }
  const attribute = attributeOf(text.slice(0, equals));
  const value = text.slice(equals + 1);
  const matches = ATTRIBUTES[attribute].isSingle
    ? (name: NameAttributes) => (name[attribute]?.at(-1) ?? "") === value
    : (name: NameAttributes) => name[attribute]?.includes(value) ?? false;
  return { attribute, value, matches };
}

function attributeOf(name: string): NameFilterAttribute {
  const wanted = name.toLowerCase();
  const known = Object.entries(ATTRIBUTES) as [NameFilterAttribute, { short: string | null }][];
  for (const [long, { short }] of known) {
    if (long.toLowerCase() === wanted || short?.toLowerCase() === wanted) return long;
  }
  const names = known.map(([long, { short }]) => short === null ? long : `${long} (${short})`);
  throw new CodecError(
    "codec/unexpected",
    `unsupported attribute ${JSON.stringify(name)}: it is none of ${names.join(", ")}`,
  );
}
