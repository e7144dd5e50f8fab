import type { AuthorityPattern, Route } from "../config/config.ts";
import type { RouteTable } from "../config/route_table.ts";
import { SERVED_PROTOCOLS, SERVED_SCHEMES } from "../config/served_protocols.ts";
import { decide } from "../policy/decide.ts";
import type { CallerFacts } from "./facts.ts";

/** A route that is open to somebody. */
export interface OpenRoute {
  /** The route. */
  readonly route: Route;
  /** What of it can be asked for: its destinations, without those that another route answers to. */
  readonly destinations: readonly AuthorityPattern[];
  /** Whether this gateway serves it. */
  readonly isServed: boolean;
}

/**
 * The routes whose policy lets the caller in at this moment, in the order of the file. A policy that asks for an SSH login
 * name or key finds none here. A route that never gets a request, because others answer to all its destinations, is left
 * out.
 *
 * @param routes of the table in `options`
 * @param options `hasSsh`: whether the gateway listens for SSH
 */
export function openRoutes(
  routes: readonly Route[],
  options: { table: RouteTable; factsOn: (route: Route) => CallerFacts; hasSsh: boolean },
): OpenRoute[] {
  return routes.flatMap((route): OpenRoute[] => {
    const destinations = route.from.destinations.filter((to) => isReached(route, to, options.table));
    if (destinations.length === 0 || !isAllowed(route, options.factsOn(route))) return [];
    return [{ route, destinations, isServed: isServed(route, options) }];
  });
}

/** Path of the page that an HTTP route begins at. */
export function pathOf({ settings }: Route): string {
  const path = settings.path ?? settings.prefix;
  return typeof path === "string" && path.startsWith("/") ? path : "/";
}

/** Of a pattern it is not known; HTTP routes of one host differ by their paths. */
function isReached(route: Route, { host, port }: AuthorityPattern, table: RouteTable): boolean {
  const { protocol } = route.from;
  if (protocol === "http" || port === null || host.includes("*")) return true;
  return table.match(protocol, { host, port }) === route;
}

function isAllowed(route: Route, caller: CallerFacts): boolean {
  const http = { method: "GET", path: pathOf(route), origin: null, accessControlRequestMethod: null };
  const facts = { ...caller, routeId: route.id, ...(route.from.protocol === "http" ? { http } : {}) };
  return decide(route.policy, facts).verdict === "allowed";
}

function isServed({ from: { protocol }, to }: Route, { hasSsh }: { hasSsh: boolean }): boolean {
  return (hasSsh || protocol !== "ssh") && SERVED_PROTOCOLS.has(protocol) &&
    to.every(({ scheme }) => SERVED_SCHEMES[protocol].includes(scheme));
}
