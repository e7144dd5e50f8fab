import type { Route } from "../config/config.ts";
import type { RouteTable } from "../config/route_table.ts";
import type { ClientCertificates } from "../identity/client_certificates.ts";
import { decide } from "../policy/decide.ts";
import type { Facts, SessionFacts } from "../policy/facts.ts";
import type { LiveTunnel } from "./registry.ts";
import type { TunnelEndReason } from "./tunnel_end.ts";

/** Tunnels that are decided on at once: asking about a session or a certificate may take a while. */
const AT_ONCE = 16;

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
  /** Judges the certificates of callers as they are now. */
  readonly certificates: Pick<ClientCertificates, "judge">;
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
  const decideOn = async (tunnel: LiveTunnel): Promise<Withdrawal | null> => {
    const route = routeOf(tunnel, options.routes);
    if (route === null) return { tunnel, reason: "route-removed", detail: null };
    const session = await sessionOf(tunnel.sessionId, route);
    const { facts } = await options.certificates.judge(tunnel.clientCertificates, route);
    return judge(tunnel, route, { now: options.now, session, clientCertificate: facts });
  };
  const found = await severalAtOnce(tunnels, decideOn);
  return found.filter((withdrawal) => withdrawal !== null);
}

/** Does something with each of `items`, a few at once. @returns what came of it, in their order; rejects with the first failure */
async function severalAtOnce<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const i = next++;
      try {
        results[i] = await work(items[i]!);
      } catch (error) {
        // The others begin with nothing more.
        next = items.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

/** The route that leads to where a tunnel goes, as the routes are now; `null` when none does. */
export function routeOf({ protocol, target, http }: LiveTunnel, routes: RouteTable): Route | null {
  return http === undefined ? routes.match(protocol, target) : routes.matchHttp(target, http.path);
}

function judge(
  tunnel: LiveTunnel,
  route: Route,
  known: Pick<Facts, "now" | "session" | "clientCertificate">,
): Withdrawal | null {
  const decision = decide(route.policy, {
    ...known,
    routeId: route.id,
    sourceIp: tunnel.ip,
    http: tunnel.http ?? null,
    ssh: tunnel.ssh ?? null,
  });
  if (decision.verdict !== "allowed") {
    if (tunnel.sessionId !== null && known.session === null) {
      return { tunnel, reason: "session-ended", detail: null };
    }
    const { reasons } = decision.deny.value ? decision.deny : decision.allow;
    return { tunnel, reason: "no-longer-allowed", detail: reasons.join(", ") || "no rule allows it" };
  }
  const leadsThere = route.to.some(({ url }) => url === tunnel.upstreamUrl);
  return leadsThere ? null : { tunnel, reason: "upstream-removed", detail: null };
}
