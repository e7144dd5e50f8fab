import type { ByteStream } from "../base/byte_stream.ts";
import type { Random } from "../base/random.ts";
import type { ProgramCall } from "../client/browser.ts";
import type { StartWorker } from "../gateway/workers/worker_process.ts";
import type { ArgsSpec, ParsedArgs } from "./options.ts";
import type { OwnPaths } from "./own_process.ts";

/** How a program exits. */
export const EXIT = { ok: 0, failure: 1, usage: 2 } as const;

/** One command of the command line. */
export interface Command extends ArgsSpec {
  /** What is typed after `sallyport`. */
  readonly name: string;
  /** Other names it answers to. */
  readonly aliases?: readonly string[];
  /** A line for the list of commands, without full stop. */
  readonly summary: string;
  /** Paragraphs for the help of the command, if the summary does not say it all. */
  readonly description?: string;
  /** Command lines that show it in use. */
  readonly examples?: readonly string[];
  /**
   * Does it.
   *
   * @returns the exit code, one of {@link EXIT}; what it throws is printed and exits with 1, or with 2 if the command
   *   line was at fault
   */
  run(args: ParsedArgs, io: CliIo): Promise<number>;
}

/** What asks a program to end. */
export type InterruptSignal = "SIGINT" | "SIGTERM";

/** A wish of the person, or of the system, that the program ends. */
export interface Interruption extends Disposable {
  /** Aborted at the first SIGINT or SIGTERM; a second one ends the program at once. */
  readonly signal: AbortSignal;
}

/** Everything a command touches outside of the program, so that a test can run it in memory. */
export interface CliIo {
  /** Writes to standard output. */
  stdout(text: string): void;
  /** Writes to standard error. */
  stderr(text: string): void;
  /** An environment variable. */
  env(name: string): string | undefined;
  /** Reads a UTF-8 file. */
  readTextFile(path: string): Promise<string>;
  /** Puts a file with this text in the place of another, whole or not at all. */
  replaceTextFile(path: string, text: string): Promise<void>;
  /** Asks the person for a password, which is not shown; `null` when there is no terminal. */
  askPassword(prompt: string): Promise<string | null>;
  /** Whether a person is at the other end. */
  isTerminal(stream: "stdin" | "stdout" | "stderr"): boolean;
  /** How the person runs Deno: `deno`, or `npx -y deno@…` where only npm is installed. */
  readonly denoCommand: string;
  /** The name of the system as `Deno.build.os` has it. */
  readonly os: string;
  /** Standard input and output as one stream; once taken, {@link stdout} must not be used. */
  stdio(): ByteStream;
  /** Starts a program that goes on by itself, without terminal. Rejects when it cannot be started. */
  start(call: ProgramCall): Promise<void>;
  /** Standard input as it comes; once taken, {@link CliIo.stdio} must not be used. */
  stdin(): AsyncIterable<Uint8Array>;
  /** Prepares to start this program again, see {@link ownProcess}; `null` when that is not permitted. */
  ownProcess(args: readonly string[], paths: OwnPaths): Promise<StartWorker | null>;
  /** Listens for signals until disposed by the caller. @param options `on`: default SIGINT and SIGTERM; the other is ignored */
  interruption(options?: { readonly on: readonly InterruptSignal[] }): Interruption;
  /** Calls `run` at each SIGHUP until disposed by the caller. */
  onHangUp(run: () => void): Disposable;
  /** Hears of errors that nobody has handled, and keeps them from ending the process, until disposed by the caller. */
  onUnhandled(run: (error: unknown) => void): Disposable;
  /** The IP addresses of this machine, which tell networks apart; empty when the system does not say. */
  networkAddresses(): readonly string[];
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
  /** Where nonces come from. */
  readonly random: Random;
}
