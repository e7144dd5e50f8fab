import type { Route } from "../config/config.ts";
import type { Caller } from "../identity/resolve_caller.ts";
import type { AuditCertificate } from "../observe/audit.ts";
import { explain, type Explanation } from "../policy/explain.ts";
import type { Facts } from "../policy/facts.ts";
import type { RequestContext } from "./request_context.ts";
import type { HttpServices } from "./services.ts";

/** What a policy may ask about whoever sent a request, whatever the route. */
export type CallerFacts = Omit<Facts, "routeId" | "http" | "mcpTool" | "ssh">;

/** Gathers them, as they are now. @param options `route`: by its authorities a client certificate is judged */
export async function callerFacts(
  c: RequestContext,
  services: HttpServices,
  { caller, route }: { caller: Caller; route: Route },
): Promise<CallerFacts> {
  const certificate = await services.clientCertificates.judge(c.env.connection.clientCertificates, route);
  c.set("clientCertificate", certificate);
  return {
    now: services.clock.now(),
    sourceIp: c.get("ip"),
    session: caller.kind === "session" ? caller.session : null,
    clientCertificate: certificate.facts,
  };
}

/** What logs and the trail say of the certificate of a client, once it was judged; `null` when there is none to read. */
export function presentedCertificate(c: RequestContext): AuditCertificate | null {
  const { details = null, reason = null } = c.get("clientCertificate") ?? {};
  return details === null ? null : { ...details, ...(reason === null ? {} : { reason }) };
}

/** Rule by rule why the policy of a route decides as it does; `undefined` for a route that does not show it. */
export function explanationOf(route: Route, facts: Facts): Explanation | undefined {
  return route.showErrorDetails ? explain(route.policy, facts) : undefined;
}
