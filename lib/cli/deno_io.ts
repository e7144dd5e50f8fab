import { systemRandom } from "../base/random.ts";
import { stdioStream } from "../client/stdio_stream.ts";
import type { CliIo, Interruption } from "./command.ts";

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
    interruption: listenForSignals,
    onHangUp(run) {
      if (Deno.build.os === "windows") return { [Symbol.dispose]() {} };
      Deno.addSignalListener("SIGHUP", run);
      return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGHUP", run) };
    },
    now: () => Date.now(),
    random: systemRandom,
  };
}

/** The npm package is run from a folder of npx; without permission to see that, it is taken for an installed one. */
function denoCommand(): string {
  try {
    return Deno.execPath().includes("_npx") ? `npx -y deno@${Deno.version.deno}` : "deno";
  } catch {
    return "deno";
  }
}

function writeAll(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += to.writeSync(bytes.subarray(sent));
}

function listenForSignals(): Interruption {
  const controller = new AbortController();
  const signals: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  const stopListening = () => signals.forEach((name) => Deno.removeSignalListener(name, interrupt));
  const interrupt = () => {
    // From now on a signal does what it does by default.
    stopListening();
    controller.abort();
  };
  for (const name of signals) Deno.addSignalListener(name, interrupt);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      if (!controller.signal.aborted) stopListening();
    },
  };
}
