import postgres, { type Options, type Sql } from "postgres";
import type { Clock } from "../base/clock.ts";
import type { PostgresAddress } from "./_postgres_address.ts";
import { isAnswer, postgresError, type Refusals, TOO_LATE } from "./_postgres_errors.ts";
import { StoreError } from "./store.ts";

/** How to speak with a server. */
export interface ConnectionsOptions {
  /** Where it is. */
  readonly address: PostgresAddress;
  /** Most connections at once. */
  readonly maxConnections: number;
  /** After this long the server gives a statement up, in milliseconds. */
  readonly statementTimeoutMs: number;
  /** Longest time to connect, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Times the calls. */
  readonly clock: Clock;
}

/** What a connection that listens tells. */
export interface ListenEvents {
  /** The server has told of something. */
  readonly onNotify: () => void;
  /** The connection is no more. */
  readonly onClose: () => void;
}

/** How long the answer to a statement that the server has given up may take, in milliseconds. */
const GRACE_MS = 1000;

/** Shortest time from the loss of a connection of the pool to the next attempt, in milliseconds. */
const RECONNECT_AFTER_MS = 100;

/** A bounded pool of connections, made as they are needed and again after they were lost. */
export class PostgresConnections implements AsyncDisposable {
  readonly #options: ConnectionsOptions;
  #sql: Sql;
  #answeredAt = -Infinity;
  #isClosed = false;

  /** Connects at the first call. */
  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#sql = this.#open(options.maxConnections);
  }

  /**
   * Makes one call, and gives it up after the time to connect and the time of a statement together.
   *
   * @throws {StoreError} `store/closed`, and what {@link postgresError} makes of the error
   */
  async run<T>(
    work: (sql: Sql) => PromiseLike<T>,
    { action, refusals = {} }: { action: string; refusals?: Refusals },
  ): Promise<T> {
    this.requireOpen(action);
    const { clock, statementTimeoutMs, connectTimeoutMs } = this.#options;
    const [sql, startedAt] = [this.#sql, clock.monotonic()];
    const late = Promise.withResolvers<never>();
    using _timer = clock.timer(statementTimeoutMs + connectTimeoutMs + GRACE_MS, () => {
      late.reject(Object.assign(new Error("late"), { code: TOO_LATE }));
      this.#renew(sql, startedAt);
    });
    try {
      const result = await Promise.race([work(sql), late.promise]);
      this.#answeredAt = clock.monotonic();
      return result;
    } catch (error) {
      if (isAnswer(error)) this.#answeredAt = clock.monotonic();
      this.requireOpen(action);
      throw postgresError(error, { action, refusals });
    }
  }

  /** Refuses a call after the end. @throws {StoreError} `store/closed` */
  requireOpen(action: string): void {
    if (this.#isClosed) throw new StoreError("store/closed", `Cannot ${action}: the store is closed`);
  }

  /** A connection outside the pool that hears of notifications. The caller ends it. */
  listener({ onNotify, onClose }: ListenEvents): Sql {
    return this.#open(1, { max_lifetime: null, onnotify: onNotify, onclose: onClose });
  }

  /** Ends every connection, and what is still under way on them. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#sql.end({ timeout: 0 });
  }

  /** A server that vanished without closing its connections would be waited for as long as TCP does: a quarter of an hour. */
  #renew(sql: Sql, startedAt: number): void {
    if (this.#isClosed || this.#sql !== sql || this.#answeredAt > startedAt) return;
    this.#sql = this.#open(this.#options.maxConnections);
    void sql.end({ timeout: 0 });
  }

  #open(max: number, more: PostgresOptions = {}): Sql {
    const { address, statementTimeoutMs, connectTimeoutMs } = this.#options;
    const options: PostgresOptions = {
      ...FIXED,
      ...address,
      max,
      connect_timeout: connectTimeoutMs / 1000,
      ...more,
      connection: { ...address.connection, statement_timeout: statementTimeoutMs },
    };
    // The types of the package leave out some of its options.
    return postgres(options as Options<Record<string, never>>);
  }
}

/** `onnotify` is how the package itself listens. */
type PostgresOptions = Omit<Options<Record<string, never>>, "max_lifetime" | "target_session_attrs"> & {
  max_lifetime?: number | null;
  max_pipeline?: number;
  sslnegotiation?: null;
  target_session_attrs?: undefined;
  onnotify?: () => void;
};

/** What is left out here, the package looks up in the environment. Times are in seconds. */
const FIXED: PostgresOptions = {
  // It would wait up to 20 seconds after a long outage, with calls waiting along.
  backoff: () => RECONNECT_AFTER_MS / 1000,
  debug: false,
  fetch_types: false,
  idle_timeout: 0,
  keep_alive: 60,
  max_lifetime: 45 * 60,
  max_pipeline: 100,
  onnotice: () => {},
  prepare: true,
  publications: "alltables",
  sslnegotiation: null,
  target_session_attrs: undefined,
};
