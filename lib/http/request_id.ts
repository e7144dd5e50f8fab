import type { MiddlewareHandler } from "hono";
import { parseIp } from "../base/ip.ts";
import type { HttpEnv } from "./env.ts";

/**
 * Gives each request an id of our own (a client's would let it choose what stands in the log), and notes the address of
 * the client, an IPv4-mapped one as the IPv4 address it is.
 */
export function requestId(): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    c.set("requestId", crypto.randomUUID());
    c.set("ip", plainAddress(c.env.connection.peer.address));
    await next();
    c.header("x-request-id", c.get("requestId"));
  };
}

function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped !== undefined && parseIp(mapped) !== null ? mapped : address;
}
