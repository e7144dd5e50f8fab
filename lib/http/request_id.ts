import type { MiddlewareHandler } from "hono";
import { parseIp, plainAddress } from "../base/ip.ts";
import type { HttpEnv } from "./env.ts";
import type { RequestContext } from "./request_context.ts";

/**
 * Gives each request an id of our own (a client's would let it choose what stands in the log), and notes the address of
 * the client, an IPv4-mapped one as the IPv4 address it is.
 *
 * @param options `trustedHops`: how many proxies before the gateway are believed, at that moment
 */
export function requestId({ trustedHops }: { trustedHops: () => number }): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    identify(c, { trustedHops: trustedHops() });
    await next();
    c.header("x-request-id", c.get("requestId"));
  };
}

/** The same for a request that bypasses the application. */
export function identify(c: RequestContext, { trustedHops }: { trustedHops: number }): void {
  c.set("requestId", crypto.randomUUID());
  c.set("ip", clientAddress(c, trustedHops));
}

/** What is not an address, or not there, leaves that of the connection: it is one of those who are believed. */
function clientAddress(c: RequestContext, trustedHops: number): string {
  const connected = plainAddress(c.env.connection.peer.address);
  if (trustedHops === 0) return connected;
  const forwarded = plainAddress(
    (c.req.header("x-forwarded-for") ?? "").split(",").at(-trustedHops)?.trim() ?? "",
  );
  return parseIp(forwarded) === null ? connected : forwarded;
}
