import { fromUtf8 } from "../../base/bytes.ts";
import { errorMessage, errorTrace, SallyportError } from "../../base/errors.ts";
import { loadConfig } from "../../config/load_config.ts";
import { jsonAuditTrail } from "../../observe/audit.ts";
import { jsonLog } from "../../observe/log.ts";
import { type Gateway, startGateway } from "../start_gateway.ts";
import { Lines, linesOf } from "./_lines.ts";
import {
  type FromWorker,
  MAX_TO_WORKER_BYTES,
  MESSAGE_MARK,
  messageLine,
  type ToWorker,
  type WorkerStart,
} from "./messages.ts";
import { snapshotSource } from "./snapshot.ts";
import { WorkerLink } from "./worker_link.ts";
import { withPorts } from "./worker_place.ts";

/** What a worker process has. */
export interface RunWorkerOptions {
  /** What the supervisor writes; its end is the end of the supervisor. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Writes to the supervisor. */
  readonly write: (text: string) => void;
  /** Version of the program. */
  readonly version: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: () => number;
  /** Has it stop. */
  readonly signal: AbortSignal;
  /** Hears of the gateway's log what nobody has handled. Dispose the answer to hear no more. */
  readonly onUnhandled: (run: (error: unknown) => void) => Disposable;
}

/**
 * Is a worker: a gateway that shares its port with others, until the supervisor says so or is gone.
 *
 * @returns whether it has ever served
 */
export async function runWorker(options: RunWorkerOptions): Promise<boolean> {
  const send = (text: string) => {
    try {
      options.write(text);
    } catch {
      // The supervisor is gone, which the input tells as well.
    }
  };
  const tell = (message: FromWorker) => send(messageLine(message, MESSAGE_MARK));
  const { promise: over, resolve: stop } = Promise.withResolvers<void>();
  options.signal.addEventListener("abort", () => stop(), { once: true });
  const started = Promise.withResolvers<WorkerStart | null>();
  let link: WorkerLink | null = null;
  const onMessage = (message: ToWorker) => {
    if (message.kind === "start") {
      link = new WorkerLink(message.start.number, tell);
      started.resolve(message.start);
    } else if (message.kind === "stop") stop();
    else link?.receive(message);
  };
  const onEnd = () => {
    started.resolve(null);
    stop();
  };
  listen(options.input, onMessage).then(onEnd, onEnd);
  const start = await started.promise;
  if (start === null || link === null) return false;
  try {
    await using gateway = await startOne(start, { ...options, write: send, link });
    const { url, authorityFile } = gateway;
    tell({ kind: "ready", pid: Deno.pid, url, authorityFile });
    await over;
  } catch (error) {
    const hint = error instanceof SallyportError ? error.hint : undefined;
    tell({ kind: "failed", message: errorMessage(error), hint });
    return false;
  }
  return true;
}

async function startOne(
  { number, shared, stateDirectory, instance, socketFolder }: WorkerStart,
  { write, version, now, link, onUnhandled }: RunWorkerOptions & { link: WorkerLink },
): Promise<Gateway> {
  const { config } = await loadConfig(snapshotSource(shared.snapshot));
  if (config === null) throw new TypeError("Cannot read a configuration that the supervisor could read");
  const output = { sink: (line: string) => write(`${line}\n`), now };
  const log = jsonLog({ level: config.logLevel, ...output });
  onUnhandled((error) => log.error("defect in the gateway", { worker: number, error: errorTrace(error) }));
  return await startGateway({
    config: withPorts(config, shared.ports),
    version,
    stateDirectory,
    worker: { number, revision: shared.revision, instance, socketFolder, link },
    log,
    audit: jsonAuditTrail(output),
  });
}

async function listen(
  input: AsyncIterable<Uint8Array>,
  onMessage: (message: ToWorker) => void,
): Promise<void> {
  const lines = new Lines(MAX_TO_WORKER_BYTES);
  for await (const chunk of input) {
    const whole = lines.take(chunk);
    if (whole === null) continue;
    for (const line of linesOf(fromUtf8(whole))) onMessage(JSON.parse(line) as ToWorker);
  }
}
