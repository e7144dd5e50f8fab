import type { Command } from "./command.ts";
import { HELP_OPTION, type OptionSpec, type PositionalSpec, spellings } from "./options.ts";

const WIDTH = 100;

/** What `sallyport --help` prints. */
export function programHelp(commands: readonly Command[]): string {
  const nameWidth = Math.max(...commands.map(({ name }) => name.length));
  return [
    "Usage: sallyport COMMAND [ARGUMENTS]",
    "",
    "Reach services behind an identity-aware gateway, or be that gateway.",
    "",
    "Commands:",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(nameWidth)}  ${summary}`),
    "",
    "sallyport COMMAND --help says more about a command.",
    "",
  ].join("\n");
}

/** What `sallyport COMMAND --help` prints. */
export function commandHelp(command: Command): string {
  const lines = [
    `Usage: sallyport ${[command.name, "[OPTIONS]", ...command.positionals.map(usageOf)].join(" ")}`,
  ];
  lines.push("", ...wrapped(command.summary + ".", 0));
  if (command.description !== undefined) lines.push("", ...wrapped(command.description, 0));
  if (command.positionals.length > 0) {
    lines.push("", "Arguments:");
    for (const { name, description } of command.positionals) {
      lines.push(`  ${name}`, ...wrapped(description, 6));
    }
  }
  lines.push("", "Options:");
  for (const option of [...command.options, HELP_OPTION]) {
    lines.push(`  ${typed(option)}`, ...wrapped(about(option), 6));
  }
  const { aliases = [], examples = [] } = command;
  if (examples.length > 0) lines.push("", "Examples:", ...examples.map((example) => `  ${example}`));
  if (aliases.length > 0) lines.push("", `Also known as: ${aliases.join(", ")}`);
  return lines.join("\n") + "\n";
}

function usageOf({ name, optional }: PositionalSpec): string {
  return optional ? `[${name}]` : name;
}

function typed(option: OptionSpec): string {
  return spellings(option).join(", ") + (option.value === undefined ? "" : ` ${option.value}`);
}

function about(option: OptionSpec): string {
  const notes = [];
  if (option.default !== undefined) notes.push(`default: ${option.default}`);
  if (option.env !== undefined) notes.push(`environment: ${option.env}`);
  if (option.repeatable) notes.push("may be repeated");
  return option.description + notes.map((note) => ` [${note}]`).join("");
}

/** Lines of at most 100 columns. Line ends in the text stay. */
function wrapped(text: string, indent: number): string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines = [""];
    for (const word of paragraph.split(" ")) {
      const last = lines.at(-1)!;
      if (last === "") lines[lines.length - 1] = word;
      else if (indent + last.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
    }
    return lines.map((line) => line === "" ? "" : " ".repeat(indent) + line);
  });
}
