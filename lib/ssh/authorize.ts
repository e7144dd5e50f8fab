import { type Authority, formatAuthority } from "../base/authority.ts";
import type { Route } from "../config/config.ts";
import { countsOn, providerIdOf } from "../identity/provider_ids.ts";
import type { AuditDecision, AuditSubject } from "../observe/audit.ts";
import { decide } from "../policy/decide.ts";
import type { Decision } from "../policy/decision.ts";
import type { TunnelFacts, TunnelLimits } from "../tunnel/registry.ts";
import type { SshGranted, SshLogin } from "./handlers.ts";
import type { SshServices } from "./services.ts";

/** The port that an `ssh://` route is known by in the registry and the trail; its name has none. */
export const SSH_PORT = 22;

/** Why a login does not reach a route. */
export type SshRefusalCode =
  /** There is no such route. */
  | "ssh/no-route"
  /** The policy asks for another key. */
  | "ssh/wrong-key"
  /** Signing in anew could change the answer. */
  | "ssh/unauthenticated"
  /** Only sign-ins through the route's own client of the identity provider count, and those for SSH go through another. */
  | "ssh/other-client"
  /** The policy says no. */
  | "ssh/denied";

/** What the person at the client is told, each for itself. */
export const SSH_REFUSAL_SENTENCES: Readonly<Record<SshRefusalCode, string>> = {
  "ssh/no-route": "There is no such route",
  "ssh/wrong-key": "The policy of the route asks for another key",
  "ssh/unauthenticated": "The policy of the route asks you to sign in anew",
  "ssh/other-client":
    "The route has a client of its own at the identity provider, through which nobody signs in over SSH",
  "ssh/denied": "The policy of the route does not let you in",
};

/** A login does not reach a route. */
export interface SshRefusal {
  /** Why. */
  readonly code: SshRefusalCode;
  /** The route that was asked for; `null` when there is none. */
  readonly route: Route | null;
  /** What the policy said; `null` when none was asked. */
  readonly decision: Decision | null;
}

/** What is asked for. */
export interface SshWanted {
  /** What the trail calls it: `SSH` for a session, `DIRECT-TCPIP`, … */
  readonly method: string;
  /** The name of the route, or the destination of a TCP route. */
  readonly target: Authority;
  /** The route that leads there; `null`: none does. */
  readonly route: Route | null;
  /** The tunnel, in the trail and the registry; default: the connection. */
  readonly id?: string;
}

/** The route of a name. @param name as after the login name in `user@name@gateway` */
export function routeNamed(name: string, { routes }: Pick<SshServices, "routes">): Route | null {
  return routes.match("ssh", { host: name, port: SSH_PORT });
}

/** Decides on a login that asks for a route. Writes nothing into the trail, see {@link noteDecision}. */
export function decideSsh(
  login: Pick<SshLogin, "caller" | "ip" | "ssh">,
  { route, services }: { route: Route | null; services: Pick<SshServices, "config" | "live" | "clock"> },
): SshGranted | SshRefusal {
  const { mark } = services.live;
  if (route === null) return { code: "ssh/no-route", route, decision: null };
  const { caller } = login;
  // A session that began through another client of the provider than that of the route counts as none.
  const counts = caller.providerId === null ||
    countsOn(providerIdOf(services.config, route), caller.providerId);
  const decision = decide(route.policy, {
    routeId: route.id,
    now: services.clock.now(),
    sourceIp: login.ip,
    session: counts ? caller.session : null,
    ssh: login.ssh,
  });
  if (decision.verdict === "allowed") return { route, grant: decision.grant, decision, mark };
  const isOfOther = !counts && route.idpClient !== null;
  return { code: isOfOther ? "ssh/other-client" : codeOf(decision), route, decision };
}

function codeOf({ verdict, allow, deny }: Decision): SshRefusalCode {
  const { reasons } = deny.value ? deny : allow;
  if (reasons.includes("ssh-publickey-unauthorized")) return "ssh/wrong-key";
  return verdict === "unauthenticated" ? "ssh/unauthenticated" : "ssh/denied";
}

/** Writes down what was decided. @param outcome `error`: why it did not open; `upstream`: what was reached or tried */
export function noteDecision(
  login: SshLogin,
  { wanted, services, ...outcome }: {
    readonly wanted: SshWanted;
    readonly services: Pick<SshServices, "audit">;
    readonly decision: Decision | null;
    readonly opened: boolean;
    readonly status: AuditDecision["status"];
    readonly error: string | null;
    readonly upstream: string | null;
  },
): void {
  const { decision, opened, status, error, upstream } = outcome;
  services.audit.decided({
    ...subjectOf(login, wanted),
    opened,
    status,
    error,
    upstream,
    allow: decision?.allow ?? null,
    deny: decision?.deny ?? null,
  });
}

/** What the trail says of who asked for what. */
export function subjectOf(login: SshLogin, { method, target, route, id }: SshWanted): AuditSubject {
  const { sessionId, userId, email } = login.caller.session;
  return {
    requestId: id ?? login.connectionId,
    method,
    host: formatAuthority(target),
    ip: login.ip,
    routeId: route?.id ?? null,
    routeName: route?.name ?? null,
    sessionId,
    userId,
    email,
    clientCertificate: null,
  };
}

/** What the registry is told of a tunnel of this login. */
export function tunnelFactsOf(
  login: SshLogin,
  { target, route, id, upstreamUrl }: SshWanted & { route: Route; upstreamUrl: string },
): TunnelFacts {
  const { sessionId, userId, email } = login.caller.session;
  return {
    id: id ?? login.connectionId,
    protocol: route.from.protocol,
    routeId: route.id,
    target,
    ssh: login.ssh,
    upstreamUrl,
    ip: login.ip,
    clientCertificates: null,
    sessionId,
    userId,
    email,
  };
}

/** How long a tunnel of this login through this route may live. */
export function tunnelLimitsOf(login: SshLogin, route: Route): TunnelLimits {
  const limits = [route.timeoutMs, route.maxSessionDurationMs].filter((ms) => ms > 0);
  return {
    idleTimeoutMs: route.idleTimeoutMs,
    maxDurationMs: limits.length === 0 ? 0 : Math.min(...limits),
    sessionExpiresAt: login.caller.sessionExpiresAt,
  };
}
