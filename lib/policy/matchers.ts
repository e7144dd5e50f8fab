import { compileRegex } from "../base/regex/regex.ts";
import { RegexError } from "../base/regex/regex_error.ts";
import { isRecord, requireKeys, requireText, requireTexts, scalarText } from "./_data.ts";
import { PolicyError, type PolicyPlace, within } from "./errors.ts";

/** Whether a value is what a policy asks for. */
export type Matcher<Value> = (value: Value) => boolean;

/** How a key of a matcher is read. */
interface KeyContext {
  readonly place: PolicyPlace;
  /** Texts to compare with are wanted in lower case, as the values will be. */
  readonly ignoreCase: boolean;
}

type MatcherKeys<Value> = ReadonlyMap<string, (data: unknown, context: KeyContext) => Matcher<Value>>;

const IGNORE_CASE = "ignore_case";

const STRING_KEYS: MatcherKeys<string> = new Map([
  ["is", withText((value: string, wanted) => value === wanted)],
  ["not", withText((value: string, wanted) => value !== wanted)],
  ["contains", withText((value: string, wanted) => value.includes(wanted))],
  ["starts_with", withText((value: string, wanted) => value.startsWith(wanted))],
  ["ends_with", withText((value: string, wanted) => value.endsWith(wanted))],
  ["in", withTexts((value, wanted) => wanted.has(value))],
  ["not_in", withTexts((value, wanted) => !wanted.has(value))],
  ["matches", compilePattern],
]);

const LIST_KEYS: MatcherKeys<readonly unknown[]> = new Map([
  ["has", withText(holds)],
  ["is", withText((values: readonly unknown[], wanted) => values.length === 1 && holds(values, wanted))],
  ["exclude", withText((values: readonly unknown[], wanted) => !holds(values, wanted))],
  ["matches", (data: unknown, context: KeyContext) => {
    const matches = compilePattern(data, context);
    return (values: readonly unknown[]) =>
      values.some((value) => {
        const text = scalarText(value);
        return text !== null && matches(text);
      });
  }],
]);

/**
 * A matcher for a text: a bare value means `is`; an object holds any of `is`, `not`, `contains`, `starts_with`,
 * `ends_with`, `in`, `not_in`, `matches`, all of which must hold. With `ignore_case: true` beside them the letters A to Z
 * are those from a to z; without it they are not. A bare list is compared as one value, which no text equals, so that it
 * never matches.
 *
 * @param data at most 10,000 values of at most 1024 characters; @param place where it stands
 * @returns a function that throws `RangeError` when `matches` is asked about more than 4096 characters
 * @throws {PolicyError} `policy/bad-data`, `policy/unknown-matcher`, `policy/too-large`
 */
export function compileStringMatcher(data: unknown, place: PolicyPlace): Matcher<string> {
  if (Array.isArray(data)) return () => false;
  if (!isRecord(data)) return STRING_KEYS.get("is")!(data, { place, ignoreCase: false });
  return compileKeys(data, { place, keys: STRING_KEYS, fold: lowerAscii });
}

/**
 * A matcher for a list of values, of which strings, numbers and booleans are compared as text: a bare value means
 * `has`; an object holds any of `has`, `is` (the list is this one value), `exclude`, `matches` (some value does), all of
 * which must hold. `ignore_case: true` is as for a text.
 *
 * @param data values of at most 1024 characters; @param place where it stands
 * @returns a function that throws `RangeError` when `matches` is asked about more than 4096 characters
 * @throws {PolicyError} `policy/bad-data`, `policy/unknown-matcher`, `policy/too-large`
 */
export function compileListMatcher(data: unknown, place: PolicyPlace): Matcher<readonly unknown[]> {
  if (Array.isArray(data)) {
    const hint = "write one criterion for each value, under or";
    throw new PolicyError("policy/bad-data", "This must be one value, not a list", { place, hint });
  }
  if (!isRecord(data)) return LIST_KEYS.get("has")!(data, { place, ignoreCase: false });
  return compileKeys(data, { place, keys: LIST_KEYS, fold: (values) => values.map(lowerScalar) });
}

function compileKeys<Value>(
  data: Readonly<Record<string, unknown>>,
  options: { place: PolicyPlace; keys: MatcherKeys<Value>; fold: (value: Value) => Value },
): Matcher<Value> {
  const { place, keys, fold } = options;
  const { [IGNORE_CASE]: flag, ...rest } = data;
  const ignoreCase = Object.hasOwn(data, IGNORE_CASE) && requireFlag(flag, within(place, IGNORE_CASE));
  requireKeys(rest, { place, known: [...keys.keys(), IGNORE_CASE] });
  const tests = Object.entries(rest).map(([key, part]) =>
    keys.get(key)!(part, { place: within(place, key), ignoreCase })
  );
  const [first, second] = tests;
  const matches = second === undefined ? first! : (value: Value) => tests.every((test) => test(value));
  return ignoreCase ? (value) => matches(fold(value)) : matches;
}

function withText<Value>(matches: (value: Value, wanted: string) => boolean) {
  return (data: unknown, { place, ignoreCase }: KeyContext): Matcher<Value> => {
    const text = requireText(data, place);
    const wanted = ignoreCase ? lowerAscii(text) : text;
    return (value) => matches(value, wanted);
  };
}

function withTexts(matches: (value: string, wanted: ReadonlySet<string>) => boolean) {
  return (data: unknown, { place, ignoreCase }: KeyContext): Matcher<string> => {
    const texts = requireTexts(data, place);
    const wanted = new Set(ignoreCase ? texts.map(lowerAscii) : texts);
    return (value) => matches(value, wanted);
  };
}

function compilePattern(data: unknown, { place, ignoreCase }: KeyContext): Matcher<string> {
  try {
    return compileRegex(requireText(data, place), { ignoreCase });
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    const code = error.code === "regex/too-large" ? "policy/too-large" : "policy/bad-data";
    throw new PolicyError(code, error.message, { place, hint: error.hint });
  }
}

function holds(values: readonly unknown[], wanted: string): boolean {
  for (const value of values) {
    if (scalarText(value) === wanted) return true;
  }
  return false;
}

function requireFlag(data: unknown, place: PolicyPlace): boolean {
  if (typeof data === "boolean") return data;
  throw new PolicyError("policy/bad-data", "This must be true or false", { place });
}

/** Only ASCII: Unicode has other characters whose lower case is an ASCII letter, as the Kelvin sign, and would let in more. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function lowerScalar(value: unknown): unknown {
  const text = scalarText(value);
  return text === null ? value : lowerAscii(text);
}
