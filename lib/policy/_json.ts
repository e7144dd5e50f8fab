import { isRecord } from "./_data.ts";

const MAX_TEXT_LENGTH = 200;
const MAX_ENTRIES = 20;
const MAX_DEPTH = 4;

/** A value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A value as JSON that is short enough to be shown: at most 200 characters, 20 entries and 4 levels. */
export function boundedJson(value: unknown): Json {
  return shorten(value, 0);
}

function shorten(value: unknown, depth: number): Json {
  if (typeof value === "string") return cut(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "boolean") return value;
  const isList = Array.isArray(value);
  if (!isList && !isRecord(value)) return null;
  if (depth === MAX_DEPTH) return "…";
  const more = (isList ? value.length : Object.keys(value).length) - MAX_ENTRIES;
  if (isList) {
    const shown = value.slice(0, MAX_ENTRIES).map((part) => shorten(part, depth + 1));
    return more > 0 ? [...shown, `… ${more} more`] : shown;
  }
  const shown = Object.entries(value).slice(0, MAX_ENTRIES)
    .map(([key, part]) => [cut(key), shorten(part, depth + 1)] as const);
  return Object.fromEntries(more > 0 ? [...shown, ["…", `${more} more`]] : shown);
}

function cut(text: string): string {
  return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH).toWellFormed()}…` : text;
}
