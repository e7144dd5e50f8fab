import type { FromWorker, LostTunnel, ToWorker } from "./messages.ts";

/** A notice that another worker has put up; `value` is `null` when it was taken down. */
export interface Notice {
  /** Of which worker. */
  readonly worker: number;
  /** Names it among those of the worker. */
  readonly key: string;
  /** What it says: a JSON value. */
  readonly value: unknown;
}

/** Hears of notices, in the order in which they were put up. */
export type NoticeListener = (notice: Notice) => void;

/** What one worker and all others tell each other, through the supervisor. */
export class WorkerLink {
  /** Which worker this is, from 1. */
  readonly number: number;
  /** Hears of tunnels of a worker that has ended. */
  onLost: (tunnels: readonly LostTunnel[]) => void = () => {};
  readonly #send: (message: FromWorker) => void;
  readonly #notices = new Map<number, Map<string, unknown>>();
  readonly #listeners = new Set<NoticeListener>();
  readonly #hearers = new Map<string, (value: unknown) => void>();

  /** Nothing is known of others yet. @param send takes a message to the supervisor */
  constructor(number: number, send: (message: FromWorker) => void) {
    this.number = number;
    this.#send = send;
  }

  /** Puts up a notice, or takes it down with `null`. It is void when this worker ends. */
  post(key: string, value: unknown): void {
    this.#send({ kind: "post", key, value });
  }

  /** Says something to all others that are there now. */
  say(topic: string, value: unknown): void {
    this.#send({ kind: "say", topic, value });
  }

  /** Has a listener hear of the notices of others: those that are up, and then each change. Dispose the answer to end it. */
  follow(listener: NoticeListener): Disposable {
    this.#listeners.add(listener);
    for (const [worker, notices] of this.#notices) {
      for (const [key, value] of notices) listener({ worker, key, value });
    }
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Hears what others say to all on a topic, which nobody else here does. Dispose the answer to end it. */
  hear(topic: string, hearer: (value: unknown) => void): Disposable {
    this.#hearers.set(topic, hearer);
    return { [Symbol.dispose]: () => void this.#hearers.delete(topic) };
  }

  /** Takes what the supervisor passes on. */
  receive(message: ToWorker): void {
    if (message.kind === "posted") this.#posted(message);
    if (message.kind === "said") this.#hearers.get(message.topic)?.(message.value);
    if (message.kind !== "gone") return;
    const { worker, tunnels } = message;
    for (const key of [...this.#notices.get(worker)?.keys() ?? []]) {
      this.#posted({ worker, key, value: null });
    }
    this.onLost(tunnels);
  }

  #posted(notice: Notice): void {
    const { worker, key, value } = notice;
    const notices = this.#notices.get(worker) ?? new Map<string, unknown>();
    if (value === null) notices.delete(key);
    else notices.set(key, value);
    this.#notices.set(worker, notices);
    for (const listener of this.#listeners) listener({ worker, key, value });
  }
}
