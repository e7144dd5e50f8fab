import type { SshLogin } from "../handlers.ts";
import type { SshServices } from "../services.ts";
import type { Shell } from "../shell.ts";

/** What a command of the SSH server works with. */
export interface CommandContext {
  /** Who asks. */
  readonly login: SshLogin;
  /** Words after the name of the command. */
  readonly words: readonly string[];
  /** Where to answer. */
  readonly shell: Shell;
  /** Of the server. */
  readonly services: SshServices;
  /** Shows what fills the terminal; it is to end soon when the signal says so. */
  readonly page: <T>(show: (leaving: AbortSignal) => Promise<T>) => Promise<T>;
  /** Goes on with this session on the server of a route. @returns once it is over */
  readonly enterRoute: (name: string) => Promise<void>;
  /** The session of the caller is being ended by themselves: the connection is left to end by itself. */
  readonly onSignOut: () => void;
}

/** A command of the SSH server, for who signs in without a route. */
export interface Command {
  /** What is typed. */
  readonly name: string;
  /** One line for the help. */
  readonly summary: string;
  /** Whether it needs a terminal. */
  readonly isInteractive: boolean;
  /** Does it. @returns the exit code; `null`: the session is somebody else's now */
  run(context: CommandContext): Promise<number | null>;
}
