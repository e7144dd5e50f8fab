import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { systemRandom } from "../../lib/base/random.ts";
import type { CliIo } from "../../lib/cli/command.ts";
import type { ProgramCall } from "../../lib/client/browser.ts";

/** A process in memory: what it printed, what it started, and a way to interrupt it. */
export interface FakeIo extends CliIo {
  readonly out: () => string;
  readonly err: () => string;
  readonly started: readonly ProgramCall[];
  /** Settles with the match once standard error holds it. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  interrupt(): void;
}

/** What a test says about the process. */
export interface FakeIoOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly stdio?: ByteStream;
  /** Plays the person who is asked for a password; default: nobody is there. */
  readonly askPassword?: (prompt: string) => string;
  /** Plays the program that was started. */
  readonly onStart?: (call: ProgramCall) => Promise<void>;
}

/** A process in memory. Without `XDG_CACHE_HOME` in `env`, tokens are kept in memory only. */
export function fakeIo(options: FakeIoOptions = {}): FakeIo {
  let [out, err] = ["", ""];
  let changed = Promise.withResolvers<void>();
  const started: ProgramCall[] = [];
  const controller = new AbortController();
  return {
    out: () => out,
    err: () => err,
    started,
    stdout: (text) => void (out += text),
    stderr(text) {
      err += text;
      changed.resolve();
      changed = Promise.withResolvers();
    },
    async printed(pattern) {
      for (;;) {
        const match = pattern.exec(err);
        if (match !== null) return match;
        await changed.promise;
      }
    },
    interrupt: () => controller.abort(),
    env: (name) => options.env?.[name],
    replaceTextFile: () => Promise.reject(new Error("no file can be written in tests")),
    readTextFile(path) {
      const text = options.files?.[path];
      return text === undefined
        ? Promise.reject(new Deno.errors.NotFound("no such file"))
        : Promise.resolve(text);
    },
    networkAddresses: () => [],
    askPassword: (prompt) => Promise.resolve(options.askPassword?.(prompt) ?? null),
    isTerminal: () => false,
    denoCommand: "deno",
    os: "linux",
    stdio() {
      if (options.stdio === undefined) throw new TypeError("This process has no standard input");
      return options.stdio;
    },
    async start(call) {
      started.push(call);
      await options.onStart?.(call);
    },
    stdin: () => new ReadableStream<Uint8Array>(),
    ownProcess: () => Promise.resolve(null),
    interruption: () => ({ signal: controller.signal, [Symbol.dispose]() {} }),
    onHangUp: () => ({ [Symbol.dispose]() {} }),
    onUnhandled: () => ({ [Symbol.dispose]() {} }),
    now: () => Date.now(),
    random: systemRandom,
  };
}
