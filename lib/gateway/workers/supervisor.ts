import { type Clock, systemClock } from "../../base/clock.ts";
import { type Random, systemRandom } from "../../base/random.ts";
import type { Config } from "../../config/config.ts";
import type { LoadOptions } from "../../config/load_config.ts";
import { createWorkersApp } from "../../http/control/workers_app.ts";
import { OcspClient } from "../../identity/ocsp_client.ts";
import type { Log } from "../../observe/log.ts";
import { ConfigWatch } from "../config_watch.ts";
import { GatewayError } from "../gateway_error.ts";
import { newInstance } from "../instance.ts";
import { LiveServing } from "../live_serving.ts";
import { openStore } from "../open_store.ts";
import { Reloader } from "../reloader.ts";
import { isServed, serveSocket } from "../serve_control.ts";
import { checkPlan } from "../plan.ts";
import { openStateDirectory } from "../state_directory.ts";
import { choosePorts } from "./ports.ts";
import { makeSocketFolder } from "./socket_folder.ts";
import type { Snapshot } from "./snapshot.ts";
import type { StartWorker } from "./worker_process.ts";
import { WorkerGroup } from "./worker_group.ts";
import { planForAll } from "./plan_for_all.ts";

/** What several processes are started with that are one gateway. */
export interface SupervisorOptions {
  /** What to serve. */
  readonly config: Config;
  /** The same as it was read. */
  readonly snapshot: Snapshot;
  /** Where it was read from, and is read again when it changes. */
  readonly source: LoadOptions & { readonly files: readonly string[] };
  /** How many processes, 2 or more. */
  readonly count: number;
  /** Starts one. */
  readonly startWorker: StartWorker;
  /** Version of the program. */
  readonly version: string;
  /** Folder of keys, certificates, the database and the sockets. */
  readonly stateDirectory: string;
  /** Takes lines of the log and the trail, of all processes, each with its end. */
  readonly sink: (lines: string) => void;
  /** Hears what happens here. */
  readonly log: Log;
  /** Default: the machine's own. */
  readonly clock?: Clock;
  /** Default: the platform's cryptographic generator. */
  readonly random?: Random;
}

/** Several processes that are one gateway. Dispose it, or call `stop`, which is the same. */
export interface Supervisor extends AsyncDisposable {
  /** Such as `https://localhost:8443`, for a person on this machine. */
  readonly url: string;
  /** How the configuration is changed. */
  readonly reloader: Reloader;
  /** Has all processes finish, as one would, and waits for their end. */
  stop(): Promise<void>;
}

/**
 * Starts several processes that share the port and the store, and looks after them: one that ends is replaced, and what
 * is asked on the control socket is answered for all. It carries no traffic itself.
 *
 * @returns once all of them listen; the caller stops it
 * @throws {SallyportError} `gateway/…`, `store/…`, `pki/…`, `listen/…`: nothing is left running
 */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  await using starting = new AsyncDisposableStack();
  const { config, source, version, log, clock = systemClock, random = systemRandom } = options;
  checkShared(config);
  const state = await openStateDirectory(options.stateDirectory);
  const controlPath = state.file("control.sock");
  if (await isServed(controlPath)) {
    throw new GatewayError(
      "gateway/state-in-use",
      `Another gateway runs on the state directory ${state.path}`,
      {
        hint: "stop it, or choose another with --state-dir",
      },
    );
  }
  // Whatever is made at the first start is made here, once: the schema of the store, keys and certificates.
  const storageKey = () => live.current.keys.storage;
  const store = starting.use(await openStore(config, { state, storageKey, clock }));
  const ocsp = new OcspClient({ clock, log });
  const live = await LiveServing.start(config, { state, store, clock, random, ocsp });
  const socketFolder = starting.use(await makeSocketFolder(state, random)).path;
  const group = starting.use(
    new WorkerGroup({
      ...options,
      instance: newInstance(random),
      socketFolder,
      shared: { snapshot: options.snapshot, ports: choosePorts(config, null), revision: 1 },
      clock,
    }),
  );
  await group.start();
  const activate = async (next: Config, { cause, snapshot }: { cause: string; snapshot: Snapshot }) => {
    checkShared(next);
    const serving = await live.prepare(next);
    const ports = choosePorts(next, { config: live.current.config, ports: group.shared.ports });
    await group.change({ snapshot, ports, revision: serving.revision }, { cause });
    live.replace(serving);
  };
  const watch = starting.use(new ConfigWatch({ isOn: () => live.current.config.hotReload, clock }));
  const reloader = new Reloader({
    source,
    activate,
    workers: config.workers,
    onFiles: (files) => watch.update(files),
    clock,
    log,
  });
  watch.start(source.files, () => void reloader.reload("file changed"));
  const startedAt = clock.now();
  const app = createWorkersApp({
    workers: () => group.ready,
    ask: (worker, request) => group.ask(worker, request),
    own: () => ({ version, pid: Deno.pid, startedAt, config: source.file, lastReload: reloader.last }),
    reload: () => reloader.reload("asked for"),
    plan: (text) => planForAll(text, { source, group, live }),
    apply: (text, { planId }) =>
      reloader.apply(text, (next) => checkPlan(planId, { revision: live.current.revision, next })),
  });
  starting.use(await serveSocket(controlPath, { app, log }));
  const resources = starting.move();
  let stopped: Promise<void> | null = null;
  const stop = () => stopped ??= resources.disposeAsync();
  return { url: group.url, reloader, stop, [Symbol.asyncDispose]: stop };
}

function checkShared({ storage }: Config): void {
  if (storage.type !== "memory") return;
  throw new GatewayError(
    "gateway/store-not-shared",
    "Cannot start several workers: databroker_storage_type: memory is not shared among them",
    { hint: "set databroker_storage_type to file or postgres, or workers to 1" },
  );
}
