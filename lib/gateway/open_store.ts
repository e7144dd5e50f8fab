import { fileURLToPath } from "node:url";
import type { Clock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import { openPostgresStore } from "../store/postgres_store.ts";
import { sealer } from "../store/sealed.ts";
import { openSqliteStore } from "../store/sqlite_store.ts";
import { type Store, StoreError } from "../store/store.ts";
import type { StateDirectory } from "./state_directory.ts";

/** What a store needs beside the configuration. */
export interface OpenStoreOptions {
  /** Where the file is kept unless the configuration says otherwise. */
  readonly state: StateDirectory;
  /** The key that sessions are sealed with, asked for whenever one is; default: sessions are not sealed. */
  readonly storageKey?: () => CryptoKey;
  /** Default: the machine's own. */
  readonly clock?: Clock;
}

const FILE_NAME = "sallyport.db";

/**
 * Opens the store that the configuration names.
 *
 * @returns a store that the caller closes
 * @throws {StoreError} `store/unwritable`, `store/incompatible`, `store/unavailable`
 */
export async function openStore(config: Pick<Config, "storage">, options: OpenStoreOptions): Promise<Store> {
  const { type, connectionString } = config.storage;
  const common = {
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.storageKey === undefined ? {} : { sealer: sealer(options.storageKey) }),
  };
  if (type === "memory") return await openSqliteStore({ path: ":memory:", ...common });
  if (type === "postgres") {
    if (connectionString === null) throw new TypeError("Cannot open the store: it has no connection string");
    const caPem = await rootCertificate(connectionString);
    return await openPostgresStore({ connectionString, ...(caPem === null ? {} : { caPem }), ...common });
  }
  const path = connectionString === null ? options.state.file(FILE_NAME) : fileIn(connectionString);
  return await openSqliteStore({ path, ...common });
}

function fileIn(folderUrl: string): string {
  try {
    return `${fileURLToPath(folderUrl)}/${FILE_NAME}`;
  } catch {
    throw new StoreError("store/unwritable", "Cannot open the store: its connection string is no file URL", {
      hint: "write file:///folder, or leave it out",
    });
  }
}

/** The file that `sslrootcert` names, as libpq has it; `null` when it names none, or `system`. */
async function rootCertificate(connectionString: string): Promise<string | null> {
  const file = URL.parse(connectionString)?.searchParams.get("sslrootcert") ?? null;
  if (file === null || file === "system") return null;
  try {
    return await Deno.readTextFile(file);
  } catch (cause) {
    const message = `Cannot open the store: its sslrootcert cannot be read: ${errorMessage(cause)}`;
    throw new StoreError("store/unavailable", message, { cause });
  }
}
