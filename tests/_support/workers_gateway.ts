import { systemClock } from "../../lib/base/clock.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { askGateway } from "../../lib/cli/control_client.ts";
import type { Config } from "../../lib/config/config.ts";
import { loadConfig } from "../../lib/config/load_config.ts";
import { openStore } from "../../lib/gateway/open_store.ts";
import type { Gateway } from "../../lib/gateway/start_gateway.ts";
import { openStateDirectory } from "../../lib/gateway/state_directory.ts";
import { askSocket } from "../../lib/http/control/ask_socket.ts";
import { LocalUsers } from "../../lib/identity/local_users.ts";
import { PasswordHasher } from "../../lib/identity/password.ts";
import { sallyport } from "./programs.ts";
import { type ConnectAnswer, type LogLine, TestGateway, until } from "./test_gateway.ts";

/** A tunnel that is told apart by its worker. */
export interface TunnelOfWorker extends ConnectAnswer {
  readonly worker: number;
}

interface Parts {
  readonly test: ConstructorParameters<typeof TestGateway>[0];
  readonly process: Deno.ChildProcess;
  readonly stderr: () => string;
}

/** How to start one. */
export interface WorkersGatewayOptions {
  /** What runs `sallyport` with these arguments; default: with every permission. */
  readonly command?: (...args: string[]) => [program: string, args: string[]];
  /** Of an earlier gateway, which goes on with its state. */
  readonly folder?: string;
  /** Beside the variables of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A gateway of several processes on loopback, started as a person starts it. */
export class WorkersGateway extends TestGateway {
  readonly process: Deno.ChildProcess;
  readonly stderr: () => string;
  /** How the program was called. */
  get args(): string[] {
    return ["serve", "--config", `${this.folder}/routes.yaml`, "--state-dir", `${this.folder}/state`];
  }

  private constructor({ test, process, stderr }: Parts) {
    super(test);
    this.process = process;
    this.stderr = stderr;
  }

  /** Starts one. @param config YAML, with `workers`; `address` is added */
  static async start(config: string, options: WorkersGatewayOptions = {}): Promise<WorkersGateway> {
    const folder = options.folder ?? await Deno.makeTempDir({ prefix: "sallyport-workers-" });
    const file = `${folder}/routes.yaml`;
    await Deno.writeTextFile(file, `address: 127.0.0.1:0\nlog_level: debug\n${config}`);
    const state = `${folder}/state`;
    const [program, args] = (options.command ?? sallyport)("serve", "--config", file, "--state-dir", state);
    const process = new Deno.Command(program, {
      args,
      env: { ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    })
      .spawn();
    const lines: LogLine[] = [];
    const written: string[] = [];
    let stderr = "";
    const reading = Promise.allSettled([
      readLines(process.stdout, (line) => {
        written.push(line);
        lines.push(JSON.parse(line));
      }),
      process.stderr.pipeThrough(new TextDecoderStream())
        .pipeTo(new WritableStream({ write: (text) => void (stderr += text) })),
    ]);
    let isOver = false;
    void process.status.then(() => isOver = true);
    const started = await until(() => {
      if (isOver) throw new Error(`The gateway did not start: ${stderr}`);
      return /serving (https:\S+)/.exec(stderr);
    });
    const port = Number(new URL(started[1]!).port);
    const store = await openStore(await configOf(file), { state: await openStateDirectory(state) });
    const hasher = new PasswordHasher({ random: systemRandom });
    const users = new LocalUsers({ store, hasher, random: systemRandom, clock: systemClock });
    const sshLine = lines.find(({ message }) => message === "serving SSH");
    const gateway = {
      address: { hostname: "127.0.0.1", port },
      sshAddress: sshLine === undefined
        ? null
        : { hostname: "127.0.0.1", port: Number(String(sshLine.address).split(":").at(-1)) },
      url: started[1]!,
      authorityFile: `${state}/ca.pem`,
      users,
      async stop() {
        if (!isOver) process.kill("SIGTERM");
        await process.status;
        await reading;
        await hasher[Symbol.asyncDispose]();
        await store[Symbol.asyncDispose]();
      },
    } as unknown as Gateway;
    const caPem = await Deno.readTextFile(`${state}/ca.pem`);
    const test = { folder, caPem, gateway, lines, written };
    return new WorkersGateway({ test, process, stderr: () => stderr });
  }

  /** Asks the control socket. */
  async ask<T>(
    path: string,
    request: { method?: "GET" | "POST" | "DELETE"; body?: string } = {},
  ): Promise<T> {
    return await askGateway(`${this.folder}/state/control.sock`, { path, ...request }) as T;
  }

  /** Asks the control socket for what is no JSON. */
  async askText(path: string): Promise<string> {
    return (await askSocket(`${this.folder}/state/control.sock`, { path })).text;
  }

  /** Asks the socket of one worker. */
  async askWorker<T>(worker: number, path: string): Promise<T> {
    const state = `${this.folder}/state`;
    const folder = [...Deno.readDirSync(state)].find(({ name }) => name.startsWith("workers-"))!.name;
    return await askGateway(`${state}/${folder}/${worker}.sock`, { path }) as T;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway.stop();
    await Deno.remove(this.folder, { recursive: true }).catch(() => {});
  }

  /** Processes of the workers, by number. */
  async pids(): Promise<ReadonlyMap<number, number>> {
    const { workers } = await this.ask<{ workers: { number: number; pid: number }[] }>("/status");
    return new Map(workers.map(({ number, pid }) => [number, pid]));
  }

  /** Opens tunnels until each of so many workers has one, and says which each has. */
  async connectToEach(
    count: number,
    target: string,
    options: { token?: string } = {},
  ): Promise<readonly TunnelOfWorker[]> {
    const tunnels: TunnelOfWorker[] = [];
    while (new Set(tunnels.map(({ worker }) => worker)).size < count) {
      const before = await this.#tunnelIds(count);
      const answer = await this.connect(target, options);
      if (answer.status !== 200) throw new Error(`answered ${answer.status}`);
      const worker = await this.#newcomer(before);
      tunnels.push({ ...answer, worker });
    }
    return tunnels;
  }

  async #newcomer(before: readonly (readonly string[])[]): Promise<number> {
    for (;;) {
      const after = await this.#tunnelIds(before.length);
      const index = after.findIndex((ids, i) => ids.some((id) => !before[i]!.includes(id)));
      if (index >= 0) return index + 1;
    }
  }

  async #tunnelIds(count: number): Promise<readonly (readonly string[])[]> {
    return await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const tunnels = await this.askWorker<{ id: string }[]>(index + 1, "/tunnels");
        return tunnels.map(({ id }) => id);
      }),
    );
  }
}

async function configOf(file: string): Promise<Config> {
  const { config } = await loadConfig({ file, readTextFile: Deno.readTextFile });
  return config!;
}

async function readLines(from: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const text of from.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) onLine(line);
  }
}
