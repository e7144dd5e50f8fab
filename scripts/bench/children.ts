/** How much of what a program complains of is kept. */
const MAX_COMPLAINTS = 4096;

/** A program that a benchmark started. Dispose it to kill it. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** The first line of standard output. @throws {Error} when the program ends before, or `timeoutMs` passes */
  firstLine(timeoutMs: number): Promise<string>;
  /** Waits until it accepts connections on 127.0.0.1. @throws {Error} when it ends before, or `timeoutMs` passes */
  accepting(port: number, timeoutMs: number): Promise<void>;
}

/** What to start. */
export interface ChildOptions {
  /** A path, or a name that is looked up on PATH. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program whose standard input stays open until it is disposed. The caller disposes it. */
export function startChild({ command, args, env = {} }: ChildOptions): Child {
  const process = new Deno.Command(command, {
    args: [...args],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let complaints = "";
  let isOver = false;
  const { promise: line, resolve, reject } = Promise.withResolvers<string>();
  line.catch(() => {});
  const over = Promise.all([
    process.status,
    readFirstLine(process.stdout, resolve),
    readAll(process.stderr, (text) => complaints = (complaints + text).slice(-MAX_COMPLAINTS)),
  ]).then(() => {
    isOver = true;
    reject(new Error(`${command} ended: ${complaints}`));
  });
  return {
    pid: process.pid,
    firstLine: (timeoutMs) => within(timeoutMs, line, `${command} has printed nothing`),
    async accepting(port, timeoutMs) {
      for (const end = Date.now() + timeoutMs; !await isAccepting(port); await delay(50)) {
        if (isOver || Date.now() > end) throw new Error(`${command} accepts no connections: ${complaints}`);
      }
    },
    async [Symbol.asyncDispose]() {
      try {
        process.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await Promise.allSettled([over, process.stdin.close()]);
    },
  };
}

/** Reads to the end, so that the program never waits for a reader. */
async function readFirstLine(
  stream: ReadableStream<Uint8Array>,
  found: (line: string) => void,
): Promise<void> {
  let text: string | null = "";
  await readAll(stream, (chunk) => {
    if (text === null) return;
    text += chunk;
    if (!text.includes("\n")) return;
    found(text.slice(0, text.indexOf("\n")));
    text = null;
  });
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

/** Starts a Deno program of this checkout. The caller disposes it. */
export function startDeno(
  file: string,
  options: { args?: readonly string[]; env?: ChildOptions["env"] },
): Child {
  const path = new URL(`../../${file}`, import.meta.url).pathname;
  const args = ["run", "-A", "--no-check", path, ...options.args ?? []];
  return startChild({ command: Deno.execPath(), args, ...(options.env ? { env: options.env } : {}) });
}

/** A port on 127.0.0.1 that nobody listened on a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
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
