import { type Context, Hono } from "hono";
import { UDP_TARGET_PREFIX } from "../codec/masque_target.ts";
import type { Http1RequestHead } from "../codec/http1_request_head.ts";
import { logForwarded } from "./access_log.ts";
import { altSvc } from "./alt_svc.ts";
import { BadRequest } from "./bad_request.ts";
import { judge, refused } from "./authorize.ts";
import { DirectContext } from "./direct_context.ts";
import type { HttpEnv } from "./env.ts";
import type { Forward } from "./exchange.ts";
import { forwarder, type Refuse } from "./forward/forward_request.ts";
import { faultOf, httpFacts, httpRouteOf } from "./forward/serve_http.ts";
import type { ServiceClients } from "./forward/service_client.ts";
import { Http1Request, http1Url } from "./http1_request.ts";
import type { RequestFacts } from "./request_context.ts";
import { identify } from "./request_id.ts";
import { cleanTarget } from "./request_path.ts";
import { isReserved } from "./reserved_paths.ts";
import { securityHeaders } from "./security_headers.ts";
import type { HttpServices } from "./services.ts";
import { viaOf } from "./via.ts";

/** So many hosts are remembered; then it begins anew. A longer one has no route. */
const MAX_SITES = 1000;
const MAX_HOST_LENGTH = 262;

/** Finds out whether a request goes on to a service, and how; `null` when the application is to answer it. */
export type DirectRoutes = (head: Http1RequestHead, facts: RequestFacts) => Promise<Forward | null>;

/**
 * Forwards what the policy of an HTTP route lets through, as the application would, but without making a `Request` for it
 * first. Whatever is refused, redirected or answered by the gateway itself is left to the application, which decides anew:
 * until then nothing has been said, written down or changed.
 */
export function directRoutes(services: HttpServices, { clients }: { clients: ServiceClients }): DirectRoutes {
  const sites = new Sites();
  return async (head, facts) => {
    const target = cleanTarget(facts.requestTarget, services.config.http);
    if (target.kind !== "clean" || target.path.startsWith(UDP_TARGET_PREFIX)) return null;
    const site = sites.of(head.host);
    if (site === null) return null;
    const c = new DirectContext(head, { facts, path: target.path, site });
    if (isReserved(c, services, target.path)) return null;
    const request = httpRouteOf(c, services, target);
    if (request === null || faultOf(c, services) !== null) return null;
    const { route, authority } = request;
    // Those who show wrong tokens of others are told so, and the log is, once.
    const readsBearer = route.tokenIssuers.length > 0 || route.idpBearer !== null;
    if (route.http!.redirect !== null || route.http!.response !== null || readsBearer) return null;
    identify(c, { trustedHops: services.config.http.trustedHops });
    const http = httpFacts(c, target);
    const judged = await judge(c, services, { method: http.method, target: authority, http, route });
    if (typeof judged === "string" || judged.asked.decision.verdict !== "allowed") return null;
    const via = viaOf(c, services);
    if (via === null) return null;
    const log = { fields: () => services.config.accessLogFields, log: services.log };
    c.set(
      "tunnelOpened",
      () => ({ bytesDown, durationMs, status = 0 }) =>
        logForwarded(c, log, { status, durationMs, bytesOut: bytesDown }),
    );
    const granted = { ...judged.asked, grant: judged.asked.decision.grant };
    const refuse = refuser(c, services, head);
    return forwarder(c, services, { granted, target, host: site.host, clients, via, refuse });
  };
}

/** The URLs of the hosts that were asked for lately. */
class Sites {
  readonly #known = new Map<string, URL>();

  /** @returns `null` for what is no host */
  of(host: string | null): URL | null {
    if (host === null || host.length > MAX_HOST_LENGTH) return null;
    const known = this.#known.get(host);
    if (known !== undefined) return known;
    try {
      const site = new URL(http1Url({ host, target: "/" }));
      if (this.#known.size >= MAX_SITES) this.#known.clear();
      this.#known.set(host, site);
      return site;
    } catch (error) {
      if (error instanceof BadRequest) return null;
      throw error;
    }
  }
}

/** Answers as the application would have: its context is made when it is needed. */
function refuser(c: DirectContext, services: HttpServices, head: Http1RequestHead): Refuse {
  return async (refusal) => {
    const app = new Hono<HttpEnv>();
    app.use(securityHeaders(), altSvc(services));
    app.all("*", (full: Context<HttpEnv>) => {
      for (const [name, value] of Object.entries(c.values)) full.set(name as "ip", value as string);
      full.header("x-request-id", c.get("requestId"));
      return refused(full, services, refusal);
    });
    const bindings = { ...c.env, takeOver() {}, forward() {} };
    return await app.fetch(Http1Request.of(head, null), bindings);
  };
}
