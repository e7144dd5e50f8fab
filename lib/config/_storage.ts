import { reportsBoth, type SecretSources } from "./_certificates.ts";
import type { StorageSettings } from "./config.ts";

const KEY = "databroker_storage_connection_string";
const FILE_KEY = "databroker_storage_connection_string_file";

/** What a connection string has to begin with. */
const SCHEMES: Readonly<Record<StorageSettings["type"], { pattern: RegExp; hint: string } | null>> = {
  memory: null,
  file: { pattern: /^file:\/\/\/./, hint: "as in file:///var/lib/sallyport, or leave it out" },
  postgres: {
    pattern: /^postgres(?:ql)?:\/\/./,
    hint: "as in postgres://user:password@host:5432/database?sslmode=verify-full",
  },
};

/** Where users and sessions are kept: the type, and the connection string in place or from its file. */
export async function readStorage(sources: SecretSources): Promise<StorageSettings> {
  const { values, place } = sources;
  const type = values.databroker_storage_type;
  const connectionString = await readConnectionString(sources);
  const scheme = SCHEMES[type];
  const path = [values[FILE_KEY] === null ? KEY : FILE_KEY];
  if (connectionString !== null && scheme !== null && !scheme.pattern.test(connectionString)) {
    const message = `The connection string is not one for databroker_storage_type: ${type}`;
    place.report.error("config/bad-value", { message, hint: scheme.hint, path, at: "key" });
  }
  if (type === "postgres" && values[KEY] === null && values[FILE_KEY] === null) {
    place.report.error("config/missing-key", {
      message: `databroker_storage_type: postgres stands without ${KEY}`,
      hint: `add ${KEY} or ${FILE_KEY}`,
      path: ["databroker_storage_type"],
      at: "key",
    });
  }
  if (type === "postgres" && values.shared_secret === null && values.shared_secret_file === null) {
    place.report.warn("config/missing-key", {
      message: "Without a shared_secret this gateway makes its own: no other can read the sessions it keeps",
      hint: "give every gateway that shares the database the same shared_secret_file",
      path: ["databroker_storage_type"],
      at: "key",
    });
  }
  return Object.freeze({ type, connectionString });
}

async function readConnectionString({ values, place, files }: SecretSources): Promise<string | null> {
  const file = values[FILE_KEY];
  if (file === null || reportsBoth(KEY, place)) return values[KEY];
  return (await files.text(file, [FILE_KEY]))?.trim() ?? null;
}
