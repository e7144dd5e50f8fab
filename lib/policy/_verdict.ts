import type { Decision, Outcome, Reason } from "./decision.ts";

const CERTIFICATE_REASONS: readonly Reason[] = ["client-certificate-required", "invalid-client-certificate"];

/** What the two halves of a policy come to. What the caller could do about a denial goes before the denial itself. */
export function verdictOf({ allow, deny }: { allow: Outcome; deny: Outcome }): Decision["verdict"] {
  if (CERTIFICATE_REASONS.some((reason) => deny.reasons.includes(reason))) return "client-certificate";
  const says = (reason: Reason) => allow.reasons.includes(reason) || deny.reasons.includes(reason);
  if (says("user-unauthenticated")) return "unauthenticated";
  if (says("device-unauthenticated")) return "device";
  return allow.value && !deny.value ? "allowed" : "denied";
}
