import type { Route } from "./config.ts";
import { compileWildcard } from "./_wildcard.ts";

/** Finds the routes that are reached by dialling a host. */
export class GatewayHosts {
  readonly #exact: ReadonlyMap<string, readonly Route[]>;
  readonly #wildcards: readonly { readonly matches: (host: string) => boolean; readonly route: Route }[];

  /** Of these routes. */
  constructor(routes: readonly Route[]) {
    const isWildcard = ({ from }: Route) => from.gateway.host.includes("*");
    this.#exact = Map.groupBy(routes.filter((route) => !isWildcard(route)), ({ from }) => from.gateway.host);
    this.#wildcards = routes.filter(isWildcard).map((route) => {
      return { matches: compileWildcard(route.from.gateway.host), route };
    });
  }

  /** Whether a route names just this host. */
  names(host: string): boolean {
    return this.#exact.has(host);
  }

  /** The routes of a host. @param host in lower case */
  of(host: string): readonly Route[] {
    const byWildcard = this.#wildcards.filter(({ matches }) => matches(host)).map(({ route }) => route);
    return [...this.#exact.get(host) ?? [], ...byWildcard];
  }
}
