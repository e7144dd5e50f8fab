import { DatabaseSync } from "node:sqlite";
import { errorMessage } from "../base/errors.ts";
import { StoreError } from "./store.ts";

/** How long a call waits for another process that is writing, in milliseconds. */
const BUSY_TIMEOUT_MS = 5000;

// Result codes of SQLite (https://www.sqlite.org/rescode.html).
const SQLITE_READONLY = 8;
const SQLITE_NOTADB = 26;

/** Opens the database in a file, and makes the file (mode 0600) when it is not there. @throws {StoreError} `store/unwritable` */
export function openDatabase(path: string): DatabaseSync {
  try {
    if (path !== ":memory:") createFile(path);
    return new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** Touches no file that exists: closing it here would drop the locks another handle of this process holds on it. */
function createFile(path: string): void {
  try {
    Deno.openSync(path, { createNew: true, write: true, mode: 0o600 }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

/**
 * Takes the files of a database from everybody but their owner. SQLite gives the log files it makes from here on the mode of the
 * main file. @throws {StoreError} `store/unwritable`
 */
export function makePrivate(path: string): void {
  if (Deno.build.os === "windows") return;
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      Deno.chmodSync(file, 0o600);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw unwritable(path, error);
    }
  }
}

/** What opening a store failed for. @returns {@link StoreError} `store/incompatible`, `store/unwritable` or `store/unavailable` */
export function openError(path: string, cause: unknown): StoreError {
  const code = resultCode(cause);
  if (code === SQLITE_NOTADB) {
    return new StoreError(
      "store/incompatible",
      `Cannot open the store ${path}: it is not a SQLite database`,
      {
        cause,
        hint: "name another file, or move this one away",
      },
    );
  }
  if ((code & 0xff) === SQLITE_READONLY) return unwritable(path, cause);
  return new StoreError("store/unavailable", `Cannot open the store ${path}: ${errorMessage(cause)}`, {
    cause,
  });
}

function unwritable(path: string, cause: unknown): StoreError {
  return new StoreError("store/unwritable", `Cannot write the store ${path}: ${errorMessage(cause)}`, {
    cause,
    hint: "create the directory and let this user read and write it",
  });
}

/** The extended result code of SQLite that an error bears; 0 when it is another error. */
export function resultCode(error: unknown): number {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return typeof code === "number" ? code : 0;
}
