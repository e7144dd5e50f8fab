import { errorTrace } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import { MAX_WORKERS } from "../config/workers.ts";
import { type Gateway, startGateway } from "../gateway/start_gateway.ts";
import { jsonAuditTrail } from "../observe/audit.ts";
import { LineWriter } from "../observe/line_writer.ts";
import { jsonLog } from "../observe/log.ts";
import { aborted } from "./aborted.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import { countText } from "./count_text.ts";
import {
  CONFIG_OPTION,
  type ReadConfig,
  readConfig,
  STATE_OPTION,
  stateDirectoryOf,
} from "./gateway_files.ts";
import type { ParsedArgs } from "./options.ts";
import { superviseUntilStopped } from "./supervise.ts";
import { VERSION } from "./version.ts";

/** `sallyport serve` */
export const serveCommand: Command = {
  name: "serve",
  summary: "Run the gateway",
  description:
    "Writes its log and audit trail as JSON lines to standard output. Ctrl-C stops it: connections get a " +
    "second to finish, then they are closed.",
  options: [CONFIG_OPTION, STATE_OPTION],
  positionals: [],
  async run(args, io) {
    const read = await readConfig(args, io);
    if (read === null) return EXIT.failure;
    const count = workersOf(read.config);
    return count === 1
      ? await serveUntilStopped(args, io, read)
      : await superviseUntilStopped(args, io, { ...read, count });
  },
};

/**
 * Starts the gateway and serves until a signal stops it.
 *
 * @param options `onStarted`: called once it listens
 * @returns the exit code
 */
export async function serveUntilStopped(
  args: ParsedArgs,
  io: CliIo,
  options: ReadConfig & { onStarted?: (gateway: Gateway) => Promise<void> },
): Promise<number> {
  const { config, source, onStarted } = options;
  using lines = new LineWriter((text) => io.stdout(text));
  const output = { sink: lines.sink, now: () => io.now() };
  const log = jsonLog({ level: config.logLevel, ...output });
  const audit = jsonAuditTrail(output);
  using interruption = io.interruption();
  // What goes wrong with one connection must not end those of all others.
  using _unhandled = io.onUnhandled((error) =>
    log.error("defect in the gateway", { error: errorTrace(error) })
  );
  // From the beginning: the signal ends a process that does not expect it.
  const started = Promise.withResolvers<Gateway>();
  using _hangUp = io.onHangUp(() => void started.promise.then(({ reloader }) => reloader.reload("SIGHUP")));
  const stateDirectory = stateDirectoryOf(args);
  await using gateway = await startGateway({ config, source, version: VERSION, stateDirectory, log, audit });
  started.resolve(gateway);
  io.stderr(`serving ${gateway.url} with ${countText(config.routes.length, "route")} of ${config.file}\n`);
  log.info("started", {
    address: `${gateway.address.hostname}:${gateway.address.port}`,
    routes: config.routes.length,
  });
  await onStarted?.(gateway);
  await aborted(interruption.signal);
  io.stderr("stopping\n");
  await gateway.stop();
  log.info("stopped");
  return EXIT.ok;
}

function workersOf({ workers }: Config): number {
  return workers === "auto" ? Math.min(MAX_WORKERS, navigator.hardwareConcurrency) : workers;
}
