import { afterEach, expect } from "vitest";
import type { Clock } from "../../lib/base/clock.ts";
import type { Route } from "../../lib/config/config.ts";
import type { Log } from "../../lib/observe/log.ts";
import { jsonLog } from "../../lib/observe/log.ts";
import { decide } from "../../lib/policy/decide.ts";
import type { Grant } from "../../lib/policy/grant.ts";
import { DialError } from "../../lib/upstream/dial_error.ts";
import { UpstreamPool } from "../../lib/upstream/upstream_pool.ts";
import { load, oneRoute } from "../config/_load.ts";
import { ManualClock } from "../_support/manual_clock.ts";

/** What a test leaves behind is disposed after it. */
export function resourcesOfTests(): Set<Disposable> {
  const resources = new Set<Disposable>();
  afterEach(() => {
    for (const resource of resources) resource[Symbol.dispose]();
    resources.clear();
  });
  return resources;
}

/** A route with these keys, for everybody. */
export async function routeWith(
  keys: Readonly<Record<string, unknown>>,
  files: Readonly<Record<string, string>> = {},
): Promise<Route> {
  const text = oneRoute({ policy: [{ allow: { or: [{ accept: true }] } }], ...keys });
  const { config, complaints } = await load(text, files);
  if (config === null) throw new Error(complaints.map(({ message }) => message).join("\n"));
  return config.routes[0]!;
}

/** The policy's yes for a route for everybody. */
export function grantFor(route: Route): Grant {
  const decision = decide(route.policy, { routeId: route.id, now: 0, sourceIp: null, session: null });
  if (decision.verdict !== "allowed") throw new TypeError("The policy should accept");
  return decision.grant;
}

/** A pool, its route, its grant, and the messages of its log. */
export async function poolWith(
  keys: Readonly<Record<string, unknown>>,
  options: { clock?: Clock; random?: () => number; files?: Readonly<Record<string, string>> } = {},
) {
  const route = await routeWith(keys, options.files);
  const messages: string[] = [];
  const sink = (line: string) => void messages.push(JSON.parse(line).message);
  const log: Log = jsonLog({ level: "debug", sink, now: () => 0 });
  const { clock = new ManualClock(), random = () => 0 } = options;
  const pool = new UpstreamPool(route, { clock, random, log });
  return { pool, route, grant: grantFor(route), messages };
}

/** A port of loopback where nobody listens. */
export function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A listener that accepts nothing, with a backlog so full that the system answers no further SYN. */
export async function blackhole(resources: Set<Disposable>): Promise<number> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 } as Deno.TcpListenOptions);
  const { port } = listener.addr;
  const abort = new AbortController();
  const conns: Deno.Conn[] = [];
  resources.add({
    [Symbol.dispose]() {
      abort.abort();
      conns.forEach((conn) => conn.close());
      listener.close();
    },
  });
  for (;;) {
    const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(100)]);
    try {
      conns.push(await Deno.connect({ hostname: "127.0.0.1", port, signal }));
    } catch {
      return port;
    }
  }
}

/** What it failed with. */
export async function failureOf(work: Promise<unknown>): Promise<DialError> {
  const error = await work.then(() => new TypeError("It was reached"), (error) => error);
  expect(error).toBeInstanceOf(DialError);
  return error;
}
