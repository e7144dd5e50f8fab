import type { Context } from "hono";
import { type Authority, formatAuthority } from "../base/authority.ts";
import type { Route } from "../config/config.ts";
import { providerIdOf } from "../identity/provider_ids.ts";
import type { Caller } from "../identity/resolve_caller.ts";
import type { AuditDecision, AuditSubject } from "../observe/audit.ts";
import type { CompiledPolicy } from "../policy/compile.ts";
import { asksForCertificate } from "../policy/client_certificate_rule.ts";
import { decide } from "../policy/decide.ts";
import type { Decision } from "../policy/decision.ts";
import type { Explanation } from "../policy/explain.ts";
import type { Facts, HttpFacts } from "../policy/facts.ts";
import type { Grant } from "../policy/grant.ts";
import { StoreError } from "../store/store.ts";
import { refuse } from "./answers.tsx";
import type { HttpEnv } from "./env.ts";
import { callerFacts, explanationOf, presentedCertificate } from "./facts.ts";
import { gatewayOrigin } from "./origins.ts";
import type { RequestContext } from "./request_context.ts";
import { requireSignIn } from "./require_sign_in.ts";
import { routeCaller } from "./route_caller.ts";
import type { HttpServices } from "./services.ts";
import { signInUrl } from "./sign_in_chain.ts";
import { type AnswerCode, STATUS } from "./status.ts";

/** What the trail keeps of a path. */
const MAX_PATH_LENGTH = 1024;

/** What a request asks for, once it is parsed. */
export interface Wanted {
  /** What the trail calls the request: `CONNECT`, `CONNECT-UDP`, or the method of an HTTP request. */
  readonly method: string;
  /** The destination. */
  readonly target: Authority;
  /** The route that leads there; `null` when none does. */
  readonly route: Route | null;
  /** What decides; default: the policy of the route. */
  readonly policy?: CompiledPolicy;
  /** The HTTP request, for policies that look at it; a tunnel has none. */
  readonly http?: HttpFacts;
  /** Makes the address at which a browser signs in to come back here; default: one that ends at the gateway's own page. */
  readonly signIn?: () => Promise<string>;
}

/** A request on its way from deciding to serving. */
export interface Asked extends Wanted {
  /** It leads there. */
  readonly route: Route;
  /** Who asks. */
  readonly caller: Caller;
  /** What the policy of the route says to it. */
  readonly decision: Decision;
  /** Of live authorization, from before the decision. */
  readonly mark: number;
}

/** What is known of a request so far, for the trail; `null`: not even where it wants to go. */
export type Known = Asked | Pick<Wanted, "method" | "target" | "http"> | {
  readonly method: string;
  readonly host: string;
};

/** A request that may be served, with the policy's yes. */
export type Granted = Asked & { readonly grant: Grant };

/**
 * Decides on a request, whatever carries it: finds out who is calling and asks the policy of the route. A request that may
 * not be served gets its answer, and its line in the trail.
 *
 * @returns the grant, or the answer
 */
export async function authorize(
  c: Context<HttpEnv>,
  services: HttpServices,
  wanted: Wanted,
): Promise<Granted | Response> {
  const { route } = wanted;
  if (route === null) return refused(c, services, { code: "http/no-route", known: wanted });
  const judged = await judge(c, services, { ...wanted, route });
  if (typeof judged === "string") return refused(c, services, { code: judged, known: wanted });
  const { asked, facts } = judged;
  const { decision } = asked;
  const { policy = route.policy } = wanted;
  if (["denied", "client-certificate"].includes(decision.verdict) && isMisdirected(c, asked)) {
    return refused(c, services, { code: "http/misdirected", known: asked });
  }
  switch (decision.verdict) {
    case "denied":
      return refused(c, services, {
        code: "http/denied",
        known: asked,
        explanation: explanationOf({ ...route, policy }, facts),
      });
    case "client-certificate":
      return refused(c, services, {
        code: "http/client-certificate",
        known: asked,
        detail: certificateReason(decision),
      });
    case "device":
      return refused(c, services, { code: "http/device", known: asked });
    case "unauthenticated":
      return await askToSignIn(c, services, asked);
    case "allowed":
      return { ...asked, grant: decision.grant };
  }
}

/**
 * Asks the policy of a route about a request, and nothing more: nothing is answered, and the trail has no line of it.
 *
 * @returns the decision and what it was made of, or why nothing could be decided
 */
export async function judge(
  c: RequestContext,
  services: HttpServices,
  wanted: Wanted & { readonly route: Route },
): Promise<{ readonly asked: Asked; readonly facts: Facts } | AnswerCode> {
  const { mark } = services.live;
  const { route } = wanted;
  const caller = await callerOrCode(c, services, route);
  if (typeof caller === "string") return caller;
  const facts: Facts = {
    ...await callerFacts(c, services, { caller, route }),
    routeId: route.id,
    ...(wanted.http === undefined ? {} : { http: wanted.http }),
  };
  const decision = decide(wanted.policy ?? route.policy, facts);
  return { asked: { ...wanted, route, caller, decision, mark }, facts };
}

/**
 * Whether a certificate would have been asked for on another connection: a browser may use one for several hosts (RFC 9110
 * section 15.5.20), as what carries a tunnel is not.
 */
function isMisdirected(c: Context<HttpEnv>, { http, route, target }: Asked): boolean {
  const { serverName, clientCertificates } = c.env.connection;
  const isForOthers = clientCertificates === null ||
    (serverName !== null && serverName !== target.host.toLowerCase());
  return http !== undefined && isForOthers && route.clientAuthoritiesPem !== null &&
    asksForCertificate(route.policy);
}

/** Which of the two it is: none was presented, or one that is not trusted. */
function certificateReason({ deny }: Decision): string {
  return `Reason: ${deny.reasons.filter((reason) => reason.includes("client-certificate")).join(", ")}.`;
}

/** Answers with a refusal, and writes it into the trail. */
export function refused(
  c: Context<HttpEnv>,
  services: HttpServices,
  options: {
    /** Row of the status table. */
    readonly code: AnswerCode;
    /** What the trail says of the request. */
    readonly known: Known;
    /** The service that was tried, if any. */
    readonly upstream?: string | null;
    /** For a person, beside what the table says. */
    readonly detail?: string | undefined;
    /** For the page, when the route shows it. */
    readonly explanation?: Explanation | undefined;
  },
): Response {
  const { code, known, upstream = null, detail, explanation } = options;
  const { status } = STATUS[code];
  services.audit.decided({ ...entryOf(c, known), opened: false, status, error: code, upstream });
  return refuse(c, code, { detail, explanation });
}

/** What the trail says of a decision. */
export function entryOf(
  c: RequestContext,
  known: Known,
): AuditSubject & Pick<AuditDecision, "allow" | "deny"> {
  const decision = "decision" in known ? known.decision : null;
  return { ...subjectOf(c, known), allow: decision?.allow ?? null, deny: decision?.deny ?? null };
}

/** What the trail says of who asked for what. */
export function subjectOf(c: RequestContext, known: Known): AuditSubject {
  const asked = "caller" in known ? known : null;
  const session = asked?.caller.kind === "session" ? asked.caller.session : null;
  return {
    requestId: c.get("requestId"),
    method: known.method,
    host: "target" in known ? formatAuthority(known.target) : known.host.slice(0, 262),
    path: "http" in known ? known.http?.path.slice(0, MAX_PATH_LENGTH) : undefined,
    ip: c.get("ip"),
    routeId: asked?.route.id ?? null,
    routeName: asked?.route.name ?? null,
    sessionId: session?.sessionId ?? null,
    userId: session?.userId ?? null,
    email: session?.email ?? null,
    clientCertificate: presentedCertificate(c),
  };
}

/** Without the store nobody can be told from a stranger: nothing is decided. */
async function callerOrCode(
  c: RequestContext,
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

async function askToSignIn(c: Context<HttpEnv>, services: HttpServices, asked: Asked): Promise<Response> {
  const location = asked.signIn ?? (() => tunnelSignIn(c, services, asked));
  const response = await requireSignIn(c, asked.caller, { location });
  const error = response.status === 401 ? "http/invalid-token" : "http/unauthenticated";
  const { status } = response;
  services.audit.decided({ ...entryOf(c, asked), opened: false, status, error, upstream: null });
  return response;
}

/** Where the user of a client that has only a destination can sign in. */
function tunnelSignIn(c: Context<HttpEnv>, services: HttpServices, asked: Asked): Promise<string> {
  const origin = services.config.authenticateOrigin ?? dialledOrigin(c, services, asked);
  // Nobody signs in by a name that may be anybody's; the page says so.
  if (origin === null) return Promise.resolve("/.pomerium/sign_in");
  return signInUrl({
    origin,
    redirectUri: `${origin}/.pomerium/`,
    programmatic: false,
    browserMark: null,
    providerId: providerIdOf(services.config, asked.route),
  }, services);
}

/**
 * Where the gateway is as the route says; when that is a pattern, by the name that the client dialled or asked for. `null`
 * when neither is the gateway's.
 */
function dialledOrigin(c: Context<HttpEnv>, services: HttpServices, { route, target }: Asked): string | null {
  const { gateway } = route.from;
  const port = gateway.port ?? services.listenPort();
  const url = (host: string) => new URL(`https://${formatAuthority({ host, port })}`);
  if (!gateway.host.includes("*")) return url(gateway.host).origin;
  const names = [c.env.connection.serverName, target.host].filter((name) => name !== null);
  return names.map((name) => gatewayOrigin(url(name), services)).find((origin) => origin !== null) ?? null;
}
