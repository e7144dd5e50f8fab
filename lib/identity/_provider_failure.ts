import { ClientError, ResponseBodyError, WWWAuthenticateChallengeError } from "openid-client";
import { IdentityError, type IdentityErrorCode } from "./identity_error.ts";
import { unavailable } from "./_provider_fetch.ts";

/** A token endpoint's own words (RFC 6749 section 5.2) for: this code or token is not good, or no longer. */
const REFUSALS = new Set(["invalid_grant", "access_denied", "interaction_required", "login_required"]);
/** Codes of `openid-client` for a word of the provider that must not be believed. */
const INVALID = new Set([
  "OAUTH_INVALID_RESPONSE",
  "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED",
  "OAUTH_JWT_CLAIM_COMPARISON_FAILED",
  "OAUTH_JWT_TIMESTAMP_CHECK_FAILED",
  "OAUTH_KEY_SELECTION_FAILED",
  "OAUTH_UNSUPPORTED_OPERATION",
]);

/**
 * Says of what kind a failure of the library is. Its own messages and causes hold tokens, so only its codes are kept.
 * Misuse of the library, a `TypeError`, stays one.
 */
export function providerFailure(error: unknown): IdentityError {
  const known = identityErrorIn(error);
  if (known !== null) return known;
  if (error instanceof ResponseBodyError) {
    const word = printable(error.error);
    if (REFUSALS.has(error.error)) return failure("identity/provider-refused", `refuses with ${word}`);
    return unavailable(`it answers ${error.status} with ${word}`);
  }
  if (error instanceof WWWAuthenticateChallengeError) return ofStatus(error.status);
  if (error instanceof ClientError) {
    const { code = "", cause } = error;
    if (cause instanceof Response) return ofStatus(cause.status);
    if (INVALID.has(code)) return failure("identity/provider-invalid", `tells what is not valid (${code})`);
    return unavailable(code === "" ? error.message : code);
  }
  throw error;
}

/** The library wraps what the fetch it was given throws. */
function identityErrorIn(error: unknown): IdentityError | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at instanceof IdentityError) return at;
  }
  return null;
}

function ofStatus(status: number): IdentityError {
  return status === 401
    ? failure("identity/provider-refused", "refuses with status 401")
    : unavailable(`it answers with status ${status}`);
}

function failure(code: IdentityErrorCode, what: string): IdentityError {
  return new IdentityError(code, `The identity provider ${what}`);
}

function printable(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
