import type { Clock } from "../../base/clock.ts";
import { fromUtf8 } from "../../base/bytes.ts";
import { errorMessage } from "../../base/errors.ts";
import { OpenTunnels } from "../../observe/open_tunnels.ts";
import type { Log } from "../../observe/log.ts";
import { GatewayError } from "../gateway_error.ts";
import { Lines, linesOf } from "./_lines.ts";
import {
  type FromWorker,
  type LostTunnel,
  MAX_FROM_WORKER_BYTES,
  MESSAGE_MARK,
  messageLine,
  type ToWorker,
  type WorkerStart,
} from "./messages.ts";
import type { ProcessEnd, StartWorker, WorkerProcess } from "./worker_process.ts";

/** A worker that listens. */
export type ReadyWorker = Extract<FromWorker, { kind: "ready" }>;

/** What one of the workers is kept with. */
export interface WorkerSlotOptions {
  /** Which one it is, from 1. */
  readonly number: number;
  /** Starts its process. */
  readonly startWorker: StartWorker;
  /** What its process is to begin with, once that is certain. */
  readonly startWith: () => Promise<WorkerStart>;
  /** What the others have told all, for a process that begins. */
  readonly notices: () => readonly ToWorker[];
  /** Hears what is for the others. */
  readonly onMessage: (message: Extract<FromWorker, { kind: "post" | "say" }>) => void;
  /** Hears that its process has ended, before there is another, and which tunnels were open. */
  readonly onEnded: (tunnels: readonly LostTunnel[]) => void;
  /** Takes lines of the log and the trail, each with its end. */
  readonly sink: (lines: string) => void;
  /** For waiting. */
  readonly clock: Clock;
  /** Hears of processes that come and go. */
  readonly log: Log;
}

/** So long a process may take until it listens. */
const START_MS = 60_000;
/** So long one may take to end. */
const STOP_MS = 10_000;
/** How soon another one is started, at first and at most; twice as long each time. */
const AGAIN_MS = { first: 100, most: 30_000 };
/** One that has served for so long was well. */
const WELL_MS = 60_000;
const REASON = "worker-ended";

/** One worker: a process, and another one whenever it ends. */
export class WorkerSlot {
  /** Which one it is. */
  readonly number: number;
  readonly #options: WorkerSlotOptions;
  #process: WorkerProcess | null = null;
  #ready: ReadyWorker | null = null;
  #starting: Promise<void> = Promise.resolve();
  /** Once the process has ended, and what it wrote was read. */
  #gone: Promise<void> = Promise.resolve();
  #hasServed = false;
  #readyAtMs = 0;
  #failures = 0;
  #isStopping = false;
  #again: Disposable | null = null;

  /** Starts nothing yet. */
  constructor(options: WorkerSlotOptions) {
    this.number = options.number;
    this.#options = options;
  }

  /** The process that listens; `null` while there is none. */
  get ready(): ReadyWorker | null {
    return this.#ready;
  }

  /** Starts the first process. @throws {GatewayError} `gateway/worker-failed` */
  async start(): Promise<void> {
    await this.#start();
  }

  /** Waits until a process that is being started listens, or has failed. */
  async settled(): Promise<void> {
    await this.#starting.catch(() => {});
  }

  /** Tells the process something, if there is one that knows how to begin. */
  send(message: ToWorker): void {
    this.#process?.write(messageLine(message));
  }

  /** Has another process take the place of this one, which does not do what it should. */
  replace(): void {
    this.#process?.kill();
  }

  /** Ends the process, and starts no other. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#again?.[Symbol.dispose]();
    const process = this.#process;
    if (process === null) return;
    this.send({ kind: "stop" });
    process.hangUp();
    using _late = this.#options.clock.timer(STOP_MS, () => process.kill());
    await this.#gone;
  }

  #start(): Promise<void> {
    const starting = this.#run();
    this.#starting = starting;
    return starting;
  }

  /** @returns once the process listens */
  async #run(): Promise<void> {
    const { number, startWorker, startWith, notices, clock } = this.#options;
    const start = await startWith();
    if (this.#isStopping) return;
    const process = startWorker();
    this.#process = process;
    this.send({ kind: "start", start });
    for (const message of notices()) this.send(message);
    const up = Promise.withResolvers<ReadyWorker>();
    const tunnels = new OpenTunnels();
    const reading = this.#read(process, { tunnels, up });
    this.#gone = process.ended.then(async (end) => {
      await reading;
      up.reject(new GatewayError("gateway/worker-failed", `Worker ${number} ended: ${endText(end)}`));
      this.#ended(end, tunnels);
    });
    using _late = clock.timer(START_MS, () => process.kill());
    this.#ready = await up.promise;
    this.#readyAtMs = clock.monotonic();
    this.#hasServed = true;
  }

  async #read(
    process: WorkerProcess,
    { tunnels, up }: { tunnels: OpenTunnels; up: PromiseWithResolvers<ReadyWorker> },
  ): Promise<void> {
    const { sink, onMessage, log } = this.#options;
    const lines = new Lines(MAX_FROM_WORKER_BYTES);
    const onText = (text: string) => {
      tunnels.note(text);
      sink(text);
    };
    const onTold = (line: string) => {
      const message = JSON.parse(line.slice(MESSAGE_MARK.length)) as FromWorker;
      if (message.kind === "ready") up.resolve(message);
      else if (message.kind === "failed") up.reject(failure(this.number, message));
      else onMessage(message);
    };
    try {
      for await (const chunk of process.output) {
        const whole = lines.take(chunk);
        if (whole === null) continue;
        const text = fromUtf8(whole);
        // Nearly always there is nothing but the log, of which there can be much.
        const isAllLog = !text.startsWith(MESSAGE_MARK) && !text.includes(`\n${MESSAGE_MARK}`);
        if (isAllLog) onText(text);
        for (const line of isAllLog ? [] : linesOf(text)) {
          if (line.startsWith(MESSAGE_MARK)) onTold(line);
          else onText(`${line}\n`);
        }
      }
    } catch (error) {
      log.error("worker not understood", { worker: this.number, error: errorMessage(error) });
      process.kill();
    }
  }

  #ended(end: ProcessEnd, tunnels: OpenTunnels): void {
    const { number, onEnded, sink, clock, log } = this.#options;
    const wasWell = this.#ready !== null && clock.monotonic() - this.#readyAtMs >= WELL_MS;
    this.#ready = null;
    this.#process = null;
    const lost = tunnels.list();
    sink(tunnels.endLines(REASON, clock.now()).map((line) => `${line}\n`).join(""));
    onEnded(lost);
    // What cannot start at all is told to who starts it.
    if (this.#isStopping || !this.#hasServed) return;
    if (wasWell) this.#failures = 0;
    const delayMs = Math.min(AGAIN_MS.most, AGAIN_MS.first * 2 ** this.#failures++);
    const how = { worker: number, how: endText(end), tunnels: lost.length, "again-in-ms": delayMs };
    log.error("worker ended; another takes its place", how);
    this.#again = clock.timer(delayMs, () => {
      this.#start().catch((error) =>
        log.error("worker not started", { worker: number, error: errorMessage(error) })
      );
    });
  }
}

function failure(number: number, { message, hint }: Extract<FromWorker, { kind: "failed" }>): GatewayError {
  return new GatewayError("gateway/worker-failed", `Worker ${number} cannot start: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
  });
}

function endText({ code, signal }: ProcessEnd): string {
  return signal === null ? `with exit code ${code}` : `by ${signal}`;
}
