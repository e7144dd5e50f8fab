import { type Command, EXIT } from "./command.ts";
import { findCommand } from "./find_command.ts";
import { commandHelp, programHelp } from "./help_text.ts";

/** `sallyport help`, for the commands that `list` returns. */
export function helpCommand(list: () => readonly Command[]): Command {
  return {
    name: "help",
    summary: "Say what a command does",
    positionals: [{
      name: "COMMAND",
      description: "One of the commands; all of them without it",
      optional: true,
    }],
    options: [],
    run(args, io) {
      const name = args.find("COMMAND");
      io.stdout(name === undefined ? programHelp(list()) : commandHelp(findCommand(name, list())));
      return Promise.resolve(EXIT.ok);
    },
  };
}
