import type { IdentityBindingRecord, SessionBindingRecord, SignInCodeRecord } from "./key_store.ts";
import type { Row } from "./_rows.ts";

/** Reads a row of `sign_in_codes`. */
export function signInCodeOf(row: Row): SignInCodeRecord {
  return {
    code: String(row.code),
    keyId: String(row.key_id),
    address: String(row.address),
    issuedAt: Number(row.issued_at),
    expiresAt: Number(row.expires_at),
    state: String(row.state) as SignInCodeRecord["state"],
  };
}

/** Reads a row of `session_bindings`. */
export function sessionBindingOf(row: Row): SessionBindingRecord {
  return {
    ...identityBindingOf(row),
    sessionId: String(row.session_id),
    expiresAt: Number(row.expires_at),
  };
}

/** Reads a row of `identity_bindings`. */
export function identityBindingOf(row: Row): IdentityBindingRecord {
  return {
    keyId: String(row.key_id),
    userId: String(row.user_id),
    createdAt: Number(row.created_at),
    createdFrom: String(row.created_from),
  };
}
