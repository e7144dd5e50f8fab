import { compilePolicy, type RouteShorthands } from "../../lib/policy/compile.ts";
import { decide } from "../../lib/policy/decide.ts";
import type { Decision } from "../../lib/policy/decision.ts";
import { PolicyError } from "../../lib/policy/errors.ts";
import type { Facts, SessionFacts } from "../../lib/policy/facts.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";

/** Ann, who works at example.com. */
export const ann: SessionFacts = {
  sessionId: "s-1",
  userId: "u-ann",
  email: "ann@example.com",
  groups: ["staff", "ops"],
  claims: {},
};

/** A request by `session` from 192.0.2.7. */
export function factsOf(session: SessionFacts | null, sourceIp: string | null = "192.0.2.7"): Facts {
  return { routeId: "r-1", now: 1_700_000_000_000, sourceIp, session };
}

/** A request by Ann, with some of her attributes changed. */
export function asAnn(changes: Partial<SessionFacts> = {}): Facts {
  return factsOf({ ...ann, ...changes });
}

/** A request by nobody in particular. */
export const anonymous: Facts = factsOf(null);

/** Parses, compiles and decides in one go. */
export function ask(data: unknown, facts: Facts, shorthands: RouteShorthands = {}): Decision {
  return decide(compilePolicy(parsePolicy(data), shorthands), facts);
}

/** Whether one criterion alone lets `facts` in. */
export function admits(criterion: Readonly<Record<string, unknown>>, facts: Facts): boolean {
  return ask({ allow: { or: [criterion] } }, facts).verdict === "allowed";
}

/** The PolicyError that loading a policy ends in. */
export function refusal(data: unknown, shorthands: RouteShorthands = {}): PolicyError {
  try {
    compilePolicy(parsePolicy(data), shorthands);
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
  throw new TypeError("The policy was accepted");
}
