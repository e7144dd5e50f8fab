import { nearestWord } from "../base/nearest.ts";
import { UsageError } from "./usage_error.ts";

/** One option of a command: from this the parser, the help and the shell completion are made. */
export interface OptionSpec {
  /** Without dashes: `listen` is `--listen`. */
  readonly name: string;
  /** Other names; one letter means one dash, as in `-h`. */
  readonly aliases?: readonly string[];
  /** What stands for the value in the help, such as `ADDRESS`; an option without it is a switch. */
  readonly value?: string;
  /** A sentence without full stop. */
  readonly description: string;
  /** The value when the option is not given. */
  readonly default?: string;
  /** Whether it may be given more than once; default `false`. */
  readonly repeatable?: boolean;
  /** The environment variable that stands in when the option is not given. */
  readonly env?: string;
}

/** One argument that is known by its place. */
export interface PositionalSpec {
  /** As the help names it, such as `DESTINATION`. */
  readonly name: string;
  /** A sentence without full stop. */
  readonly description: string;
  /** Only the last may be; default `false`. */
  readonly optional?: boolean;
  /** What it can be, for the completion. */
  readonly choices?: readonly string[];
}

/** What a command understands. */
export interface ArgsSpec {
  /** Without `--help`, which every command has. */
  readonly options: readonly OptionSpec[];
  /** In order. */
  readonly positionals: readonly PositionalSpec[];
}

/** Every command has it. */
export const HELP_OPTION: OptionSpec = { name: "help", aliases: ["h"], description: "Print this help" };

/** Arguments by the names of their specifications. Asking for a name that is not specified is a `TypeError`. */
export class ParsedArgs {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  /** Wraps what was read. @param values by name of option or positional; every specified name has an entry; a switch that was given has `""` */
  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** Whether it was given, by default or environment too. */
  has(name: string): boolean {
    return this.all(name).length > 0;
  }

  /** Its value, or `undefined`. */
  find(name: string): string | undefined {
    return this.all(name)[0];
  }

  /** The value of something that is always there: it has a default or is a required positional. */
  get(name: string): string {
    const value = this.find(name);
    if (value === undefined) throw new TypeError(`Cannot get '${name}' as it was not given`);
    return value;
  }

  /** All values of a repeatable option, in order. */
  all(name: string): readonly string[] {
    const values = this.#values.get(name);
    if (values === undefined) throw new TypeError(`Cannot get '${name}' as the command has no such argument`);
    return values;
  }
}

/**
 * Reads `--name value`, `--name=value`, `-x`, positionals, and `--` after which everything is positional.
 *
 * @param options `env` looks up environment variables
 * @throws {UsageError} with the rule that was broken; a missing argument is no error when `--help` was given
 */
export function parseArgs(
  args: readonly string[],
  { spec, env }: { spec: ArgsSpec; env: (name: string) => string | undefined },
): ParsedArgs {
  const options = [...spec.options, HELP_OPTION];
  const { given, words } = readWords(args, options);
  const values = new Map<string, readonly string[]>();
  for (const option of options) values.set(option.name, given.get(option.name) ?? fallback(option, env));
  const needArguments = !given.has(HELP_OPTION.name);
  for (const [name, word] of assignPositionals(words, { spec, needArguments })) values.set(name, word);
  return new ParsedArgs(values);
}

/** An option as it is typed: `--listen`, `-h`. */
export function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/** All the ways to type an option. */
export function spellings(option: OptionSpec): string[] {
  return [option.name, ...option.aliases ?? []].map(dashed);
}

function readWords(args: readonly string[], options: readonly OptionSpec[]) {
  const bySpelling = new Map(
    options.flatMap((option) => spellings(option).map((word) => [word, option] as const)),
  );
  const given = new Map<string, string[]>();
  const words: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      words.push(arg);
      continue;
    }
    const equals = arg.startsWith("--") ? arg.indexOf("=") : -1;
    const spelling = equals < 0 ? arg : arg.slice(0, equals);
    const option = bySpelling.get(spelling) ?? unknownOption(spelling, bySpelling.keys());
    const inline = equals < 0 ? undefined : arg.slice(equals + 1);
    const next = args[at + 1];
    const value = valueOf(option, { spelling, inline, next: bySpelling.has(next ?? "") ? undefined : next });
    if (value !== "" && inline === undefined) at++;
    add(given, option, { spelling, value });
  }
  return { given, words };
}

/** `""` for a switch. */
function valueOf(
  option: OptionSpec,
  { spelling, inline, next }: { spelling: string; inline: string | undefined; next: string | undefined },
): string {
  if (option.value === undefined) {
    if (inline === undefined) return "";
    throw new UsageError("cli/unexpected-value", `${spelling} takes no value`);
  }
  const value = inline ?? next;
  if (value === undefined || value === "") {
    throw new UsageError(
      "cli/missing-value",
      `${spelling} needs a value`,
      `write ${spelling} ${option.value}`,
    );
  }
  return value;
}

function add(
  given: Map<string, string[]>,
  option: OptionSpec,
  { spelling, value }: { spelling: string; value: string },
): void {
  const before = given.get(option.name);
  if (before === undefined) given.set(option.name, [value]);
  else if (option.repeatable) before.push(value);
  else if (option.value !== undefined) {
    throw new UsageError("cli/repeated-option", `${spelling} was given more than once`);
  }
}

function unknownOption(spelling: string, known: Iterable<string>): never {
  const near = nearestWord(spelling, known);
  const hint = near === null ? "--help lists the options" : `did you mean ${near}?`;
  throw new UsageError("cli/unknown-option", `There is no option ${spelling}`, hint);
}

function fallback(option: OptionSpec, env: (name: string) => string | undefined): string[] {
  const value = (option.env === undefined ? undefined : env(option.env)) || option.default;
  return value === undefined ? [] : [value];
}

function assignPositionals(
  words: readonly string[],
  { spec, needArguments }: { spec: ArgsSpec; needArguments: boolean },
): [string, string[]][] {
  const extra = words[spec.positionals.length];
  if (extra !== undefined && needArguments) {
    throw new UsageError("cli/unexpected-argument", `There is an argument too many: ${extra}`);
  }
  return spec.positionals.map(({ name, optional }, index) => {
    const word = words[index];
    if (word === undefined && !optional && needArguments) {
      throw new UsageError("cli/missing-argument", `${name} is missing`, "--help says what it can be");
    }
    return [name, word === undefined ? [] : [word]];
  });
}
