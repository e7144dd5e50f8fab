import type { Context } from "hono";
import { type Authority, AuthorityError, formatAuthority, parseAuthority } from "../base/authority.ts";
import { CodecError } from "../codec/codec_error.ts";
import type { Route } from "../config/config.ts";
import { providerIdOf } from "../identity/provider_ids.ts";
import type { Caller } from "../identity/resolve_caller.ts";
import type { AuditDecision, AuditSubject } from "../observe/audit.ts";
import { decide } from "../policy/decide.ts";
import type { Decision } from "../policy/decision.ts";
import type { Explanation } from "../policy/explain.ts";
import type { Facts } from "../policy/facts.ts";
import type { Grant } from "../policy/grant.ts";
import { StoreError } from "../store/store.ts";
import type { TunnelFacts } from "../tunnel/registry.ts";
import { DialError } from "../upstream/dial_error.ts";
import { dialTcp, type UpstreamConnection } from "../upstream/dial_tcp.ts";
import { refuse } from "./answers.tsx";
import type { HttpEnv } from "./env.ts";
import { callerFacts, explanationOf } from "./facts.ts";
import { proxyHeader } from "./proxy_header.ts";
import { requireSignIn } from "./require_sign_in.ts";
import { routeCaller } from "./route_caller.ts";
import type { HttpServices } from "./services.ts";
import { signInUrl } from "./sign_in_chain.ts";
import { type AnswerCode, STATUS } from "./status.ts";

/** A CONNECT on its way from parsing to serving. */
interface Asked {
  readonly target: Authority;
  readonly route: Route;
  readonly caller: Caller;
  readonly decision: Decision;
  /** Of live authorization, from before the decision. */
  readonly mark: number;
}

/**
 * CONNECT (RFC 9110 section 9.3.6), over HTTP/1.1 and HTTP/2 alike: parses the destination, finds its route, decides, and
 * opens the tunnel. Whatever the outcome, the trail has a line for it.
 */
export async function connect(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const target = parseTarget(c.env.connectTarget!);
  const { mark } = services.live;
  if (target instanceof AuthorityError) return refused(c, services, { code: target.code, asked: null });
  const route = services.routes.match("tcp", target);
  if (route === null) return refused(c, services, { code: "http/no-route", asked: { target } });

  const caller = await callerOrCode(c, services, route);
  if (typeof caller === "string") return refused(c, services, { code: caller, asked: { target } });
  const facts: Facts = { ...callerFacts(c, services, caller), routeId: route.id };
  const decision = decide(route.policy, facts);
  const asked: Asked = { target, route, caller, decision, mark };
  switch (decision.verdict) {
    case "denied":
      return refused(c, services, { code: "http/denied", asked, explanation: explanationOf(route, facts) });
    case "client-certificate":
      return refused(c, services, { code: "http/client-certificate", asked });
    case "device":
      return refused(c, services, { code: "http/device", asked });
    case "unauthenticated":
      return await askToSignIn(c, services, asked);
    case "allowed":
      return await open(c, services, { ...asked, grant: decision.grant });
  }
}

function parseTarget(text: string): Authority | AuthorityError {
  try {
    return parseAuthority(text);
  } catch (error) {
    if (error instanceof AuthorityError) return error;
    throw error;
  }
}

/** Without the store nobody can be told from a stranger: nothing is decided. */
async function callerOrCode(
  c: Context<HttpEnv>,
  services: HttpServices,
  route: Route,
): Promise<Caller | AnswerCode> {
  try {
    return await routeCaller(c, services, route);
  } catch (error) {
    if (error instanceof StoreError) return error.code;
    throw error;
  }
}

async function open(
  c: Context<HttpEnv>,
  services: HttpServices,
  asked: Asked & { grant: Grant },
): Promise<Response> {
  let connection: UpstreamConnection;
  try {
    const preface = await proxyHeader(c, services, asked);
    connection = await dialTcp(asked.grant, asked.route.to, { preface });
  } catch (error) {
    if (error instanceof CodecError) {
      services.log.error("PROXY header not written", {
        "request-id": c.get("requestId"),
        error: error.message,
      });
      return refused(c, services, { code: "http/internal", asked });
    }
    if (!(error instanceof DialError)) throw error;
    services.log.warn("upstream not reached", { "request-id": c.get("requestId"), error: error.message });
    return refused(c, services, { code: error.code, asked, upstream: error.address });
  }
  services.audit.decided({
    ...entryOf(c, asked),
    opened: true,
    status: 200,
    error: null,
    upstream: connection.address,
  });
  const ended = c.get("tunnelOpened")();
  c.env.takeOver(async (client) => {
    const running = services.tunnels.run(
      factsOf(c, asked, connection),
      { client, service: connection.stream, limits: limitsOf(services, asked) },
    );
    // The session or the policy may have changed while the service was dialled.
    if (services.live.mark !== asked.mark) void services.live.recheck(c.get("requestId"));
    const end = await running;
    services.audit.ended({ ...subjectOf(c, asked), ...end, upstream: connection.address });
    ended(end);
  });
  return c.body(null, 200);
}

function factsOf(
  c: Context<HttpEnv>,
  { route, caller, target }: Asked,
  { upstream }: UpstreamConnection,
): TunnelFacts {
  const session = caller.kind === "session" ? caller.session : null;
  return {
    id: c.get("requestId"),
    routeId: route.id,
    target,
    upstreamUrl: upstream.url,
    ip: c.get("ip"),
    sessionId: session?.sessionId ?? null,
    userId: session?.userId ?? null,
    email: session?.email ?? null,
  };
}

function limitsOf(services: HttpServices, { route, caller }: Asked) {
  const limits = [route.timeoutMs, route.maxSessionDurationMs, services.config.timeouts.writeMs]
    .filter((ms) => ms > 0);
  return {
    idleTimeoutMs: route.idleTimeoutMs,
    maxDurationMs: limits.length === 0 ? 0 : Math.min(...limits),
    sessionExpiresAt: caller.kind === "session" ? caller.sessionExpiresAt : null,
  };
}

async function askToSignIn(c: Context<HttpEnv>, services: HttpServices, asked: Asked): Promise<Response> {
  const origin = originFor(asked.route, services);
  const location = () =>
    signInUrl({
      origin,
      redirectUri: `${origin}/.pomerium/`,
      programmatic: false,
      browserMark: null,
      providerId: providerIdOf(services.config, asked.route),
    }, services);
  const response = await requireSignIn(c, asked.caller, { location });
  const error = response.status === 401 ? "http/invalid-token" : "http/unauthenticated";
  services.audit.decided({
    ...entryOf(c, asked),
    opened: false,
    status: response.status,
    error,
    upstream: null,
  });
  return response;
}

/** Where the user of a client that has only a destination can sign in. */
function originFor(route: Route, services: HttpServices): string {
  const { host, port } = route.from.gateway;
  const origin = new URL(`https://${formatAuthority({ host, port: port ?? services.listenPort() })}`).origin;
  return services.config.authenticateOrigin ?? origin;
}

function refused(
  c: Context<HttpEnv>,
  services: HttpServices,
  options: {
    code: AnswerCode;
    asked: Asked | { target: Authority } | null;
    upstream?: string | null;
    explanation?: Explanation | undefined;
  },
): Response {
  const { code, asked, upstream = null, explanation } = options;
  const { status } = STATUS[code];
  services.audit.decided({ ...entryOf(c, asked), opened: false, status, error: code, upstream });
  return refuse(c, code, { explanation });
}

function entryOf(
  c: Context<HttpEnv>,
  asked: Asked | { target: Authority } | null,
): AuditSubject & Pick<AuditDecision, "allow" | "deny"> {
  const decision = asked !== null && "decision" in asked ? asked.decision : null;
  return { ...subjectOf(c, asked), allow: decision?.allow ?? null, deny: decision?.deny ?? null };
}

function subjectOf(c: Context<HttpEnv>, asked: Asked | { target: Authority } | null): AuditSubject {
  const known = asked !== null && "route" in asked ? asked : null;
  const session = known?.caller.kind === "session" ? known.caller.session : null;
  return {
    requestId: c.get("requestId"),
    method: "CONNECT",
    host: asked === null ? c.env.connectTarget!.slice(0, 262) : formatAuthority(asked.target),
    ip: c.get("ip"),
    routeId: known?.route.id ?? null,
    routeName: known?.route.name ?? null,
    sessionId: session?.sessionId ?? null,
    userId: session?.userId ?? null,
    email: session?.email ?? null,
  };
}
