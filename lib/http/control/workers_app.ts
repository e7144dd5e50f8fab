import { type Context, Hono } from "hono";
import type { SocketAnswer, SocketRequest } from "./ask_socket.ts";
import { bodyText, controlFailed } from "./control_answers.ts";
import { ControlError } from "./control_error.ts";
import type { GatewayStatus, Plan, ReloadOutcome } from "./control_services.ts";
import { mergeMetrics } from "./merge_metrics.ts";
import { mergeStatus, type OwnStatus } from "./merge_status.ts";

/** What the control socket of several processes works with, which are one gateway. */
export interface WorkersServices {
  /** The processes that serve now, from 1. */
  readonly workers: () => readonly number[];
  /** Asks the control socket of one. Rejects when it does not answer. */
  readonly ask: (worker: number, request: SocketRequest) => Promise<SocketAnswer>;
  /** What is known of the whole. */
  readonly own: () => OwnStatus;
  /** {@inheritDoc ControlServices.reload} */
  readonly reload: () => Promise<ReloadOutcome>;
  /** {@inheritDoc ControlServices.plan} */
  readonly plan: (text: string) => Promise<Plan>;
  /** {@inheritDoc ControlServices.apply} */
  readonly apply: (text: string, options: { planId: string | null }) => Promise<ReloadOutcome>;
}

interface TunnelJson {
  readonly id: string;
  readonly openedAt: number;
}

/** The control socket of {@link createControlApp}, for several processes: asks them, and answers for all. */
export function createWorkersApp(services: WorkersServices): Hono {
  const app = new Hono();
  app.get("/status", async (c) => c.json(await statusOf(services)));
  app.get("/metrics", async (c) => c.text(await metricsOf(services)));
  app.post("/reload", async (c) => c.json(await services.reload()));
  app.post("/plan", async (c) => c.json(await services.plan(await bodyText(c))));
  app.post("/apply", async (c) => {
    const planId = c.req.query("plan") ?? null;
    return c.json(await services.apply(await bodyText(c), { planId }));
  });
  app.get("/tunnels", async (c) => {
    const tunnels = (await tunnelsOf(services)).map(({ tunnel }) => tunnel);
    return c.json(tunnels.sort((a, b) => a.openedAt - b.openedAt));
  });
  app.on(["GET", "DELETE"], "/tunnels/:id", async (c) => {
    const { tunnel, worker } = await findTunnel(c, services);
    return await passOn(c, services, { worker, path: `/tunnels/${encodeURIComponent(tunnel.id)}` });
  });
  // What is in the store is the same for all.
  app.all("*", (c) => passOn(c, services, { worker: firstOf(services), path: pathOf(c) }));
  app.onError(controlFailed);
  return app;
}

async function statusOf(services: WorkersServices): Promise<GatewayStatus> {
  const answers = await askAll(services, "/status");
  const statuses = answers.map(({ worker, text }) => [worker, JSON.parse(text) as GatewayStatus] as const);
  return mergeStatus(statuses, services.own());
}

async function metricsOf(services: WorkersServices): Promise<string> {
  const texts = (await askAll(services, "/metrics")).map(({ text }) => text);
  const { lastReload, startedAt } = services.own();
  return mergeMetrics(texts, {
    pomerium_config_last_reload_success: lastReload === null || lastReload.ok ? 1 : 0,
    pomerium_config_last_reload_success_timestamp: Math.floor(
      (lastReload?.ok ? lastReload.at : startedAt) / 1000,
    ),
  }) +
    "# HELP sallyport_workers Processes that serve.\n# TYPE sallyport_workers gauge\n" +
    `sallyport_workers ${texts.length}\n`;
}

async function tunnelsOf(services: WorkersServices): Promise<{ worker: number; tunnel: TunnelJson }[]> {
  const answers = await askAll(services, "/tunnels");
  return answers.flatMap(({ worker, text }) =>
    (JSON.parse(text) as TunnelJson[]).map((tunnel) => ({ worker, tunnel }))
  );
}

/** By its id, or the beginning of it if only one tunnel's begins so. */
async function findTunnel(c: Context, services: WorkersServices) {
  const id = c.req.param("id") ?? "";
  const found = (await tunnelsOf(services)).filter(({ tunnel }) => tunnel.id.startsWith(id));
  if (found.length === 1) return found[0]!;
  const count = found.length === 0 ? "No live tunnel has" : "Several live tunnels have";
  throw new ControlError("control/no-such-tunnel", `${count} an id that begins with ${JSON.stringify(id)}`, {
    hint: "sallyport tunnels list",
  });
}

/** One that does not answer is about to be replaced, and has nothing any more. */
async function askAll(services: WorkersServices, path: string): Promise<{ worker: number; text: string }[]> {
  const asked = await Promise.allSettled(
    services.workers().map(async (worker) => {
      const { text } = await services.ask(worker, { path });
      return { worker, text };
    }),
  );
  const answers = asked.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  if (answers.length === 0) throw noWorker();
  return answers;
}

async function passOn(
  c: Context,
  services: WorkersServices,
  { worker, path }: { worker: number; path: string },
): Promise<Response> {
  const method = c.req.method === "POST" || c.req.method === "DELETE" ? c.req.method : "GET";
  const { status, text } = await services.ask(worker, { method, path, body: await bodyText(c) });
  return new Response(text, { status, headers: { "content-type": "application/json" } });
}

function firstOf({ workers }: WorkersServices): number {
  const [first] = workers();
  if (first === undefined) throw noWorker();
  return first;
}

function noWorker(): ControlError {
  return new ControlError("control/no-worker", "No worker serves at present", { hint: "see the log" });
}

function pathOf(c: Context): string {
  const { pathname, search } = new URL(c.req.url);
  return pathname + search;
}
