import type { Hono } from "hono";
import { errorMessage } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import type { LoadOptions } from "../config/load_config.ts";
import { createControlApp } from "../http/control/control_app.ts";
import type { ControlServices, GatewayStatus } from "../http/control/control_services.ts";
import type { HttpFigures } from "../http/edge.ts";
import type { Http3Figures } from "../http/http3_edge.ts";
import type { HttpServices } from "../http/services.ts";
import type { Histogram } from "../observe/histogram.ts";
import { ServiceAccounts } from "../identity/service_accounts.ts";
import type { Log } from "../observe/log.ts";
import type { LiveServing } from "./live_serving.ts";
import { checkPlan, makePlan, planOf } from "./plan.ts";
import type { Reloader } from "./reloader.ts";
import type { StateDirectory } from "./state_directory.ts";
import { controlSocketOf, type WorkerPlace } from "./workers/worker_place.ts";
import { addWorkerRoutes, type WorkerRoutesOptions } from "./workers/worker_routes.ts";

/** A control socket that is served. Dispose it to close it. */
export interface ControlSocket extends AsyncDisposable {
  /** Where it is; it is not there when it could not be opened, which the log says. */
  readonly path: string;
}

/** What the control socket works with. */
export interface ControlParts {
  /** Where the socket is put. */
  readonly state: StateDirectory;
  /** What the gateway works with. */
  readonly services: HttpServices;
  /** How long it took to end tunnels. */
  readonly withdrawals: Histogram;
  /** How the gateway does, but for what is known here. */
  readonly status: () => Omit<
    GatewayStatus,
    "lastReload" | "revision" | "digest" | "routes" | "tunnels" | "upstreams" | "config"
  >;
  /** What clients of HTTP/1.1 and HTTP/2 did wrong; it is kept current. */
  readonly http: HttpFigures;
  /** What came over HTTP/3. */
  readonly http3: () => Http3Figures;
  /** How the configuration is changed. */
  readonly reloader: Reloader;
  /** What is served. */
  readonly live: LiveServing;
  /** Where the configuration is read from. */
  readonly source: LoadOptions;
  /** Which of several processes it is, and how the supervisor changes what it serves; default: it is alone. */
  readonly worker?: Pick<WorkerRoutesOptions, "activation"> & { readonly place: WorkerPlace };
  /** Hears when the socket cannot be opened. */
  readonly log: Log;
}

/**
 * Serves the control socket in the state directory, for the owner of the gateway only: `control.sock`, or that
 * of one of several processes for their supervisor. A gateway goes on without one when it cannot be opened: it is no part of the
 * service.
 *
 * @returns the socket; the caller disposes it
 */
export async function serveControl(parts: ControlParts): Promise<ControlSocket> {
  const { state, log, worker, services: { store, bearer, tunnels, clock }, live } = parts;
  const app = createControlApp(controlServices(parts));
  if (worker === undefined) return await serveSocket(state.file("control.sock"), { app, log });
  const plan = (config: Config) => planOf(config, { current: live.current, store, bearer, tunnels, clock });
  addWorkerRoutes(app, { ...worker, plan });
  return await serveSocket(controlSocketOf(worker.place.socketFolder, worker.place.number), { app, log });
}

/** Serves an application on a Unix socket, as {@link serveControl}. */
export async function serveSocket(
  path: string,
  { app, log }: { app: Pick<Hono, "fetch">; log: Log },
): Promise<ControlSocket> {
  try {
    if (await isServed(path)) throw new Error("another gateway serves it");
    await Deno.remove(path).catch(() => {});
    const server = Deno.serve({ path, onListen() {} }, (request) => app.fetch(request));
    await Deno.chmod(path, 0o600);
    return { path, [Symbol.asyncDispose]: () => server.shutdown() };
  } catch (error) {
    log.warn("no control socket", { path, error: errorMessage(error) });
    return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
}

/** Whether somebody answers on a Unix socket: its file outlives a process that was killed. */
export async function isServed(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch {
    return false;
  }
}

function controlServices(
  { services, http, http3, withdrawals, status, reloader, live, source }: ControlParts,
): ControlServices {
  const { store, bearer, tunnels, udp, clock } = services;
  return {
    status: () => ({
      ...status(),
      config: source.file,
      revision: live.current.revision,
      digest: live.current.config.digest,
      routes: live.current.config.routes.length,
      tunnels: tunnels.size,
      upstreams: services.upstreams.states(),
      lastReload: reloader.last,
    }),
    config: () => live.current.config,
    tunnels,
    udp,
    http,
    get http3() {
      return http3();
    },
    withdrawals,
    store,
    // Tokens follow the configuration.
    get serviceAccounts() {
      return new ServiceAccounts({ store, tokens: services.tokens, clock, random: services.random });
    },
    clock,
    reload: () => reloader.reload("asked for"),
    plan: (text) => makePlan(text, { current: live.current, source, store, bearer, tunnels, clock }),
    apply: (text, { planId: wanted }) =>
      reloader.apply(text, (next) => checkPlan(wanted, { revision: live.current.revision, next })),
  };
}
