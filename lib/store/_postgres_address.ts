import { isIP } from "node:net";
import type { Options } from "postgres";
import { StoreError } from "./store.ts";

/** Where a PostgreSQL server is, and as whom to speak with it: options of the `postgres` package. */
export type PostgresAddress = Pick<
  Options<Record<string, never>>,
  "host" | "port" | "path" | "database" | "username" | "password" | "ssl" | "connection"
>;

/** Longest connection string, in characters. */
const MAX_LENGTH = 4096;
const DEFAULT_PORT = 5432;
const HINT =
  "write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters of the password percent-encoded";

// https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
const SSL_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;

/**
 * Reads a connection string (https://www.postgresql.org/docs/current/libpq-connect.html, section 34.1.1.2) of one
 * server. Of its parameters, `host` (a folder with a socket), `sslmode` (default `prefer`, as elsewhere) and
 * `application_name` are understood here, `sslrootcert` is for the caller to read; all others are settings for the server, which refuses those it does not know.
 *
 * @param options `caPem`: the authorities to verify the server by; default: those of the system
 * @throws {StoreError} `store/unavailable`; its message holds no part of the string
 */
export function parsePostgresAddress(text: string, options: { caPem?: string } = {}): PostgresAddress {
  const url = text.length <= MAX_LENGTH && URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["postgres:", "postgresql:"].includes(url.protocol)) throw bad("it is no such URL");
  const parameters = Object.fromEntries(url.searchParams);
  const { host: folder, sslmode = "prefer", sslrootcert: _read, ...settings } = parameters;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1") || "localhost";
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  const username = decoded(url.username);
  const password = decoded(url.password);
  if (username === "") throw bad("it names no user");
  return {
    ...(folder?.startsWith("/") ? { path: `${folder}/.s.PGSQL.${port}` } : {}),
    host,
    port,
    database: decoded(url.pathname.slice(1)) || username,
    username,
    // As a function: an empty one is not looked up in the environment, and none is shown with the options.
    password: () => password,
    ssl: folder === undefined ? sslOf(sslmode, { host, ...options }) : false,
    connection: { application_name: "sallyport", ...settings },
  };
}

function sslOf(
  mode: string,
  { host, caPem }: { host: string; caPem?: string },
): NonNullable<Options<Record<string, never>>["ssl"]> {
  const known = SSL_MODES.find((one) => one === mode);
  if (known === undefined) throw bad(`its sslmode is none of ${SSL_MODES.join(", ")}`);
  if (known === "disable") return false;
  if (caPem === undefined && (known === "prefer" || known === "require")) return known;
  return {
    host,
    // A server name is never an address (RFC 6066 section 3); the certificate is then matched with `host`.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(caPem === undefined ? {} : { ca: caPem }),
    ...(known !== "verify-full" ? { checkServerIdentity: () => undefined } : {}),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw bad("a % in it does not begin a percent-encoded character");
  }
}

function bad(what: string): StoreError {
  return new StoreError("store/unavailable", `Cannot read the connection string of the store: ${what}`, {
    hint: HINT,
  });
}
