import { resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import { ChangeFeed, CHANGES_KEPT_MS, CHANGES_PER_READ } from "./_change_feed.ts";
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
import { NO_SUCH_USER, type Note, type Refusals } from "./_sqlite_calls.ts";
import { SqliteKeyStore } from "./_sqlite_keys.ts";
import { inTransaction, migrate } from "./_schema.ts";
import { makePrivate, openDatabase, openError, resultCode } from "./_sqlite_file.ts";
import { prepareStatements, type Statements } from "./_statements.ts";
import type { KeyStore } from "./key_store.ts";
import { type Sealer, unsealed } from "./sealed.ts";
import {
  type ChangeListener,
  type NewSession,
  type ServiceAccountRecord,
  type SessionRecord,
  type Store,
  StoreError,
  type UserRecord,
  type WatchOptions,
} from "./store.ts";

const DEFAULT_POLL_EVERY_MS = 100;

// Result codes of SQLite, extended ones where it has them (https://www.sqlite.org/rescode.html).
const SQLITE_CONSTRAINT_PRIMARYKEY = 1555;
const SQLITE_CONSTRAINT_UNIQUE = 2067;

/** How the store behaves. */
export interface SqliteStoreOptions {
  /** The file, in a directory that exists and is on a local disk; `:memory:` keeps everything in this process. */
  readonly path: string;
  /** How often a watched store looks for what other processes have written, in milliseconds; default 100, at least 1. */
  readonly pollEveryMs?: number;
  /** Seals the claims of sessions and what identity providers gave; default: kept as they are. */
  readonly sealer?: Sealer;
  /** Dates the changes and times the looks; default: the machine's own. */
  readonly clock?: Clock;
}

const EXISTS = ["store/user-exists", "there is one of this name already"] as const;
const USER_EXISTS: Refusals = { [SQLITE_CONSTRAINT_PRIMARYKEY]: EXISTS, [SQLITE_CONSTRAINT_UNIQUE]: EXISTS };

/**
 * Opens the store kept in one SQLite file, and creates the file (mode 0600) when it is not there. Several processes may
 * open the same file.
 *
 * The journal is a write-ahead log with `synchronous = NORMAL`: what a call has resolved with survives a crash or kill
 * of the process; a crash of the whole machine may lose the last calls, and leaves the file consistent.
 *
 * @returns a store that the caller closes
 * @throws {StoreError} `store/unwritable`, `store/incompatible` (newer, or not a store), `store/unavailable`
 */
// deno-lint-ignore require-await
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  // An absolute path is never taken for one of SQLite's `file:` URIs.
  const path = options.path === ":memory:" ? options.path : resolve(options.path);
  const db = openDatabase(path);
  try {
    migrate(db);
    if (path !== ":memory:") makePrivate(path);
    db.prepare("PRAGMA journal_mode = WAL").get();
    db.exec("PRAGMA synchronous = NORMAL");
    return new SqliteStore(db, options);
  } catch (error) {
    db.close();
    throw error instanceof StoreError ? error : openError(path, error);
  }
}

/** The engine behind {@link openSqliteStore}. */
export class SqliteStore implements Store {
  /** Keys that stand for people. */
  readonly keys: KeyStore;
  readonly #db: DatabaseSync;
  readonly #statements: Statements;
  readonly #clock: Clock;
  readonly #pollEveryMs: number;
  readonly #sealer: Sealer;
  readonly #feed: ChangeFeed;
  #poll: Disposable | null = null;
  /** Changes when another connection has written (https://www.sqlite.org/pragma.html#pragma_data_version). */
  #dataVersion = -1;

  /** A store on `db`, which is open and migrated, and closed by the store from here on. */
  constructor(db: DatabaseSync, options: Omit<SqliteStoreOptions, "path"> = {}) {
    this.#db = db;
    this.#statements = prepareStatements(db);
    this.#clock = options.clock ?? systemClock;
    this.#pollEveryMs = options.pollEveryMs ?? DEFAULT_POLL_EVERY_MS;
    this.#sealer = options.sealer ?? unsealed;
    this.keys = new SqliteKeyStore({ call: this.#call.bind(this), change: this.#change.bind(this) });
    this.#feed = new ChangeFeed({
      head: () => this.#lastChange(),
      after: (seq) => this.#statements.changesAfter.all(seq, CHANGES_PER_READ).map(changeOf),
    });
  }

  /** Adds a user. @throws {StoreError} `store/user-exists` when the name or id is taken */
  addUser(user: UserRecord): Promise<void> {
    return this.#change("add a user", (sql, note) => {
      const groups = JSON.stringify(user.groups);
      const { id, name, email, displayName, passwordHash, createdAt } = user;
      sql.addUser.run(id, name, email, displayName, groups, passwordHash, createdAt);
      note("user", id);
    }, USER_EXISTS);
  }

  /** The user with this id, or `null`. */
  userById(id: string): Promise<UserRecord | null> {
    return this.#call("look up a user", (sql) => optional(sql.userById.get(id), userOf));
  }

  /** The user who signs in by this name, or `null`. */
  userByName(name: string): Promise<UserRecord | null> {
    return this.#call("look up a user", (sql) => optional(sql.userByName.get(name), userOf));
  }

  /** All users, by name. */
  listUsers(): Promise<UserRecord[]> {
    return this.#call("list the users", (sql) => sql.listUsers.all().map(userOf));
  }

  /** See {@link Store.saveProviderUser}. @throws {StoreError} `store/user-exists` */
  saveProviderUser(user: UserRecord): Promise<void> {
    return this.#change("save a user", (sql, note) => {
      const { id, name, email, displayName, createdAt } = user;
      const known = optional(sql.userById.get(id), userOf);
      if (known !== null && known.passwordHash !== "") {
        throw new StoreError("store/user-exists", `Cannot save a user: ${EXISTS[1]}`);
      }
      const groups = JSON.stringify(user.groups);
      if (
        known?.email === email && known.displayName === displayName && JSON.stringify(known.groups) === groups
      ) return;
      sql.saveProviderUser.run(id, name, email, displayName, groups, createdAt);
      note("user", id);
      for (const session of sql.sessionIdsOf.all(id)) note("session", String(session.id));
    }, USER_EXISTS);
  }

  /** Replaces the password hash and ends every session of the user. @returns whether there was such a user */
  setPassword(userId: string, passwordHash: string): Promise<boolean> {
    return this.#change("set a password", (sql, note) => {
      if (Number(sql.setPassword.run(passwordHash, userId).changes) === 0) return false;
      note("user", userId);
      for (const { id } of sql.removeSessionsOf.all(userId)) note("session", String(id));
      return true;
    });
  }

  /** Removes the user and every session of theirs. @returns whether there was such a user */
  removeUser(userId: string): Promise<boolean> {
    return this.#change("remove a user", (sql, note) => {
      const ended = sql.removeSessionsOf.all(userId);
      for (const { id } of sql.removeServiceAccountsOf.all(userId)) note("service-account", String(id));
      if (Number(sql.removeUser.run(userId).changes) === 0) return false;
      note("user", userId);
      for (const { id } of ended) note("session", String(id));
      return true;
    });
  }

  /** Keeps a new session. @throws {StoreError} `store/no-such-user` when the user was removed meanwhile */
  async addSession(session: NewSession): Promise<void> {
    const { claims, grant } = await sealSession(session, this.#sealer);
    await this.#change("keep a session", (sql, note) => {
      const { id, userId, providerId, createdAt, expiresAt, createdFrom = null, userAgent = null } = session;
      const times = [createdAt, expiresAt, createdAt];
      sql.addSession.run(id, userId, providerId, claims, ...times, createdFrom, userAgent, grant);
      note("session", id);
    }, NO_SUCH_USER);
  }

  /** The session with this id if it has not expired at `now`, or `null`. */
  async liveSession(id: string, now: number): Promise<SessionRecord | null> {
    const row = await this.#call("look up a session", (sql) => sql.liveSession.get(id, now));
    return row === undefined ? null : await openSession(row, this.#sealer);
  }

  /** Sessions of the user that have not expired at `now`, newest first. */
  async sessionsOf(userId: string, now: number): Promise<SessionRecord[]> {
    return openSessions(
      await this.#call("list sessions", (sql) => sql.sessionsOf.all(userId, now)),
      this.#sealer,
    );
  }

  /** Every session that has not expired at `now`, newest first. */
  async listSessions(now: number): Promise<SessionRecord[]> {
    return openSessions(
      await this.#call("list sessions", (sql) => sql.listSessions.all(now)),
      this.#sealer,
    );
  }

  /** Replaces claims and grant of a session. @returns whether there was one */
  async updateSession(session: Pick<SessionRecord, "id" | "claims" | "providerGrant">): Promise<boolean> {
    const row = await this.#call("update a session", (sql) => sql.sessionClaims.get(session.id));
    if (row === undefined) return false;
    const before = await openClaims(row, this.#sealer);
    const { claims, grant } = await sealSession(session, this.#sealer);
    return this.#change("update a session", (sql, note) => {
      if (Number(sql.updateSession.run(claims, grant, session.id).changes) === 0) return false;
      if (before !== JSON.stringify(session.claims)) note("session", session.id);
      return true;
    });
  }

  /** See {@link Store.touchSession}. */
  async touchSession(id: string, now: number): Promise<void> {
    await this.#call("note the use of a session", (sql) => sql.touchSession.run(now, id, now));
  }

  /** Ends one session. @returns whether there was one */
  removeSession(id: string): Promise<boolean> {
    return this.#change("end a session", (sql, note) => {
      if (Number(sql.removeSession.run(id).changes) === 0) return false;
      note("session", id);
      return true;
    });
  }

  /** Keeps a new service account. @throws {StoreError} `store/no-such-user` when the user was removed meanwhile */
  addServiceAccount(account: ServiceAccountRecord): Promise<void> {
    return this.#change("keep a service account", (sql, note) => {
      const { id, userId, email, secretHash, description, createdAt, expiresAt } = account;
      sql.addServiceAccount.run(id, userId, email, secretHash, description, createdAt, expiresAt);
      note("service-account", id);
    }, NO_SUCH_USER);
  }

  /** The service account with this id if it has not expired at `now`, or `null`. */
  liveServiceAccount(id: string, now: number): Promise<ServiceAccountRecord | null> {
    return this.#call(
      "look up a service account",
      (sql) => optional(sql.liveServiceAccount.get(id, now), serviceAccountOf),
    );
  }

  /** Every service account that has not expired at `now`, newest first. */
  listServiceAccounts(now: number): Promise<ServiceAccountRecord[]> {
    return this.#call(
      "list service accounts",
      (sql) => sql.listServiceAccounts.all(now).map(serviceAccountOf),
    );
  }

  /** Ends one service account. @returns whether there was one */
  removeServiceAccount(id: string): Promise<boolean> {
    return this.#change("end a service account", (sql, note) => {
      if (Number(sql.removeServiceAccount.run(id).changes) === 0) return false;
      note("service-account", id);
      return true;
    });
  }

  /** Uses up a one-time value until `expiresAt`; it stays used until a sweep. @returns true the first time only */
  useOnce(value: string, expiresAt: number): Promise<boolean> {
    return this.#call("use up a value", (sql) => sql.useOnce.run(value, expiresAt).changes > 0);
  }

  /** Forgets everything that had expired at `now`. @returns how many sessions were forgotten */
  sweep(now: number): Promise<number> {
    return this.#call("sweep", (sql) =>
      inTransaction(this.#db, () => {
        sql.sweepUsedValues.run(now);
        sql.sweepCodes.run(now);
        sql.sweepBindings.run(now);
        sql.sweepServiceAccounts.run(now);
        sql.sweepChanges.run(now - CHANGES_KEPT_MS);
        return Number(sql.sweepSessions.run(now).changes);
      }));
  }

  /** See {@link Store.watch}. Other processes are heard of within the polling interval, this one at once. */
  watch(onChange: ChangeListener, options: WatchOptions = {}): Disposable {
    return this.#run("watch for changes", () => {
      const watch = this.#feed.watch(onChange, { ...options, after: this.#lastChange() });
      this.#poll ??= this.#clock.timer(this.#pollEveryMs, () => this.#lookForChanges());
      return watch;
    });
  }

  /** Closes the file. Later calls fail with `store/closed`. */
  // deno-lint-ignore require-await
  async [Symbol.asyncDispose](): Promise<void> {
    this.#poll?.[Symbol.dispose]();
    this.#feed.close();
    if (this.#db.isOpen) this.#db.close();
  }

  #lookForChanges(): void {
    this.#poll = null;
    if (!this.#feed.isWatched || !this.#db.isOpen) return;
    this.#poll = this.#clock.timer(this.#pollEveryMs, () => this.#lookForChanges());
    try {
      const version = Number(this.#statements.dataVersion.get()?.data_version);
      if (version !== this.#dataVersion || this.#feed.isDue) this.#feed.wake();
      this.#dataVersion = version;
    } catch (error) {
      this.#feed.fail(error);
    }
  }

  #lastChange(): number {
    return Number(this.#statements.lastChange.get()?.seq ?? 0);
  }

  /** One transaction that tells of what it changed. */
  async #change<T>(
    action: string,
    work: (sql: Statements, note: Note) => T,
    refusals: Refusals = {},
  ): Promise<T> {
    const result = await this.#call(action, (sql) => {
      const at = this.#clock.now();
      return inTransaction(this.#db, () => work(sql, (kind, id) => void sql.addChange.run(kind, id, at)));
    }, refusals);
    this.#feed.wake();
    return result;
  }

  // deno-lint-ignore require-await
  async #call<T>(action: string, work: (sql: Statements) => T, refusals: Refusals = {}): Promise<T> {
    return this.#run(action, work, refusals);
  }

  #run<T>(action: string, work: (sql: Statements) => T, refusals: Refusals = {}): T {
    if (!this.#db.isOpen) throw new StoreError("store/closed", `Cannot ${action}: the store is closed`);
    try {
      return work(this.#statements);
    } catch (cause) {
      if (cause instanceof StoreError) throw cause;
      const [code, what] = refusals[resultCode(cause)] ?? ["store/unavailable", errorMessage(cause)];
      throw new StoreError(code, `Cannot ${action}: ${what}`, { cause });
    }
  }
}

function optional<T>(row: Row | undefined, read: (row: Row) => T): T | null {
  return row === undefined ? null : read(row);
}
