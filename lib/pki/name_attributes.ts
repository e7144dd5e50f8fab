import type { NameAttributes, NameFilterAttribute } from "../codec/name_filter.ts";
import { DerError, requireDer } from "./_der.ts";
import { parseName } from "./_name.ts";
import type { DistinguishedName } from "./distinguished_name.ts";
import { PkiError } from "./pki_error.ts";

/** RFC 4519 section 2, and RFC 5280 appendix A. */
const ATTRIBUTES: Readonly<Record<string, NameFilterAttribute>> = {
  "2.5.4.3": "commonName",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "countryName",
  "2.5.4.7": "localityName",
  "2.5.4.8": "stateOrProvinceName",
  "2.5.4.9": "streetAddress",
  "2.5.4.10": "organizationName",
  "2.5.4.11": "organizationalUnitName",
  "2.5.4.17": "postalCode",
};

/** The attributes of a name that a name filter can ask for. */
export function nameAttributes({ rdns }: Pick<DistinguishedName, "rdns">): NameAttributes {
  const attributes: Partial<Record<NameFilterAttribute, string[]>> = {};
  for (const { type, value } of rdns.flat()) {
    const name = ATTRIBUTES[type];
    if (name !== undefined) (attributes[name] ??= []).push(value);
  }
  return attributes;
}

/** Reads a name in DER that stands by itself (RFC 5280 section 4.1.2.4). @throws {PkiError} `pki/bad-name` */
export function parseDistinguishedName(der: Uint8Array<ArrayBuffer>): DistinguishedName {
  try {
    return parseName(requireDer(der));
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new PkiError("pki/bad-name", `The name cannot be read as ${cause.message}`, { cause });
  }
}
