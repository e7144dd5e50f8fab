import { DerReader, type DerValue, Tag } from "./_der.ts";
import { oidText, textOf } from "./_der_values.ts";
import type { DistinguishedName, NameAttribute } from "./distinguished_name.ts";

/** The types whose texts can be told apart from their encoding: others are compared byte by byte. */
const COMPARED_AS_TEXT: readonly number[] = [
  Tag.utf8String,
  Tag.printableString,
  Tag.ia5String,
  Tag.numericString,
  Tag.visibleString,
];

/** The name in a value that `requireDer` has seen. @throws {DerError} */
export function parseName(value: DerValue): DistinguishedName {
  const rdns: NameAttribute[][] = [];
  const rdnKeys: string[] = [];
  const reader = new DerReader(value);
  while (!reader.isDone) {
    const attributes = [...attributesOf(reader.next(Tag.set))];
    rdns.push(attributes.map(({ type, value }) => ({ type, value })));
    rdnKeys.push(keyOf(attributes));
  }
  return { der: value.raw, rdns, rdnKeys, key: rdnKeys.join() };
}

/** What `parseName` puts into `rdnKeys` for the attributes in a value. @throws {DerError} */
export function rdnKeyOf(value: Pick<DerValue, "content">): string {
  return keyOf([...attributesOf(value)]);
}

function keyOf(attributes: readonly { key: string }[]): string {
  return JSON.stringify(attributes.map(({ key }) => key).sort());
}

function* attributesOf(set: Pick<DerValue, "content">): Generator<NameAttribute & { key: string }> {
  const reader = new DerReader(set);
  do {
    const attribute = new DerReader(reader.next(Tag.sequence));
    const type = oidText(attribute.next(Tag.oid));
    const value = attribute.next();
    attribute.end();
    const text = textOf(value);
    yield { type, value: text ?? `#${value.raw.toHex()}`, key: `${type}=${comparable(value, text)}` };
  } while (!reader.isDone);
}

/** Letter case and the amount of white space do not count (RFC 5280 section 7.1). */
function comparable({ tag, raw }: DerValue, text: string | null): string {
  if (text === null || !COMPARED_AS_TEXT.includes(tag)) return `#${raw.toHex()}`;
  return `"${text.normalize("NFKC").toLowerCase().trim().replace(/\s+/g, " ")}`;
}
