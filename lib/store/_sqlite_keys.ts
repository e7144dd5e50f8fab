import type {
  IdentityBindingRecord,
  KeyStore,
  SessionBindingRecord,
  SignInCodeRecord,
  SignInDecision,
  SignInOutcome,
} from "./key_store.ts";
import { identityBindingOf, sessionBindingOf, signInCodeOf } from "./_key_rows.ts";
import { NO_SUCH_USER, type Note, type SqliteCalls } from "./_sqlite_calls.ts";
import type { Statements } from "./_statements.ts";

/** Keys that stand for people, in SQLite. */
export class SqliteKeyStore implements KeyStore {
  readonly #db: SqliteCalls;

  /** Those of the store whose calls are given. */
  constructor(db: SqliteCalls) {
    this.#db = db;
  }

  /** See {@link KeyStore.openSignInCode}. */
  openSignInCode(
    wanted: Omit<SignInCodeRecord, "state">,
    limits: { ofAddress: number; inAll: number },
  ): Promise<SignInCodeRecord | null> {
    const { code, keyId, address, issuedAt, expiresAt } = wanted;
    return this.#db.change("keep a sign-in code", (sql) => {
      const pending = sql.pendingCodeOfKey.get(keyId, issuedAt);
      if (pending !== undefined) return signInCodeOf(pending);
      const waiting = sql.countCodes.get(address, issuedAt);
      if (Number(waiting?.of_address) >= limits.ofAddress || Number(waiting?.in_all) >= limits.inAll) {
        return null;
      }
      sql.addCode.run(code, keyId, address, issuedAt, expiresAt);
      return { ...wanted, state: "pending" };
    });
  }

  /** The code, decided or not, if it has not expired at `now`; or `null`. */
  async signInCode(code: string, now: number): Promise<SignInCodeRecord | null> {
    const row = await this.#db.call("look up a sign-in code", (sql) => sql.liveCode.get(code, now));
    return row === undefined ? null : signInCodeOf(row);
  }

  /** See {@link KeyStore.decideSignInCode}. @throws {StoreError} `store/no-such-user` */
  decideSignInCode(decision: SignInDecision): Promise<SignInOutcome> {
    return this.#db.change(
      "decide on a sign-in",
      (sql, note) => decide(decision, { sql, note }),
      NO_SUCH_USER,
    );
  }

  /** The session binding of a key, if it has not expired at `now`, or `null`. */
  async sessionBinding(keyId: string, now: number): Promise<SessionBindingRecord | null> {
    const row = await this.#db.call("look up a key", (sql) => sql.sessionBinding.get(keyId, now));
    return row === undefined ? null : sessionBindingOf(row);
  }

  /** The identity binding of a key, or `null`. */
  async identityBinding(keyId: string): Promise<IdentityBindingRecord | null> {
    const row = await this.#db.call("look up a key", (sql) => sql.identityBinding.get(keyId));
    return row === undefined ? null : identityBindingOf(row);
  }

  /** The session bindings of a user that have not expired at `now`, newest first. */
  async sessionBindingsOf(userId: string, now: number): Promise<SessionBindingRecord[]> {
    const rows = await this.#db.call("list keys", (sql) => sql.sessionBindingsOf.all(userId, now));
    return rows.map(sessionBindingOf);
  }

  /** The identity bindings of a user, newest first. */
  async identityBindingsOf(userId: string): Promise<IdentityBindingRecord[]> {
    const rows = await this.#db.call("list keys", (sql) => sql.identityBindingsOf.all(userId));
    return rows.map(identityBindingOf);
  }

  /** Ends the session binding of a key of this user. @returns whether there was one */
  removeSessionBinding(keyId: string, userId: string): Promise<boolean> {
    return this.#remove("removeSessionBinding", { keyId, userId });
  }

  /** Ends the identity binding of a key of this user. @returns whether there was one */
  removeIdentityBinding(keyId: string, userId: string): Promise<boolean> {
    return this.#remove("removeIdentityBinding", { keyId, userId });
  }

  /** See {@link KeyStore.hostKey}. */
  async hostKey(server: string): Promise<string | null> {
    const row = await this.#db.call("look up a host key", (sql) => sql.hostKey.get(server));
    return row === undefined ? null : String(row.host_key);
  }

  /** See {@link KeyStore.trustHostKey}. */
  trustHostKey(server: string, key: string): Promise<string> {
    return this.#db.change("remember a host key", (sql) => {
      sql.addHostKey.run(server, key);
      return String(sql.hostKey.get(server)?.host_key);
    });
  }

  #remove(
    which: "removeSessionBinding" | "removeIdentityBinding",
    { keyId, userId }: { keyId: string; userId: string },
  ): Promise<boolean> {
    return this.#db.change("revoke a key", (sql, note) => {
      if (Number(sql[which].run(keyId, userId).changes) === 0) return false;
      note("key-binding", keyId);
      return true;
    });
  }
}

function decide(
  { code, now, approval }: SignInDecision,
  { sql, note }: { sql: Statements; note: Note },
): SignInOutcome {
  const row = sql.liveCode.get(code, now);
  if (row === undefined) return "unknown";
  const { state, keyId, address } = signInCodeOf(row);
  if (state !== "pending") return "decided";
  if (approval !== null) {
    const { sessionId, userId, expiresAt, remember } = approval;
    if (sql.strangerOfKey.get(keyId, userId, now, keyId, userId) !== undefined) return "other-user";
    sql.bindSession.run(keyId, sessionId, userId, now, expiresAt, address);
    if (remember) sql.bindIdentity.run(keyId, userId, now, address);
    note("key-binding", keyId);
  }
  sql.decideCode.run(approval === null ? "denied" : "approved", code);
  note("sign-in-code", code);
  return "done";
}
