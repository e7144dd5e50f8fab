import { Grant } from "./_grant.ts";
import { verdictOf } from "./_verdict.ts";
import type { CompiledPolicy } from "./compile.ts";
import type { Decision } from "./decision.ts";
import { outcomeOf } from "./evaluation.ts";
import type { Facts } from "./facts.ts";

/**
 * Decides one request. In this order: a caller whom a `deny` rule asks for a client certificate is told so
 * (`client-certificate`); whoever is not signed in and could be asked for more is `unauthenticated`; who has no device
 * and could be asked for one, `device`; else access is `allowed` when an `allow` block is true and no `deny` block is;
 * else it is `denied`, as it is when deciding fails, with the reason `policy-error`.
 *
 * @returns a decision that holds a grant if and only if access is allowed
 */
export function decide(policy: CompiledPolicy, facts: Facts): Decision {
  try {
    const allow = outcomeOf(policy.allow, facts);
    const deny = outcomeOf(policy.deny, facts);
    const verdict = verdictOf({ allow, deny });
    return verdict === "allowed"
      ? { verdict, grant: new Grant(facts), allow, deny }
      : { verdict, allow, deny };
  } catch {
    return {
      verdict: "denied",
      allow: { value: false, reasons: ["policy-error"] },
      deny: { value: false, reasons: [] },
    };
  }
}
