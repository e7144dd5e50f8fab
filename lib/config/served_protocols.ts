import type { RouteProtocol } from "./config.ts";

/** The protocols of `from` that this version serves; routes of the others are accepted with a warning. */
export const SERVED_PROTOCOLS: ReadonlySet<RouteProtocol> = new Set<RouteProtocol>([
  "tcp",
  "udp",
  "http",
  "ssh",
]);

/** The schemes of `to` that routes of each protocol can lead to. */
export const SERVED_SCHEMES: Readonly<Record<RouteProtocol, readonly string[]>> = {
  tcp: ["tcp", "tls", "http", "https"],
  udp: ["udp", "http", "https"],
  http: ["http", "https", "h2c", "unix", "https+unix"],
  ssh: ["ssh"],
};
