import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Every statement of the store, compiled once. */
export type Statements = Readonly<Record<keyof typeof SQL, StatementSync>>;

const SQL = {
  addUser:
    "INSERT INTO users (id, name, email, display_name, group_names, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
  userById: "SELECT * FROM users WHERE id = ?",
  userByName: "SELECT * FROM users WHERE name = ?",
  listUsers: "SELECT * FROM users ORDER BY name",
  saveProviderUser:
    "INSERT INTO users (id, name, email, display_name, group_names, password_hash, created_at) VALUES (?, ?, ?, ?, ?, '', ?) ON CONFLICT (id) DO UPDATE SET email = excluded.email, display_name = excluded.display_name, group_names = excluded.group_names",
  setPassword: "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash <> ''",
  removeUser: "DELETE FROM users WHERE id = ?",
  addSession:
    "INSERT INTO sessions (id, user_id, provider_id, claims, created_at, expires_at, last_used_at, created_from, user_agent, provider_grant) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  sessionIdsOf: "SELECT id FROM sessions WHERE user_id = ? ORDER BY rowid",
  sessionClaims: "SELECT id, claims FROM sessions WHERE id = ?",
  updateSession: "UPDATE sessions SET claims = ?, provider_grant = ? WHERE id = ?",
  touchSession: "UPDATE sessions SET last_used_at = ? WHERE id = ? AND last_used_at < ?",
  liveSession: "SELECT * FROM sessions WHERE id = ? AND expires_at > ?",
  sessionsOf:
    "SELECT * FROM sessions WHERE user_id = ? AND expires_at > ? ORDER BY created_at DESC, rowid DESC",
  listSessions: "SELECT * FROM sessions WHERE expires_at > ? ORDER BY created_at DESC, rowid DESC",
  removeSession: "DELETE FROM sessions WHERE id = ?",
  removeSessionsOf: "DELETE FROM sessions WHERE user_id = ? RETURNING id",
  addServiceAccount:
    "INSERT INTO service_accounts (id, user_id, email, secret_hash, description, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
  liveServiceAccount: "SELECT * FROM service_accounts WHERE id = ? AND expires_at > ?",
  listServiceAccounts:
    "SELECT * FROM service_accounts WHERE expires_at > ? ORDER BY created_at DESC, rowid DESC",
  removeServiceAccount: "DELETE FROM service_accounts WHERE id = ?",
  removeServiceAccountsOf: "DELETE FROM service_accounts WHERE user_id = ? RETURNING id",
  sweepServiceAccounts: "DELETE FROM service_accounts WHERE expires_at <= ?",
  pendingCodeOfKey: "SELECT * FROM sign_in_codes WHERE key_id = ? AND state = 'pending' AND expires_at > ?",
  countCodes:
    "SELECT count(*) AS in_all, count(*) FILTER (WHERE address = ?) AS of_address FROM sign_in_codes WHERE state = 'pending' AND expires_at > ?",
  addCode:
    "INSERT INTO sign_in_codes (code, key_id, address, issued_at, expires_at, state) VALUES (?, ?, ?, ?, ?, 'pending')",
  liveCode: "SELECT * FROM sign_in_codes WHERE code = ? AND expires_at > ?",
  decideCode: "UPDATE sign_in_codes SET state = ? WHERE code = ?",
  strangerOfKey:
    "SELECT 1 FROM session_bindings WHERE key_id = ? AND user_id <> ? AND expires_at > ? UNION ALL SELECT 1 FROM identity_bindings WHERE key_id = ? AND user_id <> ?",
  bindSession:
    "INSERT OR REPLACE INTO session_bindings (key_id, session_id, user_id, created_at, expires_at, created_from) VALUES (?, ?, ?, ?, ?, ?)",
  bindIdentity:
    "INSERT INTO identity_bindings (key_id, user_id, created_at, created_from) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
  sessionBinding: "SELECT * FROM session_bindings WHERE key_id = ? AND expires_at > ?",
  identityBinding: "SELECT * FROM identity_bindings WHERE key_id = ?",
  sessionBindingsOf:
    "SELECT * FROM session_bindings WHERE user_id = ? AND expires_at > ? ORDER BY created_at DESC, key_id",
  identityBindingsOf: "SELECT * FROM identity_bindings WHERE user_id = ? ORDER BY created_at DESC, key_id",
  removeSessionBinding: "DELETE FROM session_bindings WHERE key_id = ? AND user_id = ?",
  removeIdentityBinding: "DELETE FROM identity_bindings WHERE key_id = ? AND user_id = ?",
  sweepCodes: "DELETE FROM sign_in_codes WHERE expires_at <= ?",
  sweepBindings: "DELETE FROM session_bindings WHERE expires_at <= ?",
  addHostKey: "INSERT INTO host_keys (server, host_key) VALUES (?, ?) ON CONFLICT DO NOTHING",
  hostKey: "SELECT host_key FROM host_keys WHERE server = ?",
  useOnce: "INSERT INTO used_values (value, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
  sweepSessions: "DELETE FROM sessions WHERE expires_at <= ?",
  sweepUsedValues: "DELETE FROM used_values WHERE expires_at <= ?",
  addChange: "INSERT INTO changes (kind, subject, at) VALUES (?, ?, ?)",
  sweepChanges: "DELETE FROM changes WHERE at <= ?",
  changesAfter: "SELECT seq, kind, subject FROM changes WHERE seq > ? ORDER BY seq LIMIT ?",
  lastChange: "SELECT seq FROM sqlite_sequence WHERE name = 'changes'",
  dataVersion: "PRAGMA data_version",
} as const;

/** Compiles the statements against a migrated database. */
export function prepareStatements(db: DatabaseSync): Statements {
  const prepared = Object.entries(SQL).map(([name, sql]) => [name, db.prepare(sql)]);
  return Object.fromEntries(prepared) as Statements;
}
