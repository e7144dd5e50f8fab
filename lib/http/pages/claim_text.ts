import { momentText } from "./moment.tsx";

const MAX_LENGTH = 500;
/** Claims that are moments, in seconds since 1970 (RFC 7519 section 4.1, OpenID Connect Core 1.0 sections 2 and 5.1). */
const MOMENTS = new Set(["exp", "iat", "nbf", "auth_time", "updated_at"]);
/** The last moment that a date can hold. */
const MAX_MOMENT_S = 8.64e12;

/** The value of a claim for a person, cut to 500 characters: lists with commas, moments as dates, the rest as JSON. */
export function claimText(name: string, value: unknown): string {
  const text = MOMENTS.has(name) && isMoment(value) ? momentText(value * 1000) : plainText(value);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

function isMoment(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= MAX_MOMENT_S;
}

function plainText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) {
    return value.length === 0 ? "none" : value.map(plainText).join(", ");
  }
  return JSON.stringify(value);
}
