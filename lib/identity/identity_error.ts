import { SallyportError } from "../base/errors.ts";

/** What went wrong while finding out who is calling, or while managing local users. */
export type IdentityErrorCode =
  /** The name of a user breaks the rules. */
  | "identity/bad-name"
  /** The e-mail address of a user breaks the rules. */
  | "identity/bad-email"
  /** The display name of a user breaks the rules. */
  | "identity/bad-display-name"
  /** The groups of a user break the rules. */
  | "identity/bad-groups"
  /** A new password is too short or too long. */
  | "identity/bad-password"
  /** A service account has neither or both of a user and an e-mail address of its own, a bad description or a bad time. */
  | "identity/bad-service-account"
  /** There is no service account with this id. */
  | "identity/no-such-service-account"
  /** A bearer token that is not from an issuer whose tokens are taken, not for this gateway, or not valid now. */
  | "identity/bearer-invalid"
  /** The keys of an issuer cannot be had. */
  | "identity/issuer-unavailable"
  /** There is no user of this name. */
  | "identity/no-such-user"
  /** Too many sign-ins are waiting already. */
  | "identity/busy"
  /** Passwords cannot be hashed on this system, or no longer. */
  | "identity/hasher-failed"
  /** The key for assertions is not a P-256 private key. */
  | "identity/bad-signing-key"
  /** A session token that was not issued here, or was changed. */
  | "identity/token-invalid"
  /** A session token whose session has ended by its own words. */
  | "identity/token-expired"
  /** A URL without a signature. */
  | "identity/url-unsigned"
  /** A signed URL outside its time. */
  | "identity/url-expired"
  /** A signed URL that was changed, or signed by somebody else. */
  | "identity/url-tampered"
  /** A URL longer than is ever signed. */
  | "identity/url-too-long"
  /** A callback code that was not issued here, or for another host. */
  | "identity/code-invalid"
  /** A callback code past its time. */
  | "identity/code-expired"
  /** A callback code that was used before. */
  | "identity/code-used"
  /** A sign-in with a provider that was not begun here, or in another browser. */
  | "identity/state-invalid"
  /** A sign-in with a provider that took too long. */
  | "identity/state-expired"
  /** A sign-in with a provider that has ended already. */
  | "identity/state-used"
  /** The identity provider cannot be reached, is too slow, or answers something else than OpenID Connect. */
  | "identity/provider-unavailable"
  /** The identity provider refuses what it was asked: a code, or a person who may no longer. */
  | "identity/provider-refused"
  /** The identity provider's word is not valid, or not meant for this sign-in. */
  | "identity/provider-invalid"
  /** A logout token that the identity provider did not make, or not for this gateway, or that was used before. */
  | "identity/logout-token-invalid";

/** A caller, a sign-in or a change to the local users was refused. */
export class IdentityError extends SallyportError {
  /** An error with what kind of failure it is, what was being done and what was found. */
  constructor(
    readonly code: IdentityErrorCode,
    message: string,
    options?: { cause?: unknown; hint?: string },
  ) {
    super(message, options);
  }
}
