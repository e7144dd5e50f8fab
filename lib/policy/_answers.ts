import type { Answer, Reason } from "./decision.ts";

/** Criteria whose reasons are their name with `-ok` or `-unauthorized`. */
export type Family =
  | "claim"
  | "client-certificate"
  | "date"
  | "day-of-week"
  | "device"
  | "domain"
  | "email"
  | "groups"
  | "http-method"
  | "http-path"
  | "source-ip"
  | "ssh-publickey"
  | "ssh-username"
  | "time-of-day"
  | "user";

/** The answer to whether a criterion is true. */
export type Answerer = (value: boolean) => Answer;

/** The answer of a criterion that needs a session and has none. */
export const UNAUTHENTICATED: Answer = answer(false, "user-unauthenticated");

/** One of the few answers there are. */
export function answer(value: boolean, reason: Reason): Answer {
  return Object.freeze({ value, reason });
}

/** The two answers of a family. */
export function answersOf(family: Family): Answerer {
  const ok = answer(true, `${family}-ok`);
  const unauthorized = answer(false, `${family}-unauthorized`);
  return (value) => value ? ok : unauthorized;
}
