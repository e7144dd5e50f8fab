import { NEWER_SCHEMA, OLD_SERVER } from "./_postgres_schema.ts";
import { StoreError, type StoreErrorCode } from "./store.ts";

/** What an SQLSTATE means for one call. */
export type Refusals = Readonly<Record<string, readonly [code: StoreErrorCode, what: string, hint?: string]>>;

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const ALWAYS: Refusals = {
  [NEWER_SCHEMA]: ["store/incompatible", "a newer release has changed it", "run that release"],
  [OLD_SERVER]: ["store/incompatible", "the server is older than PostgreSQL 15", "upgrade the server"],
  "25006": ["store/unwritable", "the database is read-only", "name the primary server"],
  "42501": ["store/unwritable", "the user lacks a permission", "let the user create the schema sallyport"],
};
const SIGN_IN_HINT =
  "check user, password and database in the connection string, and pg_hba.conf of the server";
const REACH_HINT = "check that the server runs, and host and port in the connection string";

/** What is said of a call that took too long. */
export const TOO_LATE = "EDEADLINE";

/**
 * The error for a call that failed. It has no `cause`: the errors of the platform carry the query with its values, and
 * those of a URL the password.
 *
 * @param options `action`: what was being done; `refusals`: what the server may answer to it
 */
export function postgresError(
  error: unknown,
  { action, refusals = {} }: { action: string; refusals?: Refusals },
): StoreError {
  if (error instanceof StoreError) return error;
  const state = codeOf(error);
  const known = refusals[state] ?? ALWAYS[state];
  if (known !== undefined) {
    const [code, what, hint] = known;
    return new StoreError(code, `Cannot ${action}: ${what}`, hint === undefined ? {} : { hint });
  }
  if (isAnswer(error)) {
    const isSignIn = state.startsWith("28") || state.startsWith("3D");
    const message = `Cannot ${action}: PostgreSQL answers ${state}: ${error.message}`;
    return new StoreError("store/unavailable", message, isSignIn ? { hint: SIGN_IN_HINT } : {});
  }
  const why = state === "" ? "" : ` (${state})`;
  return new StoreError("store/unavailable", `Cannot ${action}: PostgreSQL cannot be reached${why}`, {
    hint: REACH_HINT,
  });
}

/** Whether the server itself has answered with this error. */
export function isAnswer(error: unknown): error is Error {
  return error instanceof Error && error.name === "PostgresError";
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "";
}
