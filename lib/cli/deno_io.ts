import { systemRandom } from "../base/random.ts";
import { ClientError } from "../client/client_error.ts";
import { isLoopback } from "../client/listen_address.ts";
import { stdioStream } from "../client/stdio_stream.ts";
import type { CliIo, Interruption, InterruptSignal } from "./command.ts";
import { ownProcess } from "./own_process.ts";
import { PasswordLine } from "./password_line.ts";

/** The process this program runs in. */
export function denoIo(): CliIo {
  return {
    stdout: (text) => writeAll(Deno.stdout, text),
    stderr: (text) => writeAll(Deno.stderr, text),
    env: (name) => Deno.env.get(name),
    readTextFile: (path) => Deno.readTextFile(path),
    async replaceTextFile(path, text) {
      const temporary = `${path}.${crypto.randomUUID()}.tmp`;
      await Deno.writeTextFile(temporary, text);
      await Deno.rename(temporary, path);
    },
    askPassword,
    isTerminal: (stream) => Deno[stream].isTerminal(),
    denoCommand: denoCommand(),
    os: Deno.build.os,
    stdio: () => stdioStream(Deno),
    start({ program, args }) {
      return new Promise((resolve) => {
        const streams = { stdin: "null", stdout: "null", stderr: "null" } as const;
        new Deno.Command(program, { args: [...args], ...streams }).spawn().unref();
        resolve();
      });
    },
    stdin: () => Deno.stdin.readable,
    ownProcess,
    interruption: listenForSignals,
    onHangUp(run) {
      if (Deno.build.os === "windows") return { [Symbol.dispose]() {} };
      Deno.addSignalListener("SIGHUP", run);
      return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGHUP", run) };
    },
    onUnhandled: listenForUnhandled,
    networkAddresses,
    now: () => Date.now(),
    random: systemRandom,
  };
}

/** On the terminal itself if that can be had, as standard input may carry a tunnel. */
async function askPassword(prompt: string): Promise<string | null> {
  const terminal = openTerminal();
  if (terminal === null) return null;
  const line = new PasswordLine();
  const buffer = new Uint8Array(256);
  writeAll(Deno.stderr, prompt);
  terminal.setRaw(true);
  try {
    for (;;) {
      const count = await terminal.read(buffer);
      const end = count === null ? "interrupted" : line.push(buffer.subarray(0, count));
      if (end === "interrupted") throw new ClientError("client/cancelled", "No password was given");
      if (end !== null) return end.text;
    }
  } finally {
    terminal.setRaw(false);
    writeAll(Deno.stderr, "\n");
    if (terminal !== Deno.stdin) terminal.close();
  }
}

/** Opening the terminal by itself takes every permission, and a system that has such a file. */
function openTerminal(): Pick<Deno.FsFile, "read" | "setRaw" | "close"> | null {
  try {
    return Deno.openSync("/dev/tty", { read: true, write: true });
  } catch {
    return Deno.stdin.isTerminal() ? Deno.stdin : null;
  }
}

/** The npm package is run from a folder of npx; without permission to see that, it is taken for an installed one. */
function denoCommand(): string {
  try {
    return Deno.execPath().includes("_npx") ? `npx -y deno@${Deno.version.deno}` : "deno";
  } catch {
    return "deno";
  }
}

function networkAddresses(): string[] {
  try {
    return Deno.networkInterfaces().map(({ address }) => address).filter((address) => !isLoopback(address));
  } catch {
    return [];
  }
}

function writeAll(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += to.writeSync(bytes.subarray(sent));
}

function listenForUnhandled(run: (error: unknown) => void): Disposable {
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    run(event.reason);
  };
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    run(event.error);
  };
  addEventListener("unhandledrejection", onRejection);
  addEventListener("error", onError);
  return {
    [Symbol.dispose]() {
      removeEventListener("unhandledrejection", onRejection);
      removeEventListener("error", onError);
    },
  };
}

function listenForSignals(options: { readonly on: readonly InterruptSignal[] } | undefined): Interruption {
  const controller = new AbortController();
  const known: readonly InterruptSignal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  const wanted = known.filter((name) => options?.on.includes(name) ?? true);
  const ignored = known.filter((name) => !wanted.includes(name));
  const ignore = () => {};
  const stopListening = () => wanted.forEach((name) => Deno.removeSignalListener(name, interrupt));
  const interrupt = () => {
    // From now on a signal does what it does by default.
    stopListening();
    controller.abort();
  };
  for (const name of wanted) Deno.addSignalListener(name, interrupt);
  for (const name of ignored) Deno.addSignalListener(name, ignore);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      if (!controller.signal.aborted) stopListening();
      for (const name of ignored) Deno.removeSignalListener(name, ignore);
    },
  };
}
