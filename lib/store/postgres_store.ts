import type { Sql } from "postgres";
import { type Clock, systemClock } from "../base/clock.ts";
import { ChangeFeed, CHANGES_KEPT_MS, CHANGES_PER_READ } from "./_change_feed.ts";
import { parsePostgresAddress } from "./_postgres_address.ts";
import { PostgresConnections } from "./_postgres_connections.ts";
import type { Refusals } from "./_postgres_errors.ts";
import { isChange, NO_SUCH_USER, type PostgresCalls, PostgresKeyStore } from "./_postgres_keys.ts";
import { PostgresListener } from "./_postgres_listener.ts";
import { MIGRATE } from "./_postgres_schema.ts";
import {
  changeOf,
  openClaims,
  openSession,
  openSessions,
  type Row,
  sealSession,
  serviceAccountOf,
  userOf,
} from "./_rows.ts";
import type { KeyStore } from "./key_store.ts";
import { type Sealer, unsealed } from "./sealed.ts";
import type {
  ChangeListener,
  NewSession,
  ServiceAccountRecord,
  SessionRecord,
  Store,
  UserRecord,
  WatchOptions,
} from "./store.ts";

/** How to open a store in PostgreSQL. */
export interface PostgresStoreOptions {
  /**
   * `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with `?sslmode=verify-full` to verify the server, and other settings
   * for it. Straight to the server: a pooler that shares connections between transactions does not pass on notifications.
   */
  readonly connectionString: string;
  /** Authorities, as PEM, by which the server is verified; default: those of the system. */
  readonly caPem?: string;
  /** Most connections at once, one more to listen not counted; default 10, at least 1. */
  readonly maxConnections?: number;
  /** After this long a statement is given up, in milliseconds; default 10,000, at least 1. */
  readonly statementTimeoutMs?: number;
  /** Longest time to connect, in milliseconds; default 10,000, at least 1. */
  readonly connectTimeoutMs?: number;
  /** How often a watched store looks for changes of which no notification came, in milliseconds; default 5000, at least 1. */
  readonly pollEveryMs?: number;
  /** Seals the claims of sessions and what identity providers gave; default: kept as they are. */
  readonly sealer?: Sealer;
  /** Dates the changes and times the looks; default: the machine's own. */
  readonly clock?: Clock;
}

const DEFAULTS = {
  maxConnections: 10,
  statementTimeoutMs: 10_000,
  connectTimeoutMs: 10_000,
  pollEveryMs: 5000,
  sealer: unsealed,
  clock: systemClock,
};

const USER_EXISTS: Refusals = { "23505": ["store/user-exists", "there is one of this name already"] };

/**
 * Opens the store kept in the schema `sallyport` of a PostgreSQL database, version 15 or later, and makes what is not
 * there yet. Any number of processes on any number of machines may share it.
 *
 * What a call has resolved with is committed. A call that fails because the connection was lost may have been committed.
 *
 * @returns a store that the caller closes
 * @throws {StoreError} `store/unavailable`, `store/unwritable`, `store/incompatible`
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const settings = { ...DEFAULTS, ...options };
  const address = parsePostgresAddress(settings.connectionString, settings);
  const connections = new PostgresConnections({ ...settings, address });
  try {
    const call = { action: "open the store" };
    await connections.run((sql) => sql.unsafe(MIGRATE), call);
    const known = await connections.run(lastChange, call);
    return new PostgresStore(connections, { ...settings, known });
  } catch (error) {
    await connections[Symbol.asyncDispose]();
    throw error;
  }
}

/** The engine behind {@link openPostgresStore}. */
export class PostgresStore implements Store {
  /** Keys that stand for people. */
  readonly keys: KeyStore;
  readonly #connections: PostgresConnections;
  readonly #sealer: Sealer;
  readonly #clock: Clock;
  readonly #feed: ChangeFeed;
  readonly #listener: PostgresListener;
  /** Changes up to this one were made before now. */
  #known: number;

  /** A store on a migrated database; `known` is the number of its latest change. The store closes `connections`. */
  constructor(
    connections: PostgresConnections,
    options: { sealer: Sealer; clock: Clock; pollEveryMs: number; known: number },
  ) {
    this.#connections = connections;
    this.#sealer = options.sealer;
    this.#clock = options.clock;
    this.#known = options.known;
    this.keys = new PostgresKeyStore({ read: this.#read.bind(this), change: this.#changed.bind(this) });
    const feed = this.#feed = new ChangeFeed({
      head: () => connections.run(lastChange, { action: "read changes" }),
      after: (seq) => connections.run((sql) => changesAfter(sql, seq), { action: "read changes" }),
    });
    this.#listener = new PostgresListener({
      connect: (events) => connections.listener(events),
      onWake: () => feed.wake(),
      onError: (error) => feed.fail(error),
      isWanted: () => feed.isWatched,
      pollEveryMs: options.pollEveryMs,
      clock: options.clock,
    });
  }

  /** Adds a user. @throws {StoreError} `store/user-exists` when the name or id is taken */
  async addUser(user: UserRecord): Promise<void> {
    const { id, name, email, displayName, passwordHash, createdAt } = user;
    const groups = JSON.stringify(user.groups);
    await this.#change(
      "add a user",
      (sql, at) =>
        sql`SELECT sallyport.add_user(${id}, ${name}, ${email}, ${displayName}, ${groups}, ${passwordHash},
          ${createdAt}, ${at}) AS seq`,
      USER_EXISTS,
    );
  }

  /** The user with this id, or `null`. */
  async userById(id: string): Promise<UserRecord | null> {
    const [row] = await this.#read(
      "look up a user",
      (sql) => sql`SELECT * FROM sallyport.users WHERE id = ${id}`,
    );
    return row === undefined ? null : userOf(row);
  }

  /** The user who signs in by this name, or `null`. */
  async userByName(name: string): Promise<UserRecord | null> {
    const [row] = await this.#read(
      "look up a user",
      (sql) => sql`SELECT * FROM sallyport.users WHERE name = ${name}`,
    );
    return row === undefined ? null : userOf(row);
  }

  /** All users, by name. */
  async listUsers(): Promise<UserRecord[]> {
    const rows = await this.#read(
      "list the users",
      (sql) => sql`SELECT * FROM sallyport.users ORDER BY name`,
    );
    return rows.map(userOf);
  }

  /** See {@link Store.saveProviderUser}. @throws {StoreError} `store/user-exists` */
  async saveProviderUser(user: UserRecord): Promise<void> {
    const { id, name, email, displayName, createdAt } = user;
    const groups = JSON.stringify(user.groups);
    await this.#change(
      "save a user",
      (sql, at) =>
        sql`SELECT sallyport.save_provider_user(${id}, ${name}, ${email}, ${displayName}, ${groups}, ${createdAt},
          ${at}) AS seq`,
      USER_EXISTS,
    );
  }

  /** Replaces the password hash and ends every session of the user. @returns whether there was such a user */
  setPassword(userId: string, passwordHash: string): Promise<boolean> {
    return this.#change(
      "set a password",
      (sql, at) => sql`SELECT sallyport.set_password(${userId}, ${passwordHash}, ${at}) AS seq`,
    );
  }

  /** Removes the user and every session of theirs. @returns whether there was such a user */
  removeUser(userId: string): Promise<boolean> {
    return this.#change(
      "remove a user",
      (sql, at) => sql`SELECT sallyport.remove_user(${userId}, ${at}) AS seq`,
    );
  }

  /** Keeps a new session. @throws {StoreError} `store/no-such-user` when the user was removed meanwhile */
  async addSession(session: NewSession): Promise<void> {
    const { claims, grant } = await sealSession(session, this.#sealer);
    const { id, userId, providerId, createdAt, expiresAt, createdFrom = null, userAgent = null } = session;
    await this.#change(
      "keep a session",
      (sql, at) =>
        sql`SELECT sallyport.add_session(${id}, ${userId}, ${providerId}, ${claims}, ${createdAt}, ${expiresAt},
          ${createdFrom}, ${userAgent}, ${grant}, ${at}) AS seq`,
      NO_SUCH_USER,
    );
  }

  /** The session with this id if it has not expired at `now`, or `null`. */
  async liveSession(id: string, now: number): Promise<SessionRecord | null> {
    const [row] = await this.#read(
      "look up a session",
      (sql) => sql`SELECT * FROM sallyport.sessions WHERE id = ${id} AND expires_at > ${now}`,
    );
    return row === undefined ? null : await openSession(row, this.#sealer);
  }

  /** Sessions of the user that have not expired at `now`, newest first. */
  async sessionsOf(userId: string, now: number): Promise<SessionRecord[]> {
    const rows = await this.#read(
      "list sessions",
      (sql) =>
        sql`SELECT * FROM sallyport.sessions WHERE user_id = ${userId} AND expires_at > ${now}
          ORDER BY created_at DESC, ordinal DESC`,
    );
    return openSessions(rows, this.#sealer);
  }

  /** Every session that has not expired at `now`, newest first. */
  async listSessions(now: number): Promise<SessionRecord[]> {
    const rows = await this.#read(
      "list sessions",
      (sql) =>
        sql`SELECT * FROM sallyport.sessions WHERE expires_at > ${now} ORDER BY created_at DESC, ordinal DESC`,
    );
    return openSessions(rows, this.#sealer);
  }

  /** Replaces claims and grant of a session. @returns whether there was one */
  async updateSession(session: Pick<SessionRecord, "id" | "claims" | "providerGrant">): Promise<boolean> {
    const { id } = session;
    const [row] = await this.#read(
      "update a session",
      (sql) => sql`SELECT id, claims FROM sallyport.sessions WHERE id = ${id}`,
    );
    if (row === undefined) return false;
    const isNoted = await openClaims(row, this.#sealer) !== JSON.stringify(session.claims);
    const { claims, grant } = await sealSession(session, this.#sealer);
    return this.#change(
      "update a session",
      (sql, at) => sql`SELECT sallyport.update_session(${id}, ${claims}, ${grant}, ${isNoted}, ${at}) AS seq`,
    );
  }

  /** See {@link Store.touchSession}. */
  async touchSession(id: string, now: number): Promise<void> {
    await this.#read(
      "note the use of a session",
      (sql) =>
        sql`UPDATE sallyport.sessions SET last_used_at = ${now} WHERE id = ${id} AND last_used_at < ${now}`,
    );
  }

  /** Ends one session. @returns whether there was one */
  removeSession(id: string): Promise<boolean> {
    return this.#change(
      "end a session",
      (sql, at) => sql`SELECT sallyport.remove_session(${id}, ${at}) AS seq`,
    );
  }

  /** Keeps a new service account. @throws {StoreError} `store/no-such-user` when the user was removed meanwhile */
  async addServiceAccount(account: ServiceAccountRecord): Promise<void> {
    const { id, userId, email, secretHash, description, createdAt, expiresAt } = account;
    await this.#change(
      "keep a service account",
      (sql, at) =>
        sql`SELECT sallyport.add_service_account(${id}, ${userId}, ${email}, ${secretHash}, ${description},
          ${createdAt}, ${expiresAt}, ${at}) AS seq`,
      NO_SUCH_USER,
    );
  }

  /** The service account with this id if it has not expired at `now`, or `null`. */
  async liveServiceAccount(id: string, now: number): Promise<ServiceAccountRecord | null> {
    const [row] = await this.#read(
      "look up a service account",
      (sql) => sql`SELECT * FROM sallyport.service_accounts WHERE id = ${id} AND expires_at > ${now}`,
    );
    return row === undefined ? null : serviceAccountOf(row);
  }

  /** Every service account that has not expired at `now`, newest first. */
  async listServiceAccounts(now: number): Promise<ServiceAccountRecord[]> {
    const rows = await this.#read(
      "list service accounts",
      (sql) =>
        sql`SELECT * FROM sallyport.service_accounts WHERE expires_at > ${now}
          ORDER BY created_at DESC, ordinal DESC`,
    );
    return rows.map(serviceAccountOf);
  }

  /** Ends one service account. @returns whether there was one */
  removeServiceAccount(id: string): Promise<boolean> {
    return this.#change(
      "end a service account",
      (sql, at) => sql`SELECT sallyport.remove_service_account(${id}, ${at}) AS seq`,
    );
  }

  /** Uses up a one-time value until `expiresAt`; it stays used until a sweep. @returns true the first time only */
  async useOnce(value: string, expiresAt: number): Promise<boolean> {
    const rows = await this.#read(
      "use up a value",
      (sql) =>
        sql`INSERT INTO sallyport.used_values (value, expires_at) VALUES (${value}, ${expiresAt})
          ON CONFLICT DO NOTHING RETURNING 1`,
    );
    return rows.length > 0;
  }

  /** Forgets everything that had expired at `now`. @returns how many sessions were forgotten */
  async sweep(now: number): Promise<number> {
    const [row] = await this.#read(
      "sweep",
      (sql) => sql`SELECT sallyport.sweep(${now}, ${now - CHANGES_KEPT_MS}) AS forgotten`,
    );
    return Number(row?.forgotten);
  }

  /** See {@link Store.watch}. Others are heard of by notification, and within the polling interval at the latest. */
  watch(onChange: ChangeListener, options: WatchOptions = {}): Disposable {
    this.#connections.requireOpen("watch for changes");
    const watch = this.#feed.watch(onChange, { ...options, after: this.#known });
    this.#listener.start();
    return watch;
  }

  /** Closes every connection. Later calls fail with `store/closed`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#feed.close();
    await this.#listener[Symbol.asyncDispose]();
    await this.#connections[Symbol.asyncDispose]();
  }

  #read(action: string, query: (sql: Sql) => PromiseLike<readonly Row[]>): Promise<readonly Row[]> {
    return this.#connections.run(query, { action });
  }

  /** @returns whether it found what to change */
  async #change(...call: Parameters<PostgresCalls["change"]>): Promise<boolean> {
    return isChange(await this.#changed(...call));
  }

  async #changed(
    action: string,
    query: (sql: Sql, at: number) => PromiseLike<readonly Row[]>,
    refusals: Refusals = {},
  ): Promise<Row | undefined> {
    const at = this.#clock.now();
    const [row] = await this.#connections.run((sql) => query(sql, at), { action, refusals });
    if (!isChange(row)) return row;
    this.#known = Math.max(this.#known, Number(row?.seq));
    this.#feed.wake();
    return row;
  }
}

async function lastChange(sql: Sql): Promise<number> {
  const [row] = await sql`SELECT last FROM sallyport.change_counter`;
  return Number(row?.last);
}

async function changesAfter(sql: Sql, seq: number) {
  const rows = await sql<Row[]>`SELECT seq, kind, subject FROM sallyport.changes WHERE seq > ${seq}
    ORDER BY seq LIMIT ${CHANGES_PER_READ}`;
  return rows.map(changeOf);
}
