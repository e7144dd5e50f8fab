import { utf8 } from "../base/bytes.ts";
import { IdentityError } from "./identity_error.ts";

/** What an identity provider says about somebody. */
export interface ProviderPerson {
  /** Who, for this provider: stable and never given to another (`sub`). */
  readonly subject: string;
  /** Empty when the provider told none, or none that counts. */
  readonly email: string;
  /** Empty when the provider told none. */
  readonly displayName: string;
  /** The texts in the claim `groups`. */
  readonly groups: readonly string[];
  /** All claims but those of the token itself, and but an e-mail address that does not count. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Claims about a token, not about a person (RFC 7519 section 4.1, OpenID Connect Core 1.0 section 2). */
const OF_THE_TOKEN = ["exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "s_hash", "sid"];
/** OpenID Connect Core 1.0 section 2. */
const MAX_SUBJECT_LENGTH = 255;
const MAX_EMAIL_LENGTH = 254;
const MAX_NAME_LENGTH = 128;
const MAX_GROUPS = 1000;
const MAX_CLAIMS_BYTES = 64 * 1024;
const EMAIL = /^[^\s\p{C}@]+@[^\s\p{C}@]+$/u;

/**
 * Merges what the ID token and the userinfo endpoint say; userinfo is the newer and wins.
 *
 * An e-mail address counts when the provider says that it verified this address (`email_verified`), or says nothing about
 * it and is trusted to know: policies let people in by it.
 *
 * @param sources in the order in which later ones win; each with the same `sub`
 * @param options `trustsUnmarkedEmail`: whether an address without `email_verified` counts
 * @throws {IdentityError} `identity/provider-invalid` without a usable subject, or with more than 64 KiB of claims
 */
export function personFrom(
  sources: readonly Readonly<Record<string, unknown>>[],
  options: { trustsUnmarkedEmail: boolean },
): ProviderPerson {
  const merged: Record<string, unknown> = Object.assign({}, ...sources);
  const { sub: subject } = merged;
  if (typeof subject !== "string" || subject === "" || subject.length > MAX_SUBJECT_LENGTH) {
    throw invalid("names nobody");
  }
  for (const name of OF_THE_TOKEN) delete merged[name];
  const email = emailIn(sources, options);
  if (email === "") delete merged.email;
  if (utf8(JSON.stringify(merged)).length > MAX_CLAIMS_BYTES) {
    throw invalid("tells more than 64 KiB of claims");
  }
  return { subject, email, displayName: nameIn(merged), groups: groupsIn(merged), claims: merged };
}

function emailIn(
  sources: readonly Readonly<Record<string, unknown>>[],
  { trustsUnmarkedEmail }: { trustsUnmarkedEmail: boolean },
): string {
  const email = sources.findLast((source) => source.email !== undefined)?.email;
  if (typeof email !== "string" || email.length > MAX_EMAIL_LENGTH || !EMAIL.test(email)) return "";
  const marks = sources.filter((source) => source.email === email && source.email_verified !== undefined)
    .map((source) => source.email_verified === true || source.email_verified === "true");
  const counts = marks.length === 0 ? trustsUnmarkedEmail : marks.every(Boolean);
  return counts ? email : "";
}

function nameIn({ name, preferred_username: userName }: Readonly<Record<string, unknown>>): string {
  const text = [name, userName].find((value) => typeof value === "string" && value !== "") ?? "";
  return String(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "").slice(0, MAX_NAME_LENGTH);
}

function groupsIn({ groups }: Readonly<Record<string, unknown>>): string[] {
  const listed = Array.isArray(groups) ? groups : [groups];
  return [...new Set(listed.filter((group) => typeof group === "string" && group !== ""))].slice(
    0,
    MAX_GROUPS,
  );
}

function invalid(what: string): IdentityError {
  return new IdentityError("identity/provider-invalid", `The identity provider ${what}`);
}
