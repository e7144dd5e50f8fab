import { DerReader, type DerValue, Tag } from "./_der.ts";
import { oidText } from "./_der_values.ts";
import type { AlgorithmIdentifier } from "./certificate.ts";

/** Reads an AlgorithmIdentifier. @throws {DerError} */
export function parseAlgorithm(value: DerValue): AlgorithmIdentifier {
  const reader = new DerReader(value);
  const id = oidText(reader.next(Tag.oid));
  const parameters = reader.isDone ? null : reader.next().raw;
  reader.end();
  return { id, parameters };
}
