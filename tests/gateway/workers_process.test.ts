import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { requirePostgres, startPostgres } from "../_support/postgres.ts";
import { run } from "../_support/programs.ts";
import { readAll, readExactly, until } from "../_support/test_gateway.ts";
import { WorkersGateway } from "../_support/workers_gateway.ts";

const WORKERS = 2;
const REPOSITORY = new URL("../..", import.meta.url).pathname;

describe("a gateway of several workers", () => {
  let echo: TestService;
  beforeAll(() => {
    echo = serveEcho();
  });
  afterAll(() => echo[Symbol.dispose]());

  const config = () => `
workers: ${WORKERS}
routes:
  - from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
`;

  it("ends all of them at SIGTERM, with the tunnels that are still open", async () => {
    await using gateway = await WorkersGateway.start(config());
    const tunnels = await gateway.connectToEach(WORKERS, "echo.test:7");
    const pids = [...(await gateway.pids()).values()];
    gateway.process.kill("SIGTERM");
    for (const { stream } of tunnels) {
      expect(await readAll(stream)).toHaveLength(0);
      stream.close();
    }
    expect(await gateway.process.status).toMatchObject({ code: 0 });
    expect(pids.filter(isAlive)).toEqual([]);
    const ended = await until(() => {
      const lines = gateway.linesOf("tunnel ended");
      return lines.length === tunnels.length && lines;
    });
    expect(ended.map(({ reason }) => reason)).toEqual(tunnels.map(() => "gateway-stopping"));
    expect(gateway.linesOf("worker ended; another takes its place")).toEqual([]);
  });

  it("ends with its supervisor, even if that is killed", async () => {
    await using gateway = await WorkersGateway.start(config());
    const tunnels = await gateway.connectToEach(WORKERS, "echo.test:7");
    const pids = [...(await gateway.pids()).values()];
    gateway.process.kill("SIGKILL");
    for (const { stream } of tunnels) {
      expect(await readAll(stream)).toHaveLength(0);
      stream.close();
    }
    await until(() => pids.every((pid) => !isAlive(pid)));
    await using again = await WorkersGateway.start(config(), { folder: gateway.folder });
    expect(await again.ask("/status")).toMatchObject({ workers: [{ number: 1 }, { number: 2 }] });
  });

  it("replaces a worker that is asked to end", async () => {
    await using gateway = await WorkersGateway.start(config());
    const before = await gateway.pids();
    Deno.kill(before.get(1)!, "SIGTERM");
    for (let now = before; now.size < WORKERS || now.get(1) === before.get(1);) now = await gateway.pids();
    const tunnels = await gateway.connectToEach(WORKERS, "echo.test:7");
    for (const { stream } of tunnels) {
      await stream.write(utf8("hello"));
      expect(await readExactly(stream, 5)).toBe("hello");
      stream.close();
    }
    expect(gateway.linesOf("worker ended; another takes its place")).toMatchObject([
      { worker: 1, how: "with exit code 0", tunnels: 0 },
    ]);
  });

  it.skipIf(!requirePostgres())("shares PostgreSQL", async () => {
    await using server = await startPostgres();
    const connectionString = await server.database();
    await using gateway = await WorkersGateway.start(`
databroker_storage_type: postgres
databroker_storage_connection_string: ${connectionString}
shared_secret: ${"A".repeat(43)}=
${config().replace("allow_public_unauthenticated_access", "allow_any_authenticated_user")}`);
    await gateway.addUser("ann");
    const token = await gateway.token("ann");
    const tunnels = await gateway.connectToEach(WORKERS, "echo.test:7", { token });
    await gateway.ask("/sessions/ann", { method: "DELETE" });
    for (const { stream } of tunnels) {
      expect(await readAll(stream)).toHaveLength(0);
      stream.close();
    }
    expect(gateway.written.join("") + gateway.stderr()).not.toContain(new URL(connectionString).password);
  }, 60_000);

  it("says how to start it, with permissions that do not suffice", async () => {
    await withFile(config(), async (file) => {
      const { code, stderr } = await run(deno("run", "-P", "mod.ts", "serve", "--config", file));
      expect(stderr).toContain(`error: Cannot start ${WORKERS} workers: this process may not start others\n`);
      expect(stderr).toMatch(/hint: run: .*deno.* run -P=workers mod\.ts serve --config \S+routes\.yaml/);
      expect(code).toBe(2);
    });
  });

  it("gives its workers no permission that it does not have, and none to run programs", async () => {
    const command = (...args: string[]) => {
      const paths = args.filter((arg) => arg.startsWith("/")).map((path) => path.replace(/\/[^/]*$/, ""));
      const own = [`--allow-read=${paths[0]},${REPOSITORY}`, `--allow-write=${paths[0]}`];
      return deno("run", "-P=workers", "--no-prompt", ...own, "mod.ts", ...args);
    };
    const env = { SALLYPORT_LOG_LEVEL: "error", SALLYPORT_SHARED_SECRET: `${"A".repeat(43)}=` };
    await using gateway = await WorkersGateway.start(config(), { command, env });
    for (const pid of (await gateway.pids()).values()) {
      const line = (await Deno.readTextFile(`/proc/${pid}/cmdline`)).split("\0");
      expect(line.filter((flag) => flag.startsWith("--allow-")).map((flag) => flag.split("=")[0])).toEqual([
        "--allow-net",
        "--allow-env",
        "--allow-read",
        "--allow-write",
      ]);
      expect(line).toContain(`--allow-write=${gateway.folder}`);
      expect(line.join(" ")).not.toMatch(/--allow-(?:all|run|ffi|sys)/);
    }
    const tunnels = await gateway.connectToEach(WORKERS, "echo.test:7");
    for (const { stream } of tunnels) stream.close();
    // What the environment says to the configuration holds in all of them.
    expect(gateway.lines.filter(({ level, service }) => level !== "error" && service === undefined)).toEqual(
      [],
    );
    expect([...Deno.readDirSync(`${gateway.folder}/state`)].map(({ name }) => name)).not.toContain(
      "shared-secret",
    );
  });

  it.each([
    [
      "a store of one process",
      "databroker_storage_type: memory",
      /databroker_storage_type: memory is not shared/,
    ],
    [
      "a port of another program",
      "ssh_address: 127.0.0.1:PORT",
      /Cannot listen on 127\.0\.0\.1:\d+: the port is already in use/,
    ],
  ])("does not start with %s", async (_, line, message) => {
    await withFile(`${line.replace("PORT", String(echo.port))}\n${config()}`, async (file) => {
      const { code, stderr } = await run(deno("run", "-A", "mod.ts", "serve", "--config", file));
      expect(stderr).toMatch(message);
      expect(code).toBe(1);
    });
  });

  it("does not start on the state directory of another", async () => {
    await using gateway = await WorkersGateway.start(config());
    const { code, stderr } = await run(deno("run", "-A", "mod.ts", ...gateway.args));
    expect(stderr).toMatch(/Another gateway runs on the state directory/);
    expect(code).toBe(1);
  });
});

function deno(...args: string[]): [string, string[]] {
  return [Deno.execPath(), args.map((arg) => arg === "mod.ts" ? `${REPOSITORY}mod.ts` : arg)];
}

async function withFile(config: string, body: (file: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: REPOSITORY, prefix: ".workers-test-" });
  try {
    const file = `${folder}/routes.yaml`;
    await Deno.writeTextFile(file, `address: 127.0.0.1:0\n${config}`);
    await body(file);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
