import type { Route } from "../config/config.ts";
import type { RouteTable } from "../config/route_table.ts";
import { decide } from "../policy/decide.ts";
import type { SessionFacts } from "../policy/facts.ts";
import type { LiveTunnel } from "./registry.ts";
import type { TunnelEndReason } from "./tunnel_end.ts";

/** A tunnel that may not go on, and why. */
export interface Withdrawal {
  /** The tunnel. */
  readonly tunnel: LiveTunnel;
  /** What stands in the way. */
  readonly reason: TunnelEndReason;
  /** The reasons of the policy; `null` when it was not the policy. */
  readonly detail: string | null;
}

/** What live tunnels are held against. */
export interface ReauthorizeOptions {
  /** The routes as they are, or as they would be. */
  readonly routes: RouteTable;
  /**
   * The caller as they are now; `null` when the session is no more, or does not count on the route. Asked once for each
   * session and client of routes.
   */
  readonly session: (sessionId: string, route: Route) => Promise<SessionFacts | null>;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
}

/**
 * Decides anew for tunnels that are open: whether a route still leads from the destination to the service, and whether its
 * policy still lets the caller in. Ends nothing.
 *
 * @returns the tunnels that may not go on, in the order given
 */
export async function reauthorize(
  tunnels: readonly LiveTunnel[],
  options: ReauthorizeOptions,
): Promise<Withdrawal[]> {
  const sessions = new Map<string, Promise<SessionFacts | null>>();
  const sessionOf = (id: string | null, route: Route): Promise<SessionFacts | null> => {
    if (id === null) return Promise.resolve(null);
    const key = `${id} ${route.idpClient?.clientId ?? ""}`;
    const known = sessions.get(key) ?? options.session(id, route);
    sessions.set(key, known);
    return known;
  };
  const withdrawals: Withdrawal[] = [];
  for (const tunnel of tunnels) {
    const route = options.routes.match("tcp", tunnel.target);
    const withdrawal = route === null
      ? { tunnel, reason: "route-removed" as const, detail: null }
      : judge(tunnel, await sessionOf(tunnel.sessionId, route), { route, now: options.now });
    if (withdrawal !== null) withdrawals.push(withdrawal);
  }
  return withdrawals;
}

function judge(
  tunnel: LiveTunnel,
  session: SessionFacts | null,
  { route, now }: { route: Route; now: number },
): Withdrawal | null {
  const decision = decide(route.policy, { routeId: route.id, now, sourceIp: tunnel.ip, session });
  if (decision.verdict !== "allowed") {
    if (tunnel.sessionId !== null && session === null) {
      return { tunnel, reason: "session-ended", detail: null };
    }
    const { reasons } = decision.deny.value ? decision.deny : decision.allow;
    return { tunnel, reason: "no-longer-allowed", detail: reasons.join(", ") || "no rule allows it" };
  }
  const leadsThere = route.to.some(({ url }) => url === tunnel.upstreamUrl);
  return leadsThere ? null : { tunnel, reason: "upstream-removed", detail: null };
}
