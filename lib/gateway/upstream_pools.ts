import type { Clock } from "../base/clock.ts";
import type { Config, Route } from "../config/config.ts";
import type { Log } from "../observe/log.ts";
import type { RouteEndpointState } from "../http/services.ts";
import type { Publishers } from "../upstream/publishers.ts";
import { UpstreamPool } from "../upstream/upstream_pool.ts";

/** The services of every route. What is known of them stays as long as the route leads to them. */
export class UpstreamPools implements Disposable {
  readonly #parts: { readonly clock: Clock; readonly log: Log; readonly publishers: Publishers };
  #pools: ReadonlyMap<string, UpstreamPool> = new Map();
  #routes: readonly Route[] = [];

  /** No routes yet. @param parts for health checks, for what is logged, and who publishes services */
  constructor(parts: { clock: Clock; log: Log; publishers: Publishers }) {
    this.#parts = parts;
  }

  /** Serves these routes from now on; health checks of others end, those of new ones begin. */
  follow({ routes }: Config): void {
    const before = this.#pools;
    this.#pools = new Map(routes.map((route) => [route.id, this.#poolFor(route, before.get(route.id))]));
    this.#routes = routes;
    for (const [id, pool] of before) {
      if (!this.#pools.has(id)) pool[Symbol.dispose]();
    }
    for (const { name, upstreamTls, line } of routes) {
      if (!upstreamTls.skipVerify) continue;
      this.#parts.log.warn("certificates of a route's upstreams are not verified: tls_skip_verify", {
        route: name,
        line,
      });
    }
  }

  /** The services of a route. For one that is not served any more, to end what began before: without memory. */
  of(route: Route): UpstreamPool {
    return this.#pools.get(route.id) ?? new UpstreamPool(route, this.#parts);
  }

  /** How each service of each route does, in the order of the configuration. */
  states(): readonly RouteEndpointState[] {
    return this.#routes.flatMap((route) =>
      this.of(route).states().map((state) => ({ route: route.name, ...state }))
    );
  }

  /** Ends all health checks. */
  [Symbol.dispose](): void {
    for (const pool of this.#pools.values()) pool[Symbol.dispose]();
    this.#pools = new Map();
  }

  #poolFor(route: Route, known: UpstreamPool | undefined): UpstreamPool {
    if (known !== undefined) {
      known.update(route);
      return known;
    }
    const pool = new UpstreamPool(route, this.#parts);
    pool.start();
    return pool;
  }
}
