import type { Upstream } from "../config/config.ts";
import type { Candidate } from "./balancer.ts";

/** What health checks say of a service: nothing yet, or what they last agreed on. */
export type Health = "unchecked" | "healthy" | "unhealthy";

/** A service of a route and how it does, for whoever wants to see it. */
export interface EndpointState {
  /** As in the configuration. */
  readonly url: string;
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
  /** Requests and tunnels that it has now. */
  active = 0;
  /** Connections to it that are open now. */
  connections = 0;
  /** What each check says. */
  readonly health = new Map<unknown, Health>();
  /** Until when it is taken out, in milliseconds since 1970; 0: never. */
  ejectedUntil = 0;

  /** Nothing is known of it yet. @param id the same for the same service */
  constructor(upstream: Upstream, id: string) {
    this.upstream = upstream;
    this.id = id;
  }

  /** {@inheritDoc Candidate.weight} */
  get weight(): number {
    return this.upstream.weight;
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
    const { upstream: { url, weight }, healthNow: health, active: requests, connections } = this;
    return {
      url,
      weight,
      health,
      ejectedUntil: this.ejectedUntil > now ? this.ejectedUntil : null,
      requests,
      connections,
    };
  }
}

/** The services of a route. */
export function endpointsOf(upstreams: readonly Upstream[]): readonly Endpoint[] {
  const seen = new Map<string, number>();
  return upstreams.map((upstream) => {
    const nth = seen.get(upstream.url) ?? 0;
    seen.set(upstream.url, nth + 1);
    return new Endpoint(upstream, nth === 0 ? upstream.url : `${upstream.url} ${nth}`);
  });
}
