import { parseIp } from "../base/ip.ts";
import type { SessionFacts } from "../policy/facts.ts";
import { type KeyTable, optional, served } from "./key_table.ts";
import { describe, quote } from "./_quote.ts";
import { bad, good, type Parsed, type ValueType } from "./value_type.ts";
import { anything, isMapping, listOf, mapOf, oneOf, text, textAs } from "./value_types.ts";

/** What a policy answers, in the words of a test: lets in, refuses, or asks to sign in. */
export type TestAnswer = "allow" | "deny" | "login";

/** Who is signed in when a test does not give the id: none that a policy would name. */
const TEST_USER_ID = "test-user";
/** RFC 3339 section 5.6, without leap seconds. */
const TIME =
  /^(\d{4}-\d\d-\d\d)[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

interface TestUser {
  readonly email?: string;
  readonly id?: string;
  readonly groups?: readonly string[];
  readonly claims?: Readonly<Record<string, unknown>>;
}

const USER_KEYS: Readonly<Record<string, ValueType<unknown>>> = {
  email: text,
  id: textAs("id", (id) => id === "" ? badValue("must not be empty") : good(id)),
  groups: listOf(text),
  claims: mapOf(anything("claims", {})),
};

const user: ValueType<SessionFacts> = {
  label: "email, or a mapping",
  unit: null,
  schema: {
    anyOf: [
      { type: "string", description: "The email of who is signed in." },
      {
        type: "object",
        properties: Object.fromEntries(Object.entries(USER_KEYS).map(([key, type]) => [key, type.schema])),
        additionalProperties: false,
      },
      { type: "null", description: "Nobody is signed in." },
    ],
  },
  parse(value) {
    if (typeof value === "string" && value !== "") return good(sessionOf({ email: value }));
    if (!isMapping(value)) {
      return badType(`must be an email or a mapping: found ${describe(value)}`);
    }
    const fields: Record<string, unknown> = {};
    for (const [key, part] of Object.entries(value)) {
      const type = Object.hasOwn(USER_KEYS, key) ? USER_KEYS[key]! : null;
      if (type === null) {
        return badValue(`has no key ${quote(key)}: it has ${Object.keys(USER_KEYS).join(", ")}`);
      }
      if (part === null) continue;
      const parsed = type.parse(part);
      if (!parsed.ok) {
        const { fault } = parsed;
        return bad({ ...fault, message: `${key} ${fault.message}`, path: [key, ...fault.path] });
      }
      fields[key] = parsed.value;
    }
    // One entry for each key, read by the type of that key.
    return good(sessionOf(fields as TestUser));
  },
};

const ip: ValueType<string> = textAs("IP address", (address) => {
  if (parseIp(address) !== null) return good(address);
  return badValue(`must be an IP address: found ${quote(address)}`);
});

const time: ValueType<number> = textAs("RFC 3339 time", (written) => {
  const day = TIME.exec(written)?.[1];
  // The platform takes the 30th of February for a day in March.
  const isDay = day !== undefined && new Date(`${day}T00:00Z`).getUTCDate() === Number(day.slice(8));
  if (isDay) return good(Date.parse(written));
  return badValue(`must be a time of RFC 3339: found ${quote(written)}`, "as in 2026-01-05T09:30:00+01:00");
});

const method: ValueType<string> = textAs("HTTP method", (word) => {
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/.test(word)) return good(word);
  return badValue(`must be a method of HTTP: found ${quote(word)}`);
});

const path: ValueType<string> = textAs("path", (written) => {
  if (/^\/[^?#]*$/.test(written)) return good(written);
  return badValue(`must be a path without query: found ${quote(written)}`, "begin it with a slash");
});

/** Every key of an entry of `tests`. */
export const policyTestKeys = {
  name: optional({ type: text, description: "What the test shows; it stands in the complaint." }),
  user: optional({
    type: user,
    description:
      "Who is signed in: an email, or a mapping with any of `email`, `id`, `groups`, `claims`. Without it: nobody.",
  }),
  ip: optional({ type: ip, description: "The address of the caller. Without it: not known." }),
  at: optional({
    type: time,
    description: "When, as in `2026-01-05T09:30:00+01:00`. Without it: `2026-01-01T12:00:00Z`, a Thursday.",
  }),
  method: served({
    type: method,
    absent: "GET",
    description: "The method of the request.",
    protocols: ["http"],
  }),
  path: served({ type: path, absent: "/", description: "The path of the request.", protocols: ["http"] }),
  expect: optional({
    type: oneOf<TestAnswer>({ allow: "allow", deny: "deny", login: "login" }),
    description: "The answer: `allow`, `deny`, or `login` for who is sent to sign in. Must be there.",
  }),
} satisfies KeyTable;

function sessionOf({ id = TEST_USER_ID, email = "", groups = [], claims = {} }: TestUser): SessionFacts {
  const usual = { sub: id, groups, ...(email === "" ? {} : { email }) };
  return { sessionId: "test", userId: id, email, groups, claims: { ...usual, ...claims } };
}

function badValue<T>(message: string, hint?: string): Parsed<T> {
  return bad({ code: "config/bad-value", message, hint });
}

function badType<T>(message: string): Parsed<T> {
  return bad({ code: "config/wrong-type", message });
}
