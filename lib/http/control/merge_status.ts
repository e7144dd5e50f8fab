import type { RouteEndpointState } from "../services.ts";
import type { GatewayStatus } from "./control_services.ts";

/** What is known of the whole. */
export type OwnStatus = Pick<GatewayStatus, "version" | "pid" | "startedAt" | "config" | "lastReload">;

/**
 * How several processes do that are one gateway.
 *
 * @param statuses of each, by number; at least one @param own what the process knows that looks after them
 */
export function mergeStatus(
  statuses: readonly (readonly [number: number, GatewayStatus])[],
  own: OwnStatus,
): GatewayStatus {
  const [first] = statuses;
  if (first === undefined) throw new TypeError("Cannot merge no status at all");
  const sum = (count: (status: GatewayStatus) => number) =>
    statuses.reduce((total, [, status]) => total + count(status), 0);
  return {
    ...first[1],
    ...own,
    tunnels: sum(({ tunnels }) => tunnels),
    connections: sum(({ connections }) => connections),
    upstreams: mergeUpstreams(statuses.flatMap(([, { upstreams }]) => upstreams)),
    workers: statuses.map(([number, { pid, startedAt, tunnels, connections }]) => ({
      number,
      pid,
      startedAt,
      tunnels,
      connections,
    })),
  };
}

/** Each process looks for itself: a service is well as far as all of them find it so. */
function mergeUpstreams(states: readonly RouteEndpointState[]): readonly RouteEndpointState[] {
  const merged = new Map<string, RouteEndpointState>();
  for (const state of states) {
    const key = JSON.stringify([state.route, state.url, state.publisher]);
    const known = merged.get(key);
    merged.set(key, known === undefined ? state : mergeTwo(known, state));
  }
  return [...merged.values()];
}

function mergeTwo(one: RouteEndpointState, other: RouteEndpointState): RouteEndpointState {
  const health = [one.health, other.health];
  const until = Math.max(one.ejectedUntil ?? 0, other.ejectedUntil ?? 0);
  return {
    ...one,
    health: health.includes("unhealthy") ? "unhealthy" : health.includes("healthy") ? "healthy" : "unchecked",
    ejectedUntil: until === 0 ? null : until,
    requests: one.requests + other.requests,
    connections: one.connections + other.connections,
  };
}
