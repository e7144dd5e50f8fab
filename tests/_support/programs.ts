import type { TestGateway } from "./test_gateway.ts";

/** A program under way; disposing it ends it. */
export interface RunningProgram extends AsyncDisposable {
  readonly process: Deno.ChildProcess;
  /** Standard error so far. */
  stderr(): string;
}

/** What a program that has ended left. */
export interface ProgramResult {
  readonly code: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

/** How to run a program. */
export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array;
}

const REPOSITORY = new URL("../..", import.meta.url).pathname;

/** The command line of this product, as a program of its own. */
export function sallyport(...args: string[]): [command: string, args: string[]] {
  return [Deno.execPath(), ["run", "-A", "--no-check", `${REPOSITORY}mod.ts`, ...args]];
}

/** The environment in which `sallyport` signs in as a test user with a browser that fills in the form by itself. */
export function clientEnv(
  gateway: TestGateway,
  user: { name: string; password: string },
): Record<string, string> {
  return {
    XDG_CACHE_HOME: `${gateway.folder}/cache-${user.name}`,
    CA_FILE: gateway.caFile,
    SIGN_IN_USER: user.name,
    SIGN_IN_PASSWORD: user.password,
  };
}

/** The options with which `sallyport` reaches a test gateway and opens that browser. */
export function clientOptions(gateway: TestGateway): string[] {
  const browser = `${Deno.execPath()} run -A --no-check ${REPOSITORY}tests/_support/form_browser.ts`;
  return ["--alternate-ca-path", gateway.caFile, "--browser-cmd", browser];
}

/** Runs a program to its end. */
export async function run(
  [command, args]: [command: string, args: string[]],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const process = spawn(command, args, options);
  const [stdout, stderr, { code }] = await Promise.all([
    new Response(process.stdout).bytes(),
    new Response(process.stderr).text(),
    process.status,
    feed(process, options.stdin),
  ]);
  return { code, stdout, stderr };
}

/** Starts a program that goes on. The caller disposes it. */
export function start(
  [command, args]: [command: string, args: string[]],
  options: ProgramOptions = {},
): RunningProgram {
  const process = spawn(command, args, options);
  let stderr = "";
  const reading = Promise.allSettled([
    process.stdout.pipeTo(new WritableStream()),
    process.stderr.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({ write: (text) => void (stderr += text) }),
    ),
    feed(process, options.stdin),
  ]);
  return {
    process,
    stderr: () => stderr,
    async [Symbol.asyncDispose]() {
      try {
        process.kill("SIGTERM");
      } catch {
        // It has ended.
      }
      await process.status;
      await reading;
    },
  };
}

/** Waits until something listens on a port of loopback. */
export async function listening(port: number): Promise<void> {
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** SHA-256, in hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function spawn(command: string, args: string[], options: ProgramOptions): Deno.ChildProcess {
  return new Deno.Command(command, {
    args,
    env: { ...options.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function feed(process: Deno.ChildProcess, bytes: Uint8Array | undefined): Promise<void> {
  const writer = process.stdin.getWriter();
  try {
    if (bytes !== undefined) await writer.write(bytes);
    await writer.close();
  } catch {
    // The program does not read its standard input.
  }
}
