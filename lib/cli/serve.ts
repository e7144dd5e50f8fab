import { type Gateway, startGateway } from "../gateway/start_gateway.ts";
import { jsonAuditTrail } from "../observe/audit.ts";
import { jsonLog } from "../observe/log.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import {
  CONFIG_OPTION,
  type ReadConfig,
  readConfig,
  STATE_OPTION,
  stateDirectoryOf,
} from "./gateway_files.ts";
import type { ParsedArgs } from "./options.ts";
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
    return read === null ? EXIT.failure : await serveUntilStopped(args, io, read);
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
  const output = { sink: (line: string) => io.stdout(`${line}\n`), now: () => io.now() };
  const log = jsonLog({ level: config.logLevel, ...output });
  const audit = jsonAuditTrail(output);
  using interruption = io.interruption();
  // What goes wrong with one connection must not end those of all others.
  using _unhandled = io.onUnhandled((error) => log.error("defect in the gateway", { error: traceOf(error) }));
  // From the beginning: the signal ends a process that does not expect it.
  const started = Promise.withResolvers<Gateway>();
  using _hangUp = io.onHangUp(() => void started.promise.then(({ reloader }) => reloader.reload("SIGHUP")));
  const stateDirectory = stateDirectoryOf(args);
  await using gateway = await startGateway({ config, source, version: VERSION, stateDirectory, log, audit });
  started.resolve(gateway);
  io.stderr(`serving ${gateway.url} with ${count(config.routes.length, "route")} of ${config.file}\n`);
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

/** `1 route`, `3 routes` */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** Where it happened; the message alone could come from anywhere. */
function traceOf(error: unknown): string {
  return error instanceof Error
    ? (error.stack ?? error.message).slice(0, 4096)
    : String(error).slice(0, 4096);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
}
