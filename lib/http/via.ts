import type { RequestContext } from "./request_context.ts";
import type { HttpServices } from "./services.ts";

/** A request that went through more proxies goes in a circle, or might as well. */
const MAX_PROXIES = 20;

/**
 * `Via` for the next proxy or service (RFC 9110 section 7.6.3): what came, and this gateway.
 *
 * @returns `null` when the request has been here before: it must not go on
 */
export function viaOf(c: RequestContext, { instance }: Pick<HttpServices, "instance">): string | null {
  const came = c.req.header("via");
  const own = `${c.env.httpVersion} ${instance}`;
  if (came === undefined) return own;
  const proxies = came.split(",").map((proxy) => proxy.trim()).filter((proxy) => proxy !== "");
  const wasHere = proxies.some((proxy) => proxy.split(/\s+/)[1] === instance);
  if (wasHere || proxies.length >= MAX_PROXIES) return null;
  return [...proxies, own].join(", ");
}
