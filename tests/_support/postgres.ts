import { join } from "node:path";
import { freePort } from "./free_port.ts";

/** A PostgreSQL server of its own, on loopback, in a temporary folder; disposing it stops it and removes the folder. */
export interface TestPostgres extends AsyncDisposable {
  readonly port: number;
  /** For a database of this name, made if it is not there; default: a fresh one. */
  database(name?: string): Promise<string>;
  /** Runs SQL in a database as its owner, and answers what `psql` prints. */
  psql(connectionString: string, sql: string): Promise<string>;
  /** Stops the server at once, as a crash does. */
  crash(): Promise<void>;
  /** Starts it again, on the same port and data. */
  start(): Promise<void>;
}

const PASSWORD = "never-in-a-message";
const BIN = binFolder();

/** Whether PostgreSQL 15 or later is installed. @throws {Error} when it is not, and `REQUIRE_PEERS=1` */
export function requirePostgres(): boolean {
  if (BIN !== null) return true;
  if (Deno.env.get("REQUIRE_PEERS") === "1") {
    throw new Error("REQUIRE_PEERS=1, and PostgreSQL is not installed");
  }
  // deno-lint-ignore no-console
  console.warn("skipping the tests against PostgreSQL: it is not installed");
  return false;
}

/**
 * Starts a server.
 *
 * @param settings more of `postgresql.conf`; files they name are looked for in the data folder
 * @param prepare is called with the data folder before the start
 */
export async function startPostgres(
  options: { settings?: readonly string[]; prepare?: (data: string) => Promise<void> } = {},
): Promise<TestPostgres> {
  const folder = await Deno.makeTempDir({ prefix: "sallyport-pg-" });
  const data = join(folder, "data");
  const passwordFile = join(folder, "password");
  await Deno.writeTextFile(passwordFile, PASSWORD);
  if (Deno.uid() === 0) await runToEnd(["chown", "-R", "postgres", folder]);
  await runToEnd([
    ...asPostgres(),
    `${BIN}/initdb`,
    "--no-sync",
    "--auth=scram-sha-256",
    "--username=owner",
    `--pwfile=${passwordFile}`,
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    `--pgdata=${data}`,
  ]);
  await options.prepare?.(data);
  if (Deno.uid() === 0) await runToEnd(["chown", "-R", "postgres", folder]);
  const server = new Server({ folder, data, port: freePort(), settings: options.settings ?? [] });
  await server.start();
  return server;
}

class Server implements TestPostgres {
  readonly port: number;
  readonly #options: { folder: string; data: string; settings: readonly string[] };
  #process: Deno.ChildProcess | null = null;
  #databases = 0;

  constructor(options: { folder: string; data: string; port: number; settings: readonly string[] }) {
    this.port = options.port;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { data, settings } = this.#options;
    const flags = [
      `port=${this.port}`,
      "listen_addresses=127.0.0.1",
      "unix_socket_directories=",
      "max_connections=200",
      // The machine does not crash, only the server.
      "fsync=off",
      ...settings,
    ].flatMap((setting) => ["-c", setting]);
    const [command, ...args] = [...asPostgres(), `${BIN}/postgres`, "-D", data, ...flags];
    this.#process = new Deno.Command(command!, { args, stdin: "null", stdout: "null", stderr: "null" })
      .spawn();
    while (!await isReady(this.port)) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async crash(): Promise<void> {
    // Immediate shutdown: no checkpoint, connections are dropped, the next start recovers from the log.
    this.#process?.kill("SIGQUIT");
    await this.#process?.status;
    this.#process = null;
  }

  async database(name = `test_${++this.#databases}`): Promise<string> {
    await this.psql(this.#url("postgres"), `CREATE DATABASE ${name}`);
    return this.#url(name);
  }

  psql(connectionString: string, sql: string): Promise<string> {
    return runToEnd([`${BIN}/psql`, "-v", "ON_ERROR_STOP=1", "-XAtc", sql, connectionString]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crash();
    await Deno.remove(this.#options.folder, { recursive: true });
  }

  #url(database: string): string {
    return `postgres://owner:${PASSWORD}@127.0.0.1:${this.port}/${database}`;
  }
}

/** The server refuses to run as root. */
function asPostgres(): string[] {
  return Deno.uid() === 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] : [];
}

async function isReady(port: number): Promise<boolean> {
  const args = ["-h", "127.0.0.1", "-p", String(port), "-q"];
  return (await new Deno.Command(`${BIN}/pg_isready`, { args }).output()).success;
}

async function runToEnd([command, ...args]: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command!, { args, cwd: "/" }).output();
  if (!success) throw new Error(`${command} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout).trim();
}

function binFolder(): string | null {
  const folder = "/usr/lib/postgresql";
  try {
    const versions = [...Deno.readDirSync(folder)].map(({ name }) => Number(name)).filter((name) =>
      name >= 15
    );
    return versions.length === 0 ? null : `${folder}/${Math.max(...versions)}/bin`;
  } catch {
    return null;
  }
}
