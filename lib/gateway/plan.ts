import type { Clock } from "../base/clock.ts";
import { formatAuthority } from "../base/authority.ts";
import { formatComplaint } from "../config/complaint.ts";
import type { Config, Route } from "../config/config.ts";
import { loadConfig, type LoadOptions } from "../config/load_config.ts";
import { compareConfigs, type ConfigChanges } from "../config/plan_routes.ts";
import { RouteTable } from "../config/route_table.ts";
import { ControlError } from "../http/control/control_error.ts";
import type { Plan, PlannedRoute } from "../http/control/control_services.ts";
import type { BearerTokens } from "../identity/bearer_tokens.ts";
import { ClientCertificates, SOME_TRUSTED_CERTIFICATE } from "../identity/client_certificates.ts";
import { providerIdOf } from "../identity/provider_ids.ts";
import { sessionFactsById } from "../identity/resolve_caller.ts";
import { decide } from "../policy/decide.ts";
import type { SessionFacts } from "../policy/facts.ts";
import type { Store } from "../store/store.ts";
import { reauthorize } from "../tunnel/reauthorize.ts";
import type { TunnelRegistry } from "../tunnel/registry.ts";
import type { Serving } from "./serving.ts";

/** What a plan is made from. */
export interface PlanParts {
  /** What is served now. */
  readonly current: Serving;
  /** Where the configuration is read from; the files it names are read from there. */
  readonly source: LoadOptions;
  /** Whose sessions are looked at. */
  readonly store: Store;
  /** Whose bearer tokens are looked at. */
  readonly bearer: BearerTokens;
  /** What would be cut. */
  readonly tunnels: TunnelRegistry;
  /** For decisions. */
  readonly clock: Clock;
}

/** What serving the configuration in `text` would change. Changes nothing. @throws {StoreError} */
export async function makePlan(text: string, parts: PlanParts): Promise<Plan> {
  const { current, source } = parts;
  const { config, complaints } = await loadConfig(withText(source, text));
  const found = { complaints: complaints.map(formatComplaint) };
  if (config === null) return { ...unservable(current.revision), ...found };
  return { ...await planOf(config, parts), ...found };
}

/** The plan of what cannot be served. @param revision what runs */
export function unservable(revision: number): Omit<Plan, "complaints"> {
  const routes = { added: [], removed: [], changed: [] };
  return { id: "", revision, ok: false, globals: [], routes, access: [], tunnels: [] };
}

/** What serving a configuration would change. Changes nothing. @throws {StoreError} */
export async function planOf(
  config: Config,
  parts: Omit<PlanParts, "source">,
): Promise<Omit<Plan, "complaints">> {
  const { current } = parts;
  const { globals, routes } = compareConfigs(current.config, config);
  return {
    id: planId(current.revision, config),
    ok: true,
    revision: current.revision,
    globals,
    routes: {
      added: routes.added.map((route) => planned(route)),
      removed: routes.removed.map((route) => planned(route)),
      changed: routes.changed.map(({ after, keys }) => planned(after, keys)),
    },
    access: await accessChanges(routes, parts),
    tunnels: await cutTunnels(config, parts),
  };
}

/** Names the configuration that runs and the one that would. */
export function planId(revision: number, next: Config): string {
  return `${revision}-${next.digest.slice(0, 16)}`;
}

/**
 * Refuses a plan that is not of what runs and what would.
 *
 * @param wanted its id; `null`: nobody has looked at one @throws {ControlError} `control/stale-plan`
 */
export function checkPlan(
  wanted: string | null,
  { revision, next }: { revision: number; next: Config },
): void {
  if (wanted === null || wanted === planId(revision, next)) return;
  const message = "The plan is not of this configuration, or the gateway has changed since";
  throw new ControlError("control/stale-plan", message, { hint: "make the plan again and look at it" });
}

/** Reads `text` in the place of the configuration file. */
export function withText(source: LoadOptions, text: string): LoadOptions {
  const readTextFile = (path: string) =>
    path === source.file ? Promise.resolve(text) : source.readTextFile(path);
  return { ...source, readTextFile };
}

function planned({ name, from }: Route, keys: readonly string[] = []): PlannedRoute {
  return { name, from: from.url, keys };
}

/** For each person with a session: the routes that let them in before, and those that would. */
async function accessChanges(
  { added, removed, changed }: ConfigChanges["routes"],
  { store, clock }: Pick<PlanParts, "store" | "clock">,
): Promise<Plan["access"]> {
  const now = clock.now();
  const pairs = [
    ...added.map((after) => ({ before: null, after })),
    ...removed.map((before) => ({ before, after: null })),
    ...changed,
  ];
  const people = new Map<string, { gains: string[]; loses: string[] }>();
  for (const { id } of await store.listSessions(now)) {
    const session = await sessionFactsById(id, { store, clock });
    if (session === null || people.has(session.email)) continue;
    const gains: string[] = [];
    const loses: string[] = [];
    for (const { before, after } of pairs) {
      const [could, can] = [before, after].map((route) => route !== null && letsIn(route, { session, now }));
      if (can && !could) gains.push(after!.name);
      if (could && !can) loses.push(before!.name);
    }
    people.set(session.email, { gains, loses });
  }
  return [...people].filter(([, { gains, loses }]) => gains.length + loses.length > 0)
    .map(([user, change]) => ({ user, ...change }))
    .sort((a, b) => a.user < b.user ? -1 : 1);
}

/** From which address somebody would come is not known: `source_ip` does not match here. Nor is with which certificate. */
function letsIn(route: Route, { session, now }: { session: SessionFacts; now: number }): boolean {
  const facts = { now, sourceIp: null, session, clientCertificate: SOME_TRUSTED_CERTIFICATE };
  return decide(route.policy, { ...facts, routeId: route.id }).verdict === "allowed";
}

async function cutTunnels(
  next: Config,
  { current, store, bearer, clock, tunnels }: Omit<PlanParts, "source">,
): Promise<Plan["tunnels"]> {
  const withdrawals = await reauthorize(tunnels.list(), {
    routes: new RouteTable(next.routes),
    session: async (id, route) =>
      bearer.sessionById(id, next.routes) ??
        await sessionFactsById(id, { store, clock, wanted: providerIdOf(next, route) }),
    certificates: new ClientCertificates(next.downstreamMtls, { clock, ocsp: current.ocsp }),
    now: clock.now(),
  });
  return withdrawals.map(({ tunnel, reason, detail }) => {
    const { id, email, userId, target } = tunnel;
    return { id, user: email ?? userId, host: formatAuthority(target), reason, detail };
  });
}
