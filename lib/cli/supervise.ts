import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { errorMessage, errorTrace } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import { startSupervisor, type Supervisor } from "../gateway/workers/supervisor.ts";
import { jsonLog } from "../observe/log.ts";
import { aborted } from "./aborted.ts";
import { type CliIo, EXIT } from "./command.ts";
import { countText } from "./count_text.ts";
import { CONFIG_OPTION, type ReadConfig, stateDirectoryOf } from "./gateway_files.ts";
import type { ParsedArgs } from "./options.ts";
import type { OwnPaths } from "./own_process.ts";
import { UsageError } from "./usage_error.ts";
import { VERSION } from "./version.ts";
import { workerCommand } from "./worker.ts";

/**
 * Starts several processes that are one gateway, and serves until a signal stops them.
 *
 * @param options `count`: how many, 2 or more
 * @returns the exit code
 * @throws {UsageError} `cli/not-permitted` when this process may not start others
 */
export async function superviseUntilStopped(
  args: ParsedArgs,
  io: CliIo,
  options: ReadConfig & { readonly count: number },
): Promise<number> {
  const { config, source, snapshot, count } = options;
  const stateDirectory = stateDirectoryOf(args);
  const paths = pathsOf(config, { stateDirectory, files: source.files });
  const startWorker = await io.ownProcess([workerCommand.name], paths);
  if (startWorker === null) throw notPermitted(args, { io, count });
  const unwritable = Promise.withResolvers<unknown>();
  const sink = (lines: string) => {
    try {
      io.stdout(lines);
    } catch (error) {
      unwritable.resolve(error);
    }
  };
  const log = jsonLog({ level: config.logLevel, sink: (line) => sink(`${line}\n`), now: () => io.now() });
  using interruption = io.interruption();
  using _unhandled = io.onUnhandled((error) =>
    log.error("defect in the gateway", { error: errorTrace(error) })
  );
  const started = Promise.withResolvers<Supervisor>();
  using _hangUp = io.onHangUp(() => void started.promise.then(({ reloader }) => reloader.reload("SIGHUP")));
  const parts = { config, snapshot, source, count, startWorker, version: VERSION, stateDirectory, sink, log };
  await using supervisor = await startSupervisor(parts);
  started.resolve(supervisor);
  const routes = countText(config.routes.length, "route");
  io.stderr(`serving ${supervisor.url} with ${routes} of ${config.file} in ${count} processes\n`);
  log.info("started", { address: supervisor.url, routes: config.routes.length, workers: count });
  // What cannot be written down is not done: without the trail nothing is served.
  const failure = await Promise.race([unwritable.promise, aborted(interruption.signal)]);
  io.stderr(
    failure === undefined ? "stopping\n" : `stopping: the log cannot be written: ${errorMessage(failure)}\n`,
  );
  await supervisor.stop();
  log.info("stopped");
  return failure === undefined ? EXIT.ok : EXIT.failure;
}

/** What workers have to do with. What they only read at a reload is read by the supervisor. */
function pathsOf(
  { file, routes, sessionRecordings, storage }: Config,
  { stateDirectory, files }: { stateDirectory: string; files: readonly string[] },
): OwnPaths {
  const sockets = routes.flatMap(({ to }) => to).filter(({ scheme }) => scheme.endsWith("unix"))
    .map(({ url }) => decodeURIComponent(new URL(url).pathname));
  const kept = [
    stateDirectory,
    ...sessionRecordings.directory === null ? [] : [sessionRecordings.directory],
    ...storage.type === "file" && storage.connectionString !== null
      ? [fileURLToPath(storage.connectionString)]
      : [],
    ...sockets,
  ];
  return { read: [dirname(file), ...files, ...kept], write: kept };
}

function notPermitted(args: ParsedArgs, { io, count }: { io: CliIo; count: number }): UsageError {
  const config = args.get(CONFIG_OPTION.name);
  const command = `${io.denoCommand} run -P=workers mod.ts serve --config ${config} --state-dir ${
    stateDirectoryOf(args)
  }`;
  return new UsageError(
    "cli/not-permitted",
    `Cannot start ${count} workers: this process may not start others`,
    `run: ${command}, or with --allow-run=deno beside your own permissions; or set workers: 1`,
  );
}
