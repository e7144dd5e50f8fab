import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "./store.ts";

/** Marks a file as ours ("Slyp"), so that the database of another program is never migrated. */
const APPLICATION_ID = 0x536c7970;

/** One entry per version, applied in order; an entry that was released never changes. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    display_name TEXT NOT NULL,
    group_names TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider_id TEXT NOT NULL,
    claims TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX sessions_by_user ON sessions (user_id);
  CREATE INDEX sessions_by_expiry ON sessions (expires_at);
  CREATE TABLE used_values (
    value TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX used_values_by_expiry ON used_values (expires_at);
  `,
  `
  ALTER TABLE sessions ADD COLUMN created_from TEXT;
  ALTER TABLE sessions ADD COLUMN user_agent TEXT;
  `,
  // AUTOINCREMENT: the number of a change that was pruned is never given to another.
  `
  CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX changes_by_time ON changes (at);
  `,
  "ALTER TABLE sessions ADD COLUMN provider_grant TEXT",
  `
  CREATE TABLE service_accounts (
    id TEXT PRIMARY KEY,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    email TEXT,
    secret_hash TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX service_accounts_by_user ON service_accounts (user_id);
  CREATE INDEX service_accounts_by_expiry ON service_accounts (expires_at);
  `,
  `
  ALTER TABLE sessions ADD COLUMN last_used_at INTEGER NOT NULL DEFAULT 0;
  UPDATE sessions SET last_used_at = created_at;
  `,
  `
  CREATE TABLE sign_in_codes (
    code TEXT PRIMARY KEY,
    key_id TEXT NOT NULL,
    address TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    state TEXT NOT NULL
  ) STRICT;
  CREATE INDEX sign_in_codes_by_key ON sign_in_codes (key_id);
  CREATE INDEX sign_in_codes_by_expiry ON sign_in_codes (expires_at);
  CREATE TABLE session_bindings (
    key_id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    created_from TEXT NOT NULL
  ) STRICT;
  CREATE INDEX session_bindings_by_session ON session_bindings (session_id);
  CREATE INDEX session_bindings_by_user ON session_bindings (user_id);
  CREATE TABLE identity_bindings (
    key_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    created_from TEXT NOT NULL
  ) STRICT;
  CREATE INDEX identity_bindings_by_user ON identity_bindings (user_id);
  CREATE TABLE host_keys (
    server TEXT PRIMARY KEY,
    host_key TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
];

/**
 * Brings the database to the newest version, in one transaction. Two processes may do it at the same time: the second
 * waits and finds nothing left to do.
 *
 * @throws {StoreError} `store/incompatible` when it is newer than this program or belongs to another one
 */
export function migrate(db: DatabaseSync): void {
  inTransaction(db, () => {
    const version = requireOurs(db);
    for (const sql of MIGRATIONS.slice(version)) db.exec(sql);
    if (version === MIGRATIONS.length) return;
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${MIGRATIONS.length}`);
  });
}

/** Runs `work` in one IMMEDIATE transaction: all of it is kept, or nothing. */
export function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  // Not exec(), whose errors have no result code.
  db.prepare("BEGIN IMMEDIATE").run();
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    // A full disk makes SQLite roll back by itself; a second ROLLBACK would hide the first error.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** @returns the version of the schema, 0 for an empty database */
function requireOurs(db: DatabaseSync): number {
  const version = pragma(db, "user_version");
  if (pragma(db, "application_id") !== APPLICATION_ID && !isEmpty(db)) {
    throw new StoreError(
      "store/incompatible",
      "Cannot open the store: it is the database of another program",
      {
        hint: "name another file, or move this one away",
      },
    );
  }
  if (version > MIGRATIONS.length) {
    throw new StoreError(
      "store/incompatible",
      `Cannot open the store: it has version ${version}, this program knows up to ${MIGRATIONS.length}`,
      { hint: "run the newer release that wrote it, or restore the copy from before the upgrade" },
    );
  }
  return version;
}

function isEmpty(db: DatabaseSync): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}
