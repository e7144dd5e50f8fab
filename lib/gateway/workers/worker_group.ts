import type { Clock } from "../../base/clock.ts";
import { errorMessage } from "../../base/errors.ts";
import { askSocket, type SocketAnswer, type SocketRequest } from "../../http/control/ask_socket.ts";
import type { Log } from "../../observe/log.ts";
import { GatewayError } from "../gateway_error.ts";
import type { FromWorker, LostTunnel, SharedConfig, ToWorker, WorkerStart } from "./messages.ts";
import type { StartWorker } from "./worker_process.ts";
import { controlSocketOf } from "./worker_place.ts";
import type { PrepareAnswer } from "./worker_routes.ts";
import { WorkerSlot } from "./worker_slot.ts";

/** What a group of workers is made with. */
export interface WorkerGroupOptions {
  /** How many. */
  readonly count: number;
  /** Starts a process. */
  readonly startWorker: StartWorker;
  /** What all serve at first. */
  readonly shared: SharedConfig;
  /** Where state is kept. */
  readonly stateDirectory: string;
  /** What they call themselves toward other proxies. */
  readonly instance: string;
  /** Where their sockets are. */
  readonly socketFolder: string;
  /** Takes lines of the log and the trail, of all processes, each with its end. */
  readonly sink: (lines: string) => void;
  /** For waiting. */
  readonly clock: Clock;
  /** Hears of processes that come and go. */
  readonly log: Log;
}

/** A worker that does not answer for so long does not work. */
const ASK_MS = 30_000;

/** All workers of a gateway, which serve the same configuration and know of each other. Dispose it to end them. */
export class WorkerGroup implements AsyncDisposable {
  readonly #options: WorkerGroupOptions;
  readonly #slots: readonly WorkerSlot[];
  /** Of each worker, by key. */
  readonly #notices = new Map<number, Map<string, unknown>>();
  #shared: SharedConfig;
  /** Nothing is started while this is under way. */
  #changing: Promise<void> = Promise.resolve();

  /** Starts nothing yet. */
  constructor(options: WorkerGroupOptions) {
    this.#options = options;
    this.#shared = options.shared;
    const numbers = Array.from({ length: options.count }, (_, index) => index + 1);
    this.#slots = numbers.map((number) => this.#slot(number));
  }

  /** What all serve. */
  get shared(): SharedConfig {
    return this.#shared;
  }

  /** Those that serve now. */
  get ready(): readonly number[] {
    return this.#slots.filter(({ ready }) => ready !== null).map(({ number }) => number);
  }

  /** Where people reach them. */
  get url(): string {
    return this.#slots.find(({ ready }) => ready !== null)?.ready?.url ?? "";
  }

  /** Starts all. @throws {GatewayError} `gateway/worker-failed` when one cannot start; the caller disposes of the rest */
  async start(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.start()));
  }

  /** Asks one of them on its control socket. Rejects when it does not answer. */
  ask(number: number, request: SocketRequest): Promise<SocketAnswer> {
    const path = controlSocketOf(this.#options.socketFolder, number);
    return askSocket(path, { signal: AbortSignal.timeout(ASK_MS), ...request });
  }

  /**
   * Has all serve another configuration, or none: it is served when each of them has said that it can.
   *
   * @param options `cause`: as in the trail @throws {GatewayError} `gateway/worker-failed`: nothing has changed
   */
  async change(next: SharedConfig, { cause }: { cause: string }): Promise<void> {
    const change = Promise.withResolvers<void>();
    this.#changing = change.promise;
    try {
      await Promise.all(this.#slots.map((slot) => slot.settled()));
      const numbers = this.ready;
      const body = JSON.stringify(next);
      const answers = await Promise.all(numbers.map((number) => this.#prepare(number, body)));
      const refusal = answers.find((answer) => !answer.ok);
      if (refusal !== undefined && !refusal.ok) {
        await Promise.allSettled(numbers.map((number) => this.#post(number, "abort")));
        const hint = refusal.hint === undefined ? {} : { hint: refusal.hint };
        throw new GatewayError("gateway/worker-failed", refusal.error, hint);
      }
      this.#shared = next;
      const query = `commit?cause=${encodeURIComponent(cause)}`;
      await Promise.all(numbers.map(async (number) => {
        const isDone = await this.#post(number, query).then(({ status }) => status === 200, () => false);
        // Another process in its place begins with what all serve.
        if (!isDone) this.#slots[number - 1]!.replace();
      }));
    } finally {
      change.resolve();
    }
  }

  /** Has all finish, and waits for their end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.stop()));
  }

  async #prepare(number: number, body: string): Promise<PrepareAnswer> {
    try {
      const { status, text } = await this.#post(number, "prepare", body);
      if (status === 200) return JSON.parse(text) as PrepareAnswer;
      return { ok: false, error: `Worker ${number} answered ${status}` };
    } catch (error) {
      return { ok: false, error: `Worker ${number} does not answer: ${errorMessage(error)}` };
    }
  }

  #post(number: number, path: string, body = ""): Promise<SocketAnswer> {
    return this.ask(number, { method: "POST", path: `/worker/${path}`, body });
  }

  #slot(number: number): WorkerSlot {
    const { startWorker, stateDirectory, instance, socketFolder, sink, clock, log } = this.#options;
    const startWith = async (): Promise<WorkerStart> => {
      await this.#changing;
      return { number, shared: this.#shared, stateDirectory, instance, socketFolder };
    };
    return new WorkerSlot({
      number,
      startWorker,
      startWith,
      notices: () => this.#noticesFor(number),
      onMessage: (message) => this.#onMessage(number, message),
      onEnded: (tunnels) => this.#onEnded(number, tunnels),
      sink,
      clock,
      log,
    });
  }

  #noticesFor(number: number): readonly ToWorker[] {
    return [...this.#notices].filter(([worker]) => worker !== number).flatMap(([worker, notices]) =>
      [...notices].map(([key, value]) => ({ kind: "posted", worker, key, value }) as const)
    );
  }

  #onMessage(number: number, message: Extract<FromWorker, { kind: "post" | "say" }>): void {
    if (message.kind === "say") {
      const { topic, value } = message;
      return this.#tellOthers(number, { kind: "said", worker: number, topic, value });
    }
    const { key, value } = message;
    const notices = this.#notices.get(number) ?? new Map<string, unknown>();
    if (value === null) notices.delete(key);
    else notices.set(key, value);
    this.#notices.set(number, notices);
    this.#tellOthers(number, { kind: "posted", worker: number, key, value });
  }

  #onEnded(number: number, tunnels: readonly LostTunnel[]): void {
    this.#notices.delete(number);
    this.#tellOthers(number, { kind: "gone", worker: number, tunnels });
  }

  #tellOthers(number: number, message: ToWorker): void {
    for (const slot of this.#slots) {
      if (slot.number !== number) slot.send(message);
    }
  }
}
