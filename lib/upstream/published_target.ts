import type { Authority } from "../base/authority.ts";
import type { Upstream } from "../config/config.ts";

/** Where a publisher who follows the route connects to. The name `localhost` is theirs to look up: it is not this machine. */
export function publishedTarget({ url, scheme, host, port }: Upstream): Authority {
  const isLocalhost = host === "127.0.0.1" &&
    new RegExp(`^${scheme.replace("+", "\\+")}://localhost(?:[:/]|$)`, "i").test(url);
  return { host: isLocalhost ? "localhost" : host, port };
}
