import type { Context } from "hono";
import type { Route } from "../config/config.ts";
import type { Caller } from "../identity/resolve_caller.ts";
import { explain, type Explanation } from "../policy/explain.ts";
import type { Facts } from "../policy/facts.ts";
import type { HttpEnv } from "./env.ts";
import type { HttpServices } from "./services.ts";

/** What a policy may ask about whoever sent a request, whatever the route. */
export type CallerFacts = Omit<Facts, "routeId" | "http" | "mcpTool" | "ssh">;

/** Gathers them, as they are now. */
export function callerFacts(c: Context<HttpEnv>, services: HttpServices, caller: Caller): CallerFacts {
  return {
    now: services.clock.now(),
    sourceIp: c.get("ip"),
    session: caller.kind === "session" ? caller.session : null,
  };
}

/** Rule by rule why the policy of a route decides as it does; `undefined` for a route that does not show it. */
export function explanationOf(route: Route, facts: Facts): Explanation | undefined {
  return route.showErrorDetails ? explain(route.policy, facts) : undefined;
}
