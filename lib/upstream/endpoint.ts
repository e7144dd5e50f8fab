import type { Upstream } from "../config/config.ts";
import type { Candidate } from "./balancer.ts";
import type { Publisher } from "./publishers.ts";

/** What health checks say of a service: nothing yet, or what they last agreed on. */
export type Health = "unchecked" | "healthy" | "unhealthy";

/** A service of a route and how it does, for whoever wants to see it. */
export interface EndpointState {
  /** As in the configuration. */
  readonly url: string;
  /** Id of who publishes it; `null`: the gateway reaches it by itself. */
  readonly publisher: string | null;
  /** Its share. */
  readonly weight: number;
  /** Unhealthy as soon as one of several checks says so. */
  readonly health: Health;
  /** Until when it is taken out because of how it answered, in milliseconds since 1970; `null` when it is not. */
  readonly ejectedUntil: number | null;
  /** Requests and tunnels that it has now. */
  readonly requests: number;
  /** Connections to it that are open now. */
  readonly connections: number;
}

/** A service of a route, and how it does. */
export class Endpoint implements Candidate {
  /** Where it is. */
  readonly upstream: Upstream;
  /** {@inheritDoc Candidate.id} */
  readonly id: string;
  /** {@inheritDoc Candidate.weight} */
  readonly weight: number;
  /** Who publishes it; `null`: the gateway reaches it by itself. */
  readonly publisher: Publisher | null;
  /** Requests and tunnels that it has now. */
  active = 0;
  /** Connections to it that are open now. */
  connections = 0;
  /** What each check says. */
  readonly health = new Map<unknown, Health>();
  /** Until when it is taken out, in milliseconds since 1970; 0: never. */
  ejectedUntil = 0;

  /**
   * Nothing is known of it yet.
   *
   * @param id the same for the same service; @param options `publisher`: default none; `weight`: default that of the upstream
   */
  constructor(
    upstream: Upstream,
    id: string,
    { publisher = null, weight = upstream.weight }: { publisher?: Publisher | null; weight?: number } = {},
  ) {
    this.upstream = upstream;
    this.id = id;
    this.publisher = publisher;
    this.weight = weight;
  }

  /** Whether it takes requests. @param now milliseconds since 1970 */
  isUsable(now: number): boolean {
    return this.healthNow !== "unhealthy" && this.ejectedUntil <= now;
  }

  /** What the checks say together. */
  get healthNow(): Health {
    const said = [...this.health.values()];
    if (said.includes("unhealthy")) return "unhealthy";
    return said.includes("healthy") ? "healthy" : "unchecked";
  }

  /** How it does. @param now milliseconds since 1970 */
  state(now: number): EndpointState {
    const { upstream: { url }, weight, publisher, healthNow: health, active: requests, connections } = this;
    return {
      url,
      publisher: publisher?.id ?? null,
      weight,
      health,
      ejectedUntil: this.ejectedUntil > now ? this.ejectedUntil : null,
      requests,
      connections,
    };
  }
}

/** The services of a route that the gateway reaches by itself. */
export function endpointsOf(upstreams: readonly Upstream[]): readonly Endpoint[] {
  return named(upstreams).map(([id, upstream]) => new Endpoint(upstream, id));
}

/**
 * The services of a route as its publishers offer them, all publishers with the same share: one for each `to` where the
 * publisher follows the route; else one, of which the first `to` says how it is spoken to.
 *
 * @param known those from before, which are kept where they still are
 */
export function publishedEndpoints(
  upstreams: readonly Upstream[],
  { publishers, known }: { publishers: readonly Publisher[]; known: readonly Endpoint[] },
): readonly Endpoint[] {
  const knownById = new Map(known.map((endpoint) => [endpoint.id, endpoint]));
  const share = upstreams.reduce((sum, { weight }) => sum + weight, 0);
  return publishers.flatMap((publisher) =>
    named(publisher.followsRoute ? upstreams : upstreams.slice(0, 1)).map(([name, upstream]) => {
      const id = `${publisher.id} ${name}`;
      const weight = publisher.followsRoute ? upstream.weight : share;
      const endpoint = knownById.get(id);
      return endpoint?.publisher === publisher ? endpoint : new Endpoint(upstream, id, { publisher, weight });
    })
  );
}

/** The same URL may stand there more than once. */
function named(upstreams: readonly Upstream[]): readonly [id: string, Upstream][] {
  const seen = new Map<string, number>();
  return upstreams.map((upstream) => {
    const nth = seen.get(upstream.url) ?? 0;
    seen.set(upstream.url, nth + 1);
    return [nth === 0 ? upstream.url : `${upstream.url} ${nth}`, upstream];
  });
}
