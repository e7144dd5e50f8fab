import type { RouteProtocol } from "./config.ts";

/** The protocols of `from` that this version serves; routes of the others are accepted with a warning. */
export const SERVED_PROTOCOLS: ReadonlySet<RouteProtocol> = new Set<RouteProtocol>(["tcp"]);
