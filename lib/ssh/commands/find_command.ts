import type { Command } from "./command.ts";
import { logout } from "./logout.ts";
import { portal } from "./portal.ts";
import { routes } from "./routes.ts";
import { whoami } from "./whoami.ts";

const COMMANDS: readonly Command[] = [whoami, routes, portal, logout];

/** `--help`: what there is. */
export const help: Command = {
  name: "--help",
  summary: "Shows this help.",
  isInteractive: false,
  async run({ shell, services }) {
    const { hostname } = new URL(services.signInOrigin());
    const commands = [...COMMANDS, help].map(({ name, summary }) => `  ${name.padEnd(8)}  ${summary}\n`);
    const lines = [
      `Usage: ssh [-t] NAME@${hostname} COMMAND\n`,
      `       ssh NAME@ROUTE@${hostname}\n`,
      "\nCommands:\n",
      ...commands,
    ];
    await shell.print(lines.join(""));
    return 0;
  },
};

/**
 * The command in a line, split at white space; without quotes, which no command needs.
 *
 * @param options `hasPortal`: whether servers can be picked
 * @returns `null` when there is none of this name
 */
export function findCommand(
  line: string,
  { hasPortal }: { hasPortal: boolean },
): { command: Command; words: readonly string[] } | null {
  const [name = "--help", ...words] = line.trim().split(/\s+/).filter((word) => word !== "");
  if (name === "--help" || name === "help" || name === "-h") return { command: help, words };
  const command = COMMANDS.find((command) => command.name === name && (command !== portal || hasPortal));
  return command === undefined ? null : { command, words };
}
