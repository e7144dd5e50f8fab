import type { Context } from "hono";
import type { Authority } from "../../base/authority.ts";
import type { Route } from "../../config/config.ts";
import { providerIdOf } from "../../identity/provider_ids.ts";
import type { HttpFacts } from "../../policy/facts.ts";
import { refuse } from "../answers.tsx";
import { authorize, entryOf, type Granted, refused } from "../authorize.ts";
import type { HttpEnv } from "../env.ts";
import { gatewayOrigin } from "../origins.ts";
import { type RequestContext, siteOf } from "../request_context.ts";
import type { CleanTarget } from "../request_path.ts";
import type { HttpServices } from "../services.ts";
import { browserToken, signInUrl } from "../sign_in_chain.ts";
import { nominatesReserved } from "./field_names.ts";
import { forwardRequest } from "./forward_request.ts";
import { redirectUrl } from "./redirect_url.ts";
import type { ServiceClients } from "./service_client.ts";
import { serveUpgrade } from "./serve_upgrade.ts";

const NO_ROBOTS = "User-agent: *\nDisallow: /\n";

/** A request that an HTTP route answers to. */
export interface RouteRequest {
  /** The route. */
  readonly route: Route;
  /** Host and port that it was asked for by. */
  readonly authority: Authority;
  /** Path and query. */
  readonly target: CleanTarget;
}

/** The HTTP route that answers to a request; `null` when none does. */
export function httpRouteOf(
  c: RequestContext,
  services: HttpServices,
  target: CleanTarget,
): RouteRequest | null {
  const url = siteOf(c);
  const authority = {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? 443 : Number(url.port),
  };
  const route = services.routes.matchHttp(authority, target.path);
  return route === null ? null : { route, authority, target };
}

/** A request of an HTTP route: decides, and has it answered as the route says. */
export async function serveHttp(
  c: Context<HttpEnv>,
  services: HttpServices,
  { clients, ...request }: RouteRequest & { clients: ServiceClients },
): Promise<Response> {
  const { route, authority, target } = request;
  const fault = faultOf(c, services);
  const http = httpFacts(c, target);
  const known = { method: http.method, target: authority, http };
  if (fault !== null) return refused(c, services, { code: "http/bad-request", known, detail: fault });
  const isRobots = target.path === "/robots.txt" && !route.http!.isPublic;
  const signIn = () => signInHere(c, services, { route, target });
  const granted = await authorize(c, services, { ...known, route, signIn });
  if (!(granted instanceof Response)) {
    return await serveGranted(c, services, { ...request, granted, clients });
  }
  return isRobots ? c.text(NO_ROBOTS, 200) : granted;
}

async function serveGranted(
  c: Context<HttpEnv>,
  services: HttpServices,
  options: RouteRequest & { granted: Granted; clients: ServiceClients },
): Promise<Response> {
  const { route: { http }, granted, target } = options;
  const { redirect, response } = http!;
  if (redirect !== null) {
    const location = redirectUrl(redirect, { url: new URL(c.req.url), target, rule: http!.path });
    return answered(c, services, { granted, response: c.redirect(location, redirect.status) });
  }
  if (response !== null) {
    const bodiless = response.status === 204 || response.status === 205 || response.status === 304;
    const init = { status: response.status, headers: { "content-type": "text/plain; charset=utf-8" } };
    return answered(c, services, { granted, response: new Response(bodiless ? null : response.body, init) });
  }
  const host = new URL(c.req.url).host;
  if (c.env.upgrade !== null) return await serveUpgrade(c, services, { ...options, host });
  return forwardRequest(c, services, { ...options, host });
}

/** An answer of the route itself. */
function answered(
  c: Context<HttpEnv>,
  services: HttpServices,
  { granted, response }: { granted: Granted; response: Response },
): Response {
  const { status } = response;
  services.audit.decided({ ...entryOf(c, granted), opened: true, status, error: null, upstream: null });
  for (const [name, value] of granted.route.http!.setResponseHeaders) response.headers.set(name, value);
  return response;
}

/** Why a request cannot be forwarded as it is; `null` when it can. */
export function faultOf(c: RequestContext, services: HttpServices): string | null {
  const { headers } = c.req.raw;
  if (c.req.method === "TRACE") return "TRACE shows what only the service is told.";
  if (nominatesReserved(headers)) return "Connection names a field that is not its own.";
  const isRefused = services.config.http.underscores === "reject" &&
    [...headers].some(([name]) => name.includes("_"));
  return isRefused ? "The name of a header field has an underscore." : null;
}

/** What a policy may ask of the request; an extended CONNECT is what a GET with `Upgrade` is in HTTP/1.1 (RFC 8441 section 5). */
export function httpFacts(c: RequestContext, { path }: CleanTarget): HttpFacts {
  return {
    method: c.req.method === "CONNECT" ? "GET" : c.req.method,
    path,
    origin: c.req.header("origin") ?? null,
    accessControlRequestMethod: c.req.header("access-control-request-method") ?? null,
  };
}

/** The address at which a browser signs in, and then comes back to the page that it asked for. */
async function signInHere(
  c: Context<HttpEnv>,
  services: HttpServices,
  { route, target: { path, query } }: { route: Route; target: CleanTarget },
): Promise<string> {
  const url = new URL(c.req.url);
  const origin = gatewayOrigin(url, services);
  // Nobody signs in by a name that may be anybody's; the page says so.
  if (origin === null) return "/.pomerium/sign_in";
  return await signInUrl({
    origin,
    redirectUri: `${origin}${path}${query}`,
    programmatic: false,
    browserMark: await browserToken(c, services, "sign-in"),
    providerId: providerIdOf(services.config, route),
  }, services);
}

/** The answer to a request whose target is refused. */
export function refuseTarget(
  c: Context<HttpEnv>,
  verdict: { readonly kind: "refused"; readonly fault: string },
): Response {
  return refuse(c, "http/bad-request", { detail: `The path is refused: ${verdict.fault}.` });
}
