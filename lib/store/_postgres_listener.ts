import type { Sql } from "postgres";
import type { Clock } from "../base/clock.ts";
import type { ListenEvents } from "./_postgres_connections.ts";
import { postgresError } from "./_postgres_errors.ts";
import { CHANNEL } from "./_postgres_schema.ts";

/** Shortest and longest wait before the next attempt to connect, in milliseconds; it doubles in between. */
const RETRY_MS = { first: 100, last: 5000 };

/** How a listener works. */
export interface ListenerOptions {
  /** Makes a connection of its own. */
  readonly connect: (events: ListenEvents) => Sql;
  /** There may be something new: the server said so, the connection is back, or it is time to look. */
  readonly onWake: () => void;
  /** The server cannot be listened to at present. */
  readonly onError: (error: unknown) => void;
  /** Whether anybody still wants to hear; asked before each look. */
  readonly isWanted: () => boolean;
  /** How often to look even if nothing is heard, in milliseconds: a dead connection is not always noticed. */
  readonly pollEveryMs: number;
  /** Times the looks and the attempts. */
  readonly clock: Clock;
}

/** Listens for notifications on a connection of its own, which is made again whenever it is lost. */
export class PostgresListener implements AsyncDisposable {
  readonly #options: ListenerOptions;
  #connection: Sql | null = null;
  #poll: Disposable | null = null;
  #retry: Disposable | null = null;
  #retryMs = RETRY_MS.first;

  /** Does nothing until it is started. */
  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Listens until nobody wants to hear any more. */
  start(): void {
    if (this.#poll !== null) return;
    this.#lookLater();
    void this.#listen();
  }

  /** Ends the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#poll?.[Symbol.dispose]();
    this.#retry?.[Symbol.dispose]();
    this.#poll = this.#retry = null;
    const connection = this.#connection;
    this.#connection = null;
    await connection?.end({ timeout: 0 });
  }

  #lookLater(): void {
    const { clock, pollEveryMs, isWanted, onWake } = this.#options;
    this.#poll = clock.timer(pollEveryMs, () => {
      if (!isWanted()) return void this[Symbol.asyncDispose]();
      this.#lookLater();
      onWake();
    });
  }

  async #listen(): Promise<void> {
    const connection = this.#options.connect({
      onNotify: this.#options.onWake,
      onClose: () => this.#lost(connection),
    });
    this.#connection = connection;
    try {
      await connection.unsafe(`LISTEN ${CHANNEL}`);
      this.#retryMs = RETRY_MS.first;
      this.#options.onWake();
    } catch (error) {
      if (this.#connection === connection) {
        this.#options.onError(postgresError(error, { action: "listen for changes" }));
      }
      this.#lost(connection);
    }
  }

  #lost(connection: Sql): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    void connection.end({ timeout: 0 });
    this.#retry = this.#options.clock.timer(this.#retryMs, () => void this.#listen());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.last);
  }
}
