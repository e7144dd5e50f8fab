import type { Statements } from "./_statements.ts";
import type { StoreChange, StoreErrorCode } from "./store.ts";

/** Notes a change, to be told of when the transaction is committed. */
export type Note = (kind: StoreChange["kind"], id: string) => void;

/** What a result code means for one call; `store/unavailable` where nothing is said. */
export type Refusals = Readonly<Record<number, readonly [code: StoreErrorCode, what: string]>>;

/** How the parts of a store in SQLite reach its database. */
export interface SqliteCalls {
  /** One statement. */
  call<T>(action: string, work: (sql: Statements) => T, refusals?: Refusals): Promise<T>;
  /** One transaction that tells of what it changed. */
  change<T>(action: string, work: (sql: Statements, note: Note) => T, refusals?: Refusals): Promise<T>;
}

// Result codes of SQLite, extended ones where it has them (https://www.sqlite.org/rescode.html).
const SQLITE_CONSTRAINT_FOREIGNKEY = 787;

/** What a reference to a row that is no more means. */
export const NO_SUCH_USER: Refusals = {
  [SQLITE_CONSTRAINT_FOREIGNKEY]: ["store/no-such-user", "its user was removed"],
};
