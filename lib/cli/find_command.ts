import { nearestWord } from "../base/nearest.ts";
import type { Command } from "./command.ts";
import { UsageError } from "./usage_error.ts";

/**
 * The command of this name or alias.
 *
 * @throws {UsageError} `cli/unknown-command`
 */
export function findCommand(name: string, commands: readonly Command[]): Command {
  const found = commands.find((command) => command.name === name || command.aliases?.includes(name));
  if (found !== undefined) return found;
  const near = nearestWord(name, commands.flatMap((command) => [command.name, ...command.aliases ?? []]));
  const hint = near === null ? "sallyport help lists the commands" : `did you mean ${near}?`;
  throw new UsageError("cli/unknown-command", `There is no command ${name}`, hint);
}
