import type { Hono } from "hono";
import { errorMessage, SallyportError } from "../../base/errors.ts";
import type { Config } from "../../config/config.ts";
import { loadConfig } from "../../config/load_config.ts";
import type { Plan } from "../../http/control/control_services.ts";
import type { Activation, Prepared } from "../activation.ts";
import type { SharedConfig } from "./messages.ts";
import { snapshotSource } from "./snapshot.ts";
import { withPorts } from "./worker_place.ts";

/** What a worker answers to the supervisor, beside what any gateway answers. */
export interface WorkerRoutesOptions {
  /** Puts a configuration in the place of the one that is served. */
  readonly activation: Activation;
  /** Says what one would change. */
  readonly plan: (config: Config) => Promise<Omit<Plan, "complaints">>;
}

/** How preparing came out; `error` is for people. */
export type PrepareAnswer = { readonly ok: true } | {
  readonly ok: false;
  readonly error: string;
  readonly hint?: string | undefined;
};

/**
 * Lets the supervisor plan, and change the configuration of all workers in two steps: `POST /worker/plan` and
 * `/worker/prepare` take a {@link SharedConfig}; then `/worker/commit?cause=…` or `/worker/abort`.
 */
export function addWorkerRoutes(app: Hono, { activation, plan }: WorkerRoutesOptions): void {
  let prepared: Prepared | null = null;
  const configOf = async ({ snapshot, ports }: SharedConfig): Promise<Config> => {
    const { config } = await loadConfig(snapshotSource(snapshot));
    if (config === null) throw new TypeError("Cannot read a configuration that the supervisor could read");
    return withPorts(config, ports);
  };
  app.post("/worker/plan", async (c) => c.json(await plan(await configOf(await c.req.json()))));
  app.post("/worker/prepare", async (c) => {
    await prepared?.abort();
    prepared = null;
    try {
      prepared = await activation.prepare(await configOf(await c.req.json()));
      return c.json({ ok: true } satisfies PrepareAnswer);
    } catch (error) {
      const hint = error instanceof SallyportError ? error.hint : undefined;
      return c.json({ ok: false, error: errorMessage(error), hint } satisfies PrepareAnswer);
    }
  });
  app.post("/worker/commit", async (c) => {
    if (prepared === null) throw new TypeError("Cannot commit as nothing is prepared");
    const ready = prepared;
    prepared = null;
    await ready.commit(c.req.query("cause") ?? "");
    return c.json({});
  });
  app.post("/worker/abort", async (c) => {
    await prepared?.abort();
    prepared = null;
    return c.json({});
  });
}
