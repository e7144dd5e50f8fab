import { type Command, EXIT } from "./command.ts";
import { HELP_OPTION, type OptionSpec, spellings } from "./options.ts";
import { UsageError } from "./usage_error.ts";

const SHELLS: Readonly<Record<string, (commands: readonly Command[]) => string>> = { bash, zsh, fish };

/** `sallyport completion`, for the commands that `list` returns. */
export function completionCommand(list: () => readonly Command[]): Command {
  return {
    name: "completion",
    summary: "Print a completion script for a shell",
    positionals: [{ name: "SHELL", description: "bash, zsh or fish", choices: Object.keys(SHELLS) }],
    options: [],
    examples: [
      "source <(sallyport completion bash)",
      "source <(sallyport completion zsh)",
      "sallyport completion fish | source",
    ],
    run(args, io) {
      const shell = args.get("SHELL");
      const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell]! : null;
      if (script === null) {
        throw new UsageError("cli/unknown-shell", `There is no completion for ${shell}`, "bash, zsh or fish");
      }
      io.stdout(script(list()));
      return Promise.resolve(EXIT.ok);
    },
  };
}

function bash(commands: readonly Command[]): string {
  return `# sallyport completion for bash
_sallyport() {
  local words
  if [ "$COMP_CWORD" -eq 1 ]; then
    words=${quoted(commands.map(({ name }) => name).join(" "))}
  else
    case "\${COMP_WORDS[1]}" in
${
    commands.map((command) => `      ${patternOf(command)}) words=${quoted(wordsOf(command).join(" "))} ;;`)
      .join("\n")
  }
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _sallyport sallyport
`;
}

function zsh(commands: readonly Command[]): string {
  return `#compdef sallyport
# sallyport completion for zsh
_sallyport() {
  local -a entries
  if (( CURRENT == 2 )); then
    entries=(
${commands.map(({ name, summary }) => `      ${quoted(entry(name, summary))}`).join("\n")}
    )
    _describe command entries
    return
  fi
  case "$words[2]" in
${commands.map(zshCase).join("\n")}
  esac
  _describe option entries
  _files
}
compdef _sallyport sallyport
`;
}

function zshCase(command: Command): string {
  const entries = [
    ...choicesOf(command),
    ...optionsOf(command).flatMap((option) =>
      longNames(option).map((name) => entry(name, option.description))
    ),
  ];
  return `    ${patternOf(command)}) entries=(${entries.map(quoted).join(" ")}) ;;`;
}

function fish(commands: readonly Command[]): string {
  const lines = ["# sallyport completion for fish"];
  for (const command of commands) {
    const inCommand = quoted(
      `__fish_seen_subcommand_from ${[command.name, ...command.aliases ?? []].join(" ")}`,
    );
    lines.push(
      `complete -c sallyport -n __fish_use_subcommand -f -a ${command.name} -d ${quoted(command.summary)}`,
    );
    for (const choice of choicesOf(command)) {
      lines.push(`complete -c sallyport -n ${inCommand} -f -a ${choice}`);
    }
    for (const option of optionsOf(command)) {
      const names = longNames(option).map((name) => `-l ${name.slice(2)}`).join(" ");
      const value = option.value === undefined ? "" : " -r";
      lines.push(`complete -c sallyport -n ${inCommand} ${names}${value} -d ${quoted(option.description)}`);
    }
  }
  return lines.join("\n") + "\n";
}

function wordsOf(command: Command): string[] {
  return [...choicesOf(command), ...optionsOf(command).flatMap(longNames)];
}

function optionsOf(command: Command): OptionSpec[] {
  return [...command.options, HELP_OPTION];
}

function choicesOf(command: Command): readonly string[] {
  return command.positionals.flatMap(({ choices }) => choices ?? []);
}

function longNames(option: OptionSpec): string[] {
  return spellings(option).filter((name) => name.startsWith("--"));
}

/** A pattern of `case` that matches the command under all its names. */
function patternOf({ name, aliases = [] }: Command): string {
  return [name, ...aliases].join("|");
}

/** What `_describe` of zsh takes: a colon ends the word. */
function entry(word: string, description: string): string {
  return `${word}:${description.replaceAll(":", "\\:")}`;
}

/** In single quotes, which is the same in all three shells but for the quote itself. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}
