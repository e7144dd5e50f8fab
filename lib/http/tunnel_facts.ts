import type { Upstream } from "../config/config.ts";
import type { TunnelFacts, TunnelLimits } from "../tunnel/registry.ts";
import type { Asked } from "./authorize.ts";
import type { RequestContext } from "./request_context.ts";
import type { HttpServices } from "./services.ts";

/** What the registry is told of a tunnel to this service. */
export function tunnelFacts(
  c: RequestContext,
  { route, caller, target, http }: Asked,
  upstream: Upstream,
): TunnelFacts {
  const session = caller.kind === "session" ? caller.session : null;
  return {
    id: c.get("requestId"),
    protocol: route.from.protocol,
    routeId: route.id,
    target,
    http,
    upstreamUrl: upstream.url,
    ip: c.get("ip"),
    clientCertificates: c.env.connection.clientCertificates,
    sessionId: session?.sessionId ?? null,
    userId: session?.userId ?? null,
    email: session?.email ?? null,
  };
}

/** How long a tunnel of this caller through this route may live. */
export function tunnelLimits(services: HttpServices, { route, caller }: Asked): TunnelLimits {
  const limits = [route.timeoutMs, route.maxSessionDurationMs, services.config.timeouts.writeMs]
    .filter((ms) => ms > 0);
  return {
    idleTimeoutMs: route.idleTimeoutMs,
    maxDurationMs: limits.length === 0 ? 0 : Math.min(...limits),
    sessionExpiresAt: caller.kind === "session" ? caller.sessionExpiresAt : null,
  };
}
