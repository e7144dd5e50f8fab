import type { ComplaintCode } from "./complaint.ts";

/** What came of reading a value. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | {
  readonly ok: false;
  readonly fault: ValueFault;
};

/** Why a value cannot be used. */
export interface ValueFault {
  /** Which rule was broken. */
  readonly code: ComplaintCode & ("config/wrong-type" | "config/bad-value" | "config/unsupported-value");
  /** Goes on after the name of the key: `must be true or false`. */
  readonly message: string;
  /** What to write instead. */
  readonly hint?: string | undefined;
  /** The steps from the value to the part of it that is wrong; empty for the whole. */
  readonly path: readonly (string | number)[];
}

/** A JSON Schema (draft 2020-12), or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** How the value of a key is read. */
export interface ValueType<T> {
  /** For people: `duration`, `list of texts`. */
  readonly label: string;
  /** The unit of a number, or how one is written; `null` when there is none. */
  readonly unit: string | null;
  /** What an editor may offer and check; never refuses what `parse` takes in the form that the documents show. */
  readonly schema: JsonSchema;
  /** Reads plain data, as it came from YAML; never `null` or `undefined`. */
  parse(value: unknown): Parsed<T>;
}

/** A value that can be used. */
export function good<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

/** A value that cannot be used. @param fault `path` is empty by default */
export function bad<T>(fault: Omit<ValueFault, "path"> & { path?: ValueFault["path"] }): Parsed<T> {
  return { ok: false, fault: { path: [], ...fault } };
}
