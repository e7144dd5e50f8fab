import { formatDuration, parseDurationMs } from "../base/duration.ts";
import { nearestWord } from "../base/nearest.ts";
import { describe, quote } from "./_quote.ts";
import { bad, good, type JsonSchema, type Parsed, type ValueType } from "./value_type.ts";

/** Any text; a number is taken for its digits. */
export const text: ValueType<string> = {
  label: "text",
  unit: null,
  schema: { type: ["string", "integer"] },
  parse: parseText,
};

/** A text, a number or a truth value, as it is. */
export const scalar: ValueType<string | number | boolean> = {
  label: "scalars",
  unit: null,
  schema: { type: ["string", "integer", "boolean"] },
  parse: (value) => typeof value === "boolean" ? good(value) : parseText(value),
};

/** `true` or `false`, also as text. */
export const flag: ValueType<boolean> = {
  label: "true or false",
  unit: null,
  schema: { type: "boolean" },
  parse(value) {
    if (typeof value === "boolean") return good(value);
    if (value === "true" || value === "false") return good(value === "true");
    return wrongType("true or false", value);
  },
};

/** Anything: read further by whoever knows the shape. @param schema the shape */
export function anything(label: string, schema: JsonSchema): ValueType<unknown> {
  return { label, unit: null, schema, parse: good };
}

/** A mapping: read further by whoever knows its keys. @param schema its shape */
export function mapping(label: string, schema: JsonSchema): ValueType<Readonly<Record<string, unknown>>> {
  return {
    label,
    unit: null,
    schema: { type: "object", ...schema },
    parse: (value) => isMapping(value) ? good(value) : wrongType("a mapping", value),
  };
}

/** The longest duration: 400 days, as browsers keep no cookie longer (RFC 6265bis section 5.5). */
const MAX_DURATION_MS = 400 * 86_400_000;

/**
 * A duration such as `30s`, at most 400 days, in milliseconds.
 *
 * @param bounds `minMs`: inclusive, in milliseconds; `orZero`: 0 is good, too, default false
 */
export function duration({ minMs, orZero = false }: { minMs: number; orZero?: boolean }): ValueType<number> {
  return {
    label: "duration",
    unit: "ms, s, m, h, d",
    schema: {
      type: ["string", "integer"],
      pattern: "^(0|([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+)$",
      minimum: 0,
      maximum: 0,
    },
    parse(value) {
      if (typeof value !== "string" && value !== 0) {
        const hint = typeof value === "number" ? `add the unit, as in ${value}s` : undefined;
        return wrongType("a duration such as 30s or 1h30m", value, hint);
      }
      const ms = parseDurationMs(String(value));
      if (ms === null) return wrongType("a duration such as 30s or 1h30m", value);
      if (ms >= minMs && ms <= MAX_DURATION_MS || orZero && ms === 0) return good(ms);
      const bounds = `${orZero ? "0, or " : ""}from ${formatDuration(minMs)} to 400 days`;
      return bad({ code: "config/bad-value", message: `must be ${bounds}: found ${value}` });
    },
  };
}

/** A list of values of one type. @param item how each of them is read */
export function listOf<T>(item: ValueType<T>): ValueType<readonly T[]> {
  return {
    label: `list of ${item.label}`,
    unit: item.unit,
    schema: { type: "array", items: item.schema },
    parse(value) {
      if (!Array.isArray(value)) {
        const hint = typeof value === "string" ? `write it as a list: [${quote(value)}]` : undefined;
        return wrongType("a list", value, hint);
      }
      return parseItems(value.entries(), { item, finish: (items) => items.map(([, parsed]) => parsed) });
    },
  };
}

/** A value, or a list of values, of one type. @param item how each of them is read */
export function oneOrMore<T>(item: ValueType<T>): ValueType<readonly T[]> {
  const list = listOf(item);
  return {
    label: `${item.label}, or a list of them`,
    unit: item.unit,
    schema: { anyOf: [item.schema, list.schema] },
    parse(value) {
      if (Array.isArray(value)) return list.parse(value);
      const parsed = item.parse(value);
      return parsed.ok ? good([parsed.value]) : parsed;
    },
  };
}

/** A mapping from any keys to values of one type. @param item how each of them is read */
export function mapOf<T>(item: ValueType<T>): ValueType<Readonly<Record<string, T>>> {
  return {
    label: `mapping to ${item.label}`,
    unit: item.unit,
    schema: { type: "object", additionalProperties: item.schema },
    parse(value) {
      if (!isMapping(value)) return wrongType("a mapping", value);
      return parseItems(Object.entries(value), { item, finish: (items) => Object.fromEntries(items) });
    },
  };
}

/** One of a few words. @param words what each of them means */
export function oneOf<T>(words: Readonly<Record<string, T>>): ValueType<T> {
  const known = Object.keys(words).filter((word) => word !== "");
  return {
    label: known.join(", "),
    unit: null,
    schema: { type: "string", enum: Object.keys(words) },
    parse(value) {
      if (typeof value === "string" && Object.hasOwn(words, value)) return good(words[value]!);
      const nearest = typeof value === "string" ? nearestWord(value, known) : null;
      return bad({
        code: typeof value === "string" ? "config/bad-value" : "config/wrong-type",
        message: `must be one of ${known.join(", ")}: found ${describe(value)}`,
        hint: nearest === null ? undefined : `did you mean ${nearest}?`,
      });
    },
  };
}

/** A text that one more check turns into a value. @param check what is read from the text */
export function textAs<T>(label: string, check: (text: string) => Parsed<T>): ValueType<T> {
  return {
    label,
    unit: null,
    schema: { type: "string" },
    parse(value) {
      const parsed = parseText(value);
      return parsed.ok ? check(parsed.value) : parsed;
    },
  };
}

/** Whether a value is a mapping with keys, not a list. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function parseText(value: unknown): Parsed<string> {
  if (typeof value === "string") return good(value);
  // YAML has rounded a larger one already.
  if (Number.isSafeInteger(value)) return good(String(value));
  const hint = typeof value === "number" || typeof value === "boolean" ? "put it in quotes" : undefined;
  return wrongType("a text", value, hint);
}

function parseItems<K extends string | number, T, R>(
  entries: Iterable<[K, unknown]>,
  { item, finish }: { item: ValueType<T>; finish: (items: [K, T][]) => R },
): Parsed<R> {
  const items: [K, T][] = [];
  for (const [key, value] of entries) {
    const parsed = item.parse(value);
    if (!parsed.ok) {
      return { ok: false, fault: { ...parsed.fault, path: [key, ...parsed.fault.path] } };
    }
    items.push([key, parsed.value]);
  }
  return good(finish(items));
}

function wrongType<T>(expected: string, value: unknown, hint?: string): Parsed<T> {
  return bad({ code: "config/wrong-type", message: `must be ${expected}: found ${describe(value)}`, hint });
}
