import type { MiddlewareHandler } from "hono";
import type { HttpEnv } from "./env.ts";
import { type RequestContext, siteOf } from "./request_context.ts";
import type { HttpServices } from "./services.ts";

/** Tells who came by HTTP/1.1 or HTTP/2 where HTTP/3 is served (RFC 7838 section 3), if it is. */
export function altSvc(services: Pick<HttpServices, "altSvc">): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    await next();
    const value = altSvcFor(c, services);
    if (value !== null) c.res.headers.set("alt-svc", value);
  };
}

/** Value of `Alt-Svc` for the answer to a request; `null` when there is nothing to tell its caller. */
export function altSvcFor(c: RequestContext, services: Pick<HttpServices, "altSvc">): string | null {
  // The host of a CONNECT is its destination, and not this gateway.
  if (c.env.connectTarget !== null || c.env.httpVersion === "3") return null;
  return services.altSvc(siteOf(c).hostname.replace(/^\[|\]$/g, ""));
}
