import type { Clock } from "../base/clock.ts";
import type { HttpEdge } from "../http/edge.ts";
import type { TunnelRegistry } from "../tunnel/registry.ts";
import { LIMITS } from "./limits.ts";

/**
 * Stops the parts of a gateway in their order: nothing more is accepted, what is open gets a second to finish, the rest is
 * ended with a reason.
 */
export async function stopGateway(parts: {
  listeners: readonly AsyncDisposable[];
  edges: readonly Pick<HttpEdge, "drain" | "empty" | "close">[];
  tunnels: TunnelRegistry;
  resources: AsyncDisposableStack;
  clock: Clock;
}): Promise<void> {
  const { listeners, edges, tunnels, resources, clock } = parts;
  for (const listener of listeners) await listener[Symbol.asyncDispose]();
  for (const edge of edges) edge.drain();
  const empty = () => Promise.all([tunnels.empty(), ...edges.map((edge) => edge.empty())]);
  await within(LIMITS.drainMs, empty(), clock);
  await tunnels.endAll("gateway-stopping");
  // HTTP/3 clients are told the end of their tunnels before that of their connection.
  await within(LIMITS.farewellMs, empty(), clock);
  for (const edge of edges) edge.close();
  await resources.disposeAsync();
}

async function within(ms: number, work: Promise<unknown>, clock: Clock): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  using _timer = clock.timer(ms, resolve);
  await Promise.race([work, late]);
}
