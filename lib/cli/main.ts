import { ClientError } from "../client/client_error.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import { commands } from "./commands.ts";
import { findCommand } from "./find_command.ts";
import { commandHelp, programHelp } from "./help_text.ts";
import { HELP_OPTION, parseArgs } from "./options.ts";
import { printError } from "./print_error.ts";
import { UsageError } from "./usage_error.ts";
import { workerCommand } from "./worker.ts";

/**
 * Runs the program.
 *
 * @param args what follows the name of the program
 * @returns the exit code: 0, 1 for a failure, 2 for a command line that cannot be understood; never rejects
 */
export async function main(args: readonly string[], io: CliIo): Promise<number> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    printError(error, io);
    return isUsage(error) ? EXIT.usage : EXIT.failure;
  }
}

/** What the client calls invalid was typed by the person. */
function isUsage(error: unknown): boolean {
  return error instanceof UsageError ||
    (error instanceof ClientError && error.code.startsWith("client/invalid-"));
}

async function dispatch([name, ...rest]: readonly string[], io: CliIo): Promise<number> {
  if (name === undefined) {
    io.stderr(programHelp(commands));
    return EXIT.usage;
  }
  if (name === "--help" || name === "-h") {
    return await runCommand(findCommand("help", commands), { rest: [], io });
  }
  if (name === "--version" || name === "-v") {
    return await runCommand(findCommand("version", commands), { rest: [], io });
  }
  if (name.startsWith("-")) {
    throw new UsageError(
      "cli/unknown-option",
      `There is no option ${name} before the command`,
      "sallyport --help",
    );
  }
  const command = name === workerCommand.name ? workerCommand : findCommand(name, commands);
  return await runCommand(command, { rest, io });
}

async function runCommand(
  command: Command,
  { rest, io }: { rest: readonly string[]; io: CliIo },
): Promise<number> {
  const args = parseArgs(rest, { spec: command, env: (name) => io.env(name) });
  if (args.has(HELP_OPTION.name)) {
    io.stdout(commandHelp(command));
    return EXIT.ok;
  }
  return await command.run(args, io);
}
