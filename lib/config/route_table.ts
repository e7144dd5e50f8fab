import type { Authority } from "../base/authority.ts";
import type { AuthorityPattern, Route, RouteProtocol } from "./config.ts";
import type { PathRule } from "./http_settings.ts";
import { compileWildcard } from "./_wildcard.ts";

interface WildcardEntry {
  readonly protocol: RouteProtocol;
  readonly matches: (host: string) => boolean;
  /** `null`: every port. */
  readonly port: number | null;
  readonly route: Route;
}

interface HttpEntry extends Omit<WildcardEntry, "protocol"> {
  readonly rule: PathRule;
}

/** Finds the route for a destination. Built once for each configuration. */
export class RouteTable {
  readonly #exact = new Map<string, Route>();
  readonly #wildcards: WildcardEntry[] = [];
  readonly #routes: readonly Route[];
  readonly #http = new Map<string, HttpEntry[]>();
  readonly #httpWildcards: HttpEntry[] = [];
  readonly #gateways = new Set<string>();
  readonly #gatewayWildcards: Omit<WildcardEntry, "route" | "protocol">[] = [];

  /** A table of these routes. @param routes in the order of the file, which decides among equals */
  constructor(routes: readonly Route[]) {
    this.#routes = routes;
    for (const route of routes) {
      for (const destination of route.from.destinations) this.#addDestination(destination, route);
      // What follows ssh:// is the name of a route, not a host that a browser dials.
      if (route.from.protocol !== "ssh") this.#addGateway(route.from.gateway);
    }
  }

  /**
   * The route that answers to `authority`: one that names host and port, else one that names the host for every port,
   * else one with a wildcard in its host; among equals the first in the file. Upper and lower case are the same.
   *
   * @returns the route, or `null` when there is none
   */
  match(protocol: RouteProtocol, authority: Authority): Route | null {
    const host = authority.host.toLowerCase();
    const { port } = authority;
    return this.#exact.get(`${protocol} ${host} ${port}`) ?? this.#exact.get(`${protocol} ${host} *`) ??
      this.#wildcards.find((entry) => entry.protocol === protocol && admits(entry, { host, port }))?.route ??
      null;
  }

  /**
   * The HTTP route that answers to `path` on the host of a request: the first in the file of those that name the host, else
   * of those with a wildcard in it. Upper and lower case are the same in the host, not in the path.
   *
   * @param path beginning with `/`, without query, as it will be forwarded
   * @returns the route, or `null` when there is none
   */
  matchHttp({ host, port }: Authority, path: string): Route | null {
    const asked = { host: host.toLowerCase(), port };
    const answers = (entry: HttpEntry) => admits(entry, asked) && matchesPath(entry.rule, path);
    return (this.#http.get(asked.host)?.find(answers) ?? this.#httpWildcards.find(answers))?.route ?? null;
  }

  /**
   * Whether some route names `host` and `port` as the gateway, in the part of its `from` that callers dial: only for
   * such a host may a sign-in lead back to it. A pattern that ends in `*` names none, as anyone can own a host that it
   * matches. Upper and lower case are the same.
   *
   * @param host without port; @param port `null` asks for a route that names the host and leaves the port open: the
   * caller then sees to it that the port is one of the gateway's
   */
  namesGateway(host: string, port: number | null): boolean {
    const dialled = host.toLowerCase();
    return this.#gateways.has(`${dialled} ${port ?? "*"}`) ||
      this.#gatewayWildcards.some((entry) => entry.port === port && entry.matches(dialled));
  }

  /** The routes that name `host` as the gateway, see {@link RouteTable.namesGateway}, on any port. */
  routesOfGateway(host: string): readonly Route[] {
    const dialled = host.toLowerCase();
    return this.#routes.filter(({ from: { protocol, gateway } }) =>
      protocol !== "ssh" && !gateway.host.endsWith("*") &&
      (gateway.host.includes("*") ? compileWildcard(gateway.host)(dialled) : gateway.host === dialled)
    );
  }

  #addDestination({ host, port }: AuthorityPattern, route: Route): void {
    const { protocol } = route.from;
    if (route.http !== null) this.#addHttp({ host, port }, { route, rule: route.http.path });
    if (host.includes("*")) {
      this.#wildcards.push({ protocol, matches: compileWildcard(host), port, route });
      return;
    }
    const key = `${protocol} ${host} ${port ?? "*"}`;
    if (!this.#exact.has(key)) this.#exact.set(key, route);
  }

  #addHttp({ host, port }: AuthorityPattern, { route, rule }: { route: Route; rule: PathRule }): void {
    if (host.includes("*")) {
      this.#httpWildcards.push({ matches: compileWildcard(host), port, route, rule });
      return;
    }
    const entries = this.#http.get(host) ?? [];
    this.#http.set(host, entries);
    entries.push({ matches: () => true, port, route, rule });
  }

  #addGateway({ host, port }: AuthorityPattern): void {
    if (host.endsWith("*")) return;
    if (host.includes("*")) this.#gatewayWildcards.push({ matches: compileWildcard(host), port });
    else this.#gateways.add(`${host} ${port ?? "*"}`);
  }
}

function admits(
  entry: { readonly matches: (host: string) => boolean; readonly port: number | null },
  { host, port }: Authority,
): boolean {
  return (entry.port === null || entry.port === port) && entry.matches(host);
}

function matchesPath(rule: PathRule, path: string): boolean {
  switch (rule.kind) {
    case "any":
      return true;
    case "prefix":
      return path.startsWith(rule.text);
    case "path":
      return path === rule.text;
    case "regex":
      return rule.matches(path);
  }
}
