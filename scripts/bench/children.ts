/** How much of what a program complains of is kept. */
const MAX_COMPLAINTS = 4096;

/** A program that a benchmark started. Dispose it to kill it. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** The next line of standard output. @throws {Error} when the program ends before, or `timeoutMs` passes */
  line(timeoutMs: number): Promise<string>;
  /** Writes to standard input. */
  say(text: string): Promise<void>;
  /** Waits until it accepts connections on 127.0.0.1. @throws {Error} when it ends before, or `timeoutMs` passes */
  accepting(port: number, timeoutMs: number): Promise<void>;
}

/** Whose core a program runs on: that of what is measured, or the others. */
export type Side = "tested" | "load";

/** What to start. */
export interface ChildOptions {
  /** A path, or a name that is looked up on PATH. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default `load`. */
  readonly side?: Side;
}

/** Starts programs for a benchmark. Each is killed with the benchmark, unless it is disposed before. */
export interface Launcher {
  /** Whether what is measured and the rest have cores of their own. */
  readonly isPinned: boolean;
  start(options: ChildOptions): Child;
  /** Starts a Deno program of a checkout, by its path there. */
  startDeno(file: string, options?: DenoOptions): Child;
  /** Runs a program to its end. @returns what it printed @throws {Error} when it fails */
  output(command: string, args: readonly string[]): Promise<string>;
  /** Gives a program that runs already the cores of a side. */
  pin(pid: number, side: Side): Promise<void>;
}

/** How to start a Deno program. */
export interface DenoOptions extends Partial<Omit<ChildOptions, "command">> {
  /** Folder of the checkout. Default this one. */
  readonly tree?: string | null;
}

/**
 * Makes a launcher.
 *
 * @param options `stack`: disposes what is started; `isPinned`: whether to give what is measured the last core and the rest
 *   the others, where there are several and `taskset`
 */
export function makeLauncher(
  { stack, isPinned: wanted }: { stack: AsyncDisposableStack; isPinned: boolean },
): Launcher {
  const last = navigator.hardwareConcurrency - 1;
  const isPinned = wanted && last > 0 && findProgram("taskset") !== null;
  const coresOf = (side: Side) => side === "tested" ? `${last}` : `0-${last - 1}`;
  const pinned = (options: ChildOptions): ChildOptions => {
    const { command, args, side = "load" } = options;
    return isPinned
      ? { ...options, command: "taskset", args: ["-c", coresOf(side), command, ...args] }
      : options;
  };
  const start = (options: ChildOptions) => stack.use(startChild(pinned(options), options.command));
  return {
    isPinned,
    start,
    startDeno(file, { tree = null, args = [], ...options } = {}) {
      const path = tree === null ? new URL(`../../${file}`, import.meta.url).pathname : `${tree}/${file}`;
      const all = ["run", "-A", "--no-check", path, ...args];
      return start({ ...options, command: Deno.execPath(), args: all });
    },
    output: (command, args) => output(pinned({ command, args })),
    async pin(pid, side) {
      if (isPinned) await output({ command: "taskset", args: ["-acp", coresOf(side), `${pid}`] });
    },
  };
}

/** Its standard input stays open until it is disposed. */
function startChild({ command, args, env = {} }: ChildOptions, name: string): Child {
  const process = new Deno.Command(command, {
    args: [...args],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = process.stdin.getWriter();
  const lines = new Lines();
  let complaints = "";
  let isOver = false;
  const over = Promise.all([
    process.status,
    readAll(process.stdout, (text) => lines.push(text)),
    readAll(process.stderr, (text) => complaints = (complaints + text).slice(-MAX_COMPLAINTS)),
  ]).then(() => {
    isOver = true;
    lines.end(new Error(`${name} ended: ${complaints}`));
  });
  return {
    pid: process.pid,
    line: (timeoutMs) => within(timeoutMs, lines.next(), `${name} has printed nothing`),
    say: (text) => input.write(new TextEncoder().encode(text)),
    async accepting(port, timeoutMs) {
      for (const end = Date.now() + timeoutMs; !await isAccepting(port); await delay(50)) {
        if (isOver || Date.now() > end) throw new Error(`${name} accepts no connections: ${complaints}`);
      }
    },
    async [Symbol.asyncDispose]() {
      try {
        process.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await Promise.allSettled([over, input.close()]);
    },
  };
}

/** Lines of a text that comes in pieces; those that nobody asks for are dropped once there are many. */
class Lines {
  #rest = "";
  #lines: string[] = [];
  #waiting: PromiseWithResolvers<string> | null = null;
  #error: Error | null = null;

  push(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!.slice(-MAX_COMPLAINTS);
    for (const line of lines) {
      if (this.#waiting !== null) this.#waiting.resolve(line);
      else if (this.#lines.length < 100) this.#lines.push(line);
      this.#waiting = null;
    }
  }

  end(error: Error): void {
    this.#error = error;
    this.#waiting?.reject(error);
  }

  next(): Promise<string> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#error !== null) return Promise.reject(this.#error);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }
}

async function readAll(stream: ReadableStream<Uint8Array>, onText: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) onText(decoder.decode(chunk, { stream: true }));
}

async function isAccepting(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** The path of a program; `null` when it is not installed. Debian keeps servers where the PATH of a user does not lead. */
export function findProgram(name: string): string | null {
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/local/sbin", "/usr/sbin"];
  for (const folder of folders) {
    try {
      if (Deno.statSync(`${folder}/${name}`).isFile) return `${folder}/${name}`;
    } catch {
      // Not here.
    }
  }
  return null;
}

async function output({ command, args }: ChildOptions): Promise<string> {
  const process = new Deno.Command(command, { args: [...args], stdin: "null" });
  const { success, stdout, stderr } = await process.output();
  if (!success) throw new Error(`${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** A port on 127.0.0.1 that nobody listened on a moment ago; below those that Linux gives to connections. */
export function freePort(): number {
  const port = 15_000 + Math.floor(Math.random() * 15_000);
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return port;
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    return freePort();
  }
}

/** Waits. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What `work` gives, unless it takes too long. @throws {Error} when it does */
export async function within<T>(timeoutMs: number, work: Promise<T>, what: string): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} for ${timeoutMs} ms`)), timeoutMs);
  return await Promise.race([work, promise]).finally(() => clearTimeout(timer));
}
