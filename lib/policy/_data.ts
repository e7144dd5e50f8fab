import { nearestWord } from "../base/nearest.ts";
import { PolicyError, type PolicyPlace, within } from "./errors.ts";
import { MAX_LIST_VALUES, MAX_VALUE_LENGTH } from "./_limits.ts";

/** Whether `value` is an object with keys, not a list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The text that a string, number or boolean is compared as; `null` for anything else. */
export function scalarText(value: unknown): string | null {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : null;
}

/**
 * The text of a value that a policy compares with.
 *
 * @param options `maxLength`: in characters, default 1024
 * @throws {PolicyError} `policy/bad-data`, `policy/too-large`
 */
export function requireText(
  data: unknown,
  place: PolicyPlace,
  options: { maxLength?: number | undefined } = {},
): string {
  const { maxLength = MAX_VALUE_LENGTH } = options;
  const text = scalarText(data);
  if (text === null) {
    const hint = Array.isArray(data) ? "for a list of texts use in or not_in" : undefined;
    throw new PolicyError("policy/bad-data", "This must be a text, a number or a boolean", { place, hint });
  }
  // A reader of YAML or JSON has rounded such a number already: two different ones could compare equal.
  if (typeof data === "number" && Math.abs(data) > Number.MAX_SAFE_INTEGER) {
    const hint = "put it in quotes";
    throw new PolicyError("policy/bad-data", "This number is too large to be exact", { place, hint });
  }
  if (text.length > maxLength) {
    const message = `This value is longer than ${maxLength} characters`;
    throw new PolicyError("policy/too-large", message, { place });
  }
  return text;
}

/**
 * The texts of a list of at most 10,000 values.
 *
 * @throws {PolicyError} `policy/bad-data`, `policy/too-large`
 */
export function requireTexts(
  data: unknown,
  place: PolicyPlace,
  options: { maxLength?: number | undefined } = {},
): string[] {
  if (!Array.isArray(data)) throw new PolicyError("policy/bad-data", "This must be a list", { place });
  if (data.length > MAX_LIST_VALUES) {
    const message = `This list has more than ${MAX_LIST_VALUES} values`;
    throw new PolicyError("policy/too-large", message, { place });
  }
  return data.map((value, index) => requireText(value, within(place, index), options));
}

/**
 * One text or a list of them, each with the place where it stands.
 *
 * @param options `maxLength`: of each, in characters, default 1024
 * @throws {PolicyError} `policy/bad-data`, `policy/too-large`
 */
export function requireSomeTexts(
  data: unknown,
  options: { place: PolicyPlace; maxLength?: number },
): { text: string; place: PolicyPlace }[] {
  const { place, maxLength } = options;
  if (!Array.isArray(data)) return [{ text: requireText(data, place, { maxLength }), place }];
  const texts = requireTexts(data, place, { maxLength });
  return texts.map((text, index) => ({ text, place: within(place, index) }));
}

/**
 * Checks that a matcher has at least one key and no others than the known ones.
 *
 * @throws {PolicyError} `policy/unknown-matcher`, `policy/bad-data`
 */
export function requireKeys(
  data: Readonly<Record<string, unknown>>,
  options: { place: PolicyPlace; known: readonly string[] },
): void {
  const { place, known } = options;
  const unknown = Object.keys(data).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new PolicyError("policy/unknown-matcher", `${quote(unknown)} is not a matcher here`, {
      place: within(place, unknown),
      hint: suggest(unknown, known),
    });
  }
  // Nothing to fail would match everything.
  if (Object.keys(data).length === 0) {
    throw new PolicyError("policy/bad-data", "A matcher without keys asks for nothing", { place });
  }
}

/** A word from the document as it stands in a message: in quotes, without control characters, cut at 40. */
export function quote(word: string): string {
  return JSON.stringify(word.length > 40 ? `${word.slice(0, 40)}...` : word);
}

/** The hint for a word that is not among `known`: the nearest one, otherwise all of them. */
export function suggest(word: string, known: readonly string[]): string {
  const nearest = nearestWord(word, known);
  return nearest === null ? `known are ${known.join(", ")}` : `did you mean ${nearest}?`;
}
