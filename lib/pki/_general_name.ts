import { contextTag, DerError, DerReader, type DerValue, requireIa5, Tag } from "./_der.ts";
import { ia5Text, oidText, textOf } from "./_der_values.ts";
import { parseName } from "./_name.ts";
import type { GeneralName } from "./general_name.ts";

const USER_PRINCIPAL_NAME = "1.3.6.1.4.1.311.20.2.3";

const PARSERS: ReadonlyMap<number, (value: DerValue) => GeneralName> = new Map([
  [contextTag(0, { constructed: true }), otherName],
  [contextTag(1), (value: DerValue) => ia5Name("email", value)],
  [contextTag(2), (value: DerValue) => ia5Name("dns", value)],
  [contextTag(3, { constructed: true }), ({ raw }: DerValue) => ({ type: "x400", der: raw })],
  [contextTag(4, { constructed: true }), directoryName],
  [contextTag(5, { constructed: true }), ({ raw }: DerValue) => ({ type: "edi-party", der: raw })],
  [contextTag(6), (value: DerValue) => ia5Name("uri", value)],
  [contextTag(7), ({ content }: DerValue) => ({ type: "ip", bytes: content })],
  [contextTag(8), ({ raw }: DerValue) => ({ type: "registered-id", der: raw })],
]);

/** Reads a GeneralName. @throws {DerError} */
export function parseGeneralName(value: DerValue): GeneralName {
  const parse = PARSERS.get(value.tag);
  if (parse === undefined) throw new DerError("a name has an unknown form");
  return parse(value);
}

/** Reads GeneralNames: at least one. @throws {DerError} */
export function parseGeneralNames(value: Pick<DerValue, "content">): GeneralName[] {
  const reader = new DerReader(value);
  const names: GeneralName[] = [];
  do names.push(parseGeneralName(reader.next())); while (!reader.isDone);
  return names;
}

function ia5Name(type: "dns" | "email" | "uri", value: DerValue): GeneralName {
  requireIa5(value.content);
  return { type, value: ia5Text(value) };
}

/** A CHOICE cannot be tagged implicitly, so the name is inside. */
function directoryName(value: DerValue): GeneralName {
  const reader = new DerReader(value);
  const name = parseName(reader.next(Tag.sequence));
  reader.end();
  return { type: "directory", name };
}

function otherName(value: DerValue): GeneralName {
  const reader = new DerReader(value);
  const type = oidText(reader.next(Tag.oid));
  const inner = new DerReader(reader.next(contextTag(0, { constructed: true })));
  reader.end();
  if (type !== USER_PRINCIPAL_NAME) return { type: "other", der: value.raw };
  const text = textOf(inner.next(Tag.utf8String))!;
  inner.end();
  return { type: "upn", value: text };
}
