import type { Sql } from "postgres";
import { identityBindingOf, sessionBindingOf, signInCodeOf } from "./_key_rows.ts";
import type { Refusals } from "./_postgres_errors.ts";
import type { Row } from "./_rows.ts";
import type {
  IdentityBindingRecord,
  KeyStore,
  SessionBindingRecord,
  SignInCodeRecord,
  SignInDecision,
  SignInOutcome,
} from "./key_store.ts";

/** What a reference to a row that is no more means. */
export const NO_SUCH_USER: Refusals = { "23503": ["store/no-such-user", "its user was removed"] };

/** How the parts of a store in PostgreSQL reach its database. */
export interface PostgresCalls {
  /** One statement. */
  read(action: string, query: (sql: Sql) => PromiseLike<readonly Row[]>): Promise<readonly Row[]>;
  /** One statement that answers with one row, in which `seq` is the number of the change; `null`: nothing changed. */
  change(
    action: string,
    query: (sql: Sql, at: number) => PromiseLike<readonly Row[]>,
    refusals?: Refusals,
  ): Promise<Row | undefined>;
}

/** Keys that stand for people, in PostgreSQL. */
export class PostgresKeyStore implements KeyStore {
  readonly #db: PostgresCalls;

  /** Those of the store whose calls are given. */
  constructor(db: PostgresCalls) {
    this.#db = db;
  }

  /** See {@link KeyStore.openSignInCode}. */
  async openSignInCode(
    wanted: Omit<SignInCodeRecord, "state">,
    limits: { ofAddress: number; inAll: number },
  ): Promise<SignInCodeRecord | null> {
    const { code, keyId, address, issuedAt, expiresAt } = wanted;
    const [row] = await this.#db.read(
      "keep a sign-in code",
      (sql) =>
        sql`SELECT * FROM sallyport.open_sign_in_code(${code}, ${keyId}, ${address}, ${issuedAt}, ${expiresAt},
          ${limits.ofAddress}, ${limits.inAll})`,
    );
    return row === undefined ? null : signInCodeOf(row);
  }

  /** The code, decided or not, if it has not expired at `now`; or `null`. */
  async signInCode(code: string, now: number): Promise<SignInCodeRecord | null> {
    const [row] = await this.#db.read(
      "look up a sign-in code",
      (sql) => sql`SELECT * FROM sallyport.sign_in_codes WHERE code = ${code} AND expires_at > ${now}`,
    );
    return row === undefined ? null : signInCodeOf(row);
  }

  /** See {@link KeyStore.decideSignInCode}. @throws {StoreError} `store/no-such-user` */
  async decideSignInCode({ code, now, approval }: SignInDecision): Promise<SignInOutcome> {
    const { sessionId = null, userId = null, expiresAt = null, remember = false } = approval ?? {};
    const row = await this.#db.change(
      "decide on a sign-in",
      (sql, at) =>
        sql`SELECT * FROM sallyport.decide_sign_in_code(${code}, ${now}, ${sessionId}, ${userId}, ${expiresAt},
          ${remember}, ${at})`,
      NO_SUCH_USER,
    );
    return String(row?.outcome) as SignInOutcome;
  }

  /** The session binding of a key, if it has not expired at `now`, or `null`. */
  async sessionBinding(keyId: string, now: number): Promise<SessionBindingRecord | null> {
    const [row] = await this.#db.read(
      "look up a key",
      (sql) => sql`SELECT * FROM sallyport.session_bindings WHERE key_id = ${keyId} AND expires_at > ${now}`,
    );
    return row === undefined ? null : sessionBindingOf(row);
  }

  /** The identity binding of a key, or `null`. */
  async identityBinding(keyId: string): Promise<IdentityBindingRecord | null> {
    const [row] = await this.#db.read(
      "look up a key",
      (sql) => sql`SELECT * FROM sallyport.identity_bindings WHERE key_id = ${keyId}`,
    );
    return row === undefined ? null : identityBindingOf(row);
  }

  /** The session bindings of a user that have not expired at `now`, newest first. */
  async sessionBindingsOf(userId: string, now: number): Promise<SessionBindingRecord[]> {
    const rows = await this.#db.read(
      "list keys",
      (sql) =>
        sql`SELECT * FROM sallyport.session_bindings WHERE user_id = ${userId} AND expires_at > ${now}
          ORDER BY created_at DESC, key_id`,
    );
    return rows.map(sessionBindingOf);
  }

  /** The identity bindings of a user, newest first. */
  async identityBindingsOf(userId: string): Promise<IdentityBindingRecord[]> {
    const rows = await this.#db.read(
      "list keys",
      (sql) =>
        sql`SELECT * FROM sallyport.identity_bindings WHERE user_id = ${userId} ORDER BY created_at DESC, key_id`,
    );
    return rows.map(identityBindingOf);
  }

  /** Ends the session binding of a key of this user. @returns whether there was one */
  async removeSessionBinding(keyId: string, userId: string): Promise<boolean> {
    const row = await this.#db.change(
      "revoke a key",
      (sql, at) => sql`SELECT sallyport.remove_session_binding(${keyId}, ${userId}, ${at}) AS seq`,
    );
    return isChange(row);
  }

  /** Ends the identity binding of a key of this user. @returns whether there was one */
  async removeIdentityBinding(keyId: string, userId: string): Promise<boolean> {
    const row = await this.#db.change(
      "revoke a key",
      (sql, at) => sql`SELECT sallyport.remove_identity_binding(${keyId}, ${userId}, ${at}) AS seq`,
    );
    return isChange(row);
  }

  /** See {@link KeyStore.hostKey}. */
  async hostKey(server: string): Promise<string | null> {
    const [row] = await this.#db.read(
      "look up a host key",
      (sql) => sql`SELECT host_key FROM sallyport.host_keys WHERE server = ${server}`,
    );
    return row === undefined ? null : String(row.host_key);
  }

  /** See {@link KeyStore.trustHostKey}. */
  async trustHostKey(server: string, key: string): Promise<string> {
    const [row] = await this.#db.read(
      "remember a host key",
      (sql) =>
        sql`INSERT INTO sallyport.host_keys (server, host_key) VALUES (${server}, ${key})
          ON CONFLICT (server) DO UPDATE SET server = excluded.server RETURNING host_key`,
    );
    return String(row?.host_key);
  }
}

/** Whether a statement found what to change. */
export function isChange(row: Row | undefined): boolean {
  return (row?.seq ?? null) !== null;
}
