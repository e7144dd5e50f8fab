import type { Grant } from "./grant.ts";

/** Why a criterion passed or failed; these strings stand in the audit trail. */
export type Reason =
  | "accept"
  | "claim-ok"
  | "claim-unauthorized"
  | "client-certificate-ok"
  | "client-certificate-required"
  | "client-certificate-unauthorized"
  | "cors-request"
  | "date-ok"
  | "date-unauthorized"
  | "day-of-week-ok"
  | "day-of-week-unauthorized"
  | "device-ok"
  | "device-unauthenticated"
  | "device-unauthorized"
  | "domain-ok"
  | "domain-unauthorized"
  | "email-ok"
  | "email-unauthorized"
  | "groups-ok"
  | "groups-unauthorized"
  | "http-method-ok"
  | "http-method-unauthorized"
  | "http-path-ok"
  | "http-path-unauthorized"
  | "invalid-client-certificate"
  | "mcp-not-a-tool-call"
  | "mcp-tool-match"
  | "mcp-tool-no-match"
  | "non-cors-request"
  | "policy-error"
  | "reject"
  | "source-ip-ok"
  | "source-ip-unauthorized"
  | "ssh-publickey-ok"
  | "ssh-publickey-unauthorized"
  | "ssh-username-ok"
  | "ssh-username-unauthorized"
  | "time-of-day-ok"
  | "time-of-day-unauthorized"
  | "user-ok"
  | "user-unauthenticated"
  | "user-unauthorized"
  | "valid-client-certificate";

/** What one criterion came to. */
export interface Answer {
  /** Whether the criterion is true. */
  readonly value: boolean;
  /** Why. */
  readonly reason: Reason;
}

/** What one half of a policy (all its `allow` rules, or all its `deny` rules) came to. */
export interface Outcome {
  /** Whether the half is true. */
  readonly value: boolean;
  /** Without duplicates, in the order in which they were found; empty when there was no rule. */
  readonly reasons: readonly Reason[];
}

/** The answer of a policy. A denial is a value, not an exception. */
export type Decision =
  & { readonly allow: Outcome; readonly deny: Outcome }
  & (
    | { readonly verdict: "allowed"; readonly grant: Grant }
    /** A trusted client certificate is missing. Signing in could not change the answer. */
    | { readonly verdict: "client-certificate" }
    /** Signing in could change the answer. */
    | { readonly verdict: "unauthenticated" }
    /** Registering a device could change the answer. */
    | { readonly verdict: "device" }
    | { readonly verdict: "denied" }
  );
