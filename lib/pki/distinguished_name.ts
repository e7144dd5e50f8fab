import { utf8 } from "../base/bytes.ts";

/** One attribute of a distinguished name. */
export interface NameAttribute {
  /** Its type: an object identifier in dotted form, such as `2.5.4.3` for a common name. */
  readonly type: string;
  /** Its value; of a type that is not text, `#` and the encoding in hexadecimal (RFC 4514 section 2.4). */
  readonly value: string;
}

/** The name of a subject or an issuer (RFC 5280 section 4.1.2.4). */
export interface DistinguishedName {
  /** The encoding. */
  readonly der: Uint8Array<ArrayBuffer>;
  /** The relative distinguished names, the most significant first, with their attributes. */
  readonly rdns: readonly (readonly NameAttribute[])[];
  /** One text for each relative name: two compare as equal (RFC 5280 section 7.1) exactly when their texts do. */
  readonly rdnKeys: readonly string[];
  /** The same for the whole name. */
  readonly key: string;
}

const SHORT_NAMES: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "STREET",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "0.9.2342.19200300.100.1.25": "DC",
  "0.9.2342.19200300.100.1.1": "UID",
  "1.2.840.113549.1.9.1": "emailAddress",
};
const MAX_TEXT_LENGTH = 200;

/** The name as text, the most specific part first (RFC 4514): at most 200 characters, without control characters. */
export function formatName({ rdns }: Pick<DistinguishedName, "rdns">): string {
  const parts = rdns.toReversed().map((rdn) => rdn.map(formatAttribute).join("+"));
  const text = parts.join(",");
  return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text;
}

function formatAttribute({ type, value }: NameAttribute): string {
  const escaped = value.replace(/^[# ]|[,+"\\<>;]| $/g, "\\$&");
  return `${SHORT_NAMES[type] ?? type}=${escaped.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escapeBytes)}`;
}

function escapeBytes(character: string): string {
  return [...utf8(character)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
}
