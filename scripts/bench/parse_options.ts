import { parseArgs } from "node:util";
import { errorMessage } from "../../lib/base/errors.ts";

/** A number that a benchmark takes, 1 or more. */
export interface NumberOption {
  /** Without the option. */
  readonly absent: number;
  /** The most. */
  readonly max: number;
  /** What it is, for the usage. */
  readonly help: string;
}

/** What every benchmark understands. */
export interface CommonOptions {
  readonly runs: number;
  /** Where to write every figure of every run; `null` is nowhere. */
  readonly json: string | null;
  /** Such a file, to compare with; `null` is none. */
  readonly compare: string | null;
  /** Parts of the names of the rows that are measured; empty: all. */
  readonly only: readonly string[];
  /** The tables that are measured; empty: all. */
  readonly tables: readonly string[];
  /** Other checkouts to measure beside this one. */
  readonly trees: Readonly<Record<string, string>>;
  /** Whether the process under test has a core of its own. */
  readonly isPinned: boolean;
}

/** The options of a benchmark. */
export type BenchOptions<Name extends string> = CommonOptions & Readonly<Record<Name, number>>;

const MAX_RUNS = 100;
const TEXTS = ["json", "compare", "only", "tables"] as const;

/** How the options are explained. */
export function usage(
  name: string,
  bench: { about: string; runs?: number; numbers: Readonly<Record<string, NumberOption>> },
): string {
  const numbers = Object.entries(bench.numbers).map(([option, { help, absent }]) =>
    [`--${option} N`, `${help} (default ${absent})`] as const
  );
  const lines = [
    ["--runs N", `how often each figure is taken; the median is shown (default ${bench.runs ?? 7})`] as const,
    ...numbers,
    ["--only A,B", "only rows whose names contain one of these"] as const,
    ["--tables A,B", "only these tables"] as const,
    ["--tree NAME=DIR", "measure the checkout in this folder as well; may be given again"] as const,
    ["--pin", "give the process under test the last core, and the rest the others"] as const,
    ["--json FILE", "write every figure of every run to a file"] as const,
    ["--compare FILE", "compare with such a file"] as const,
  ].map(([option, help]) => `  ${option.padEnd(16)} ${help}`);
  return `Usage: deno task bench ${name} [OPTIONS]\n\n${bench.about}\n\n${lines.join("\n")}`;
}

/**
 * Reads the options of a benchmark.
 *
 * @returns the options, or what is wrong with the arguments
 */
export function parseOptions<Name extends string>(
  args: string[],
  { numbers, runs = 7 }: { numbers: Readonly<Record<Name, NumberOption>>; runs?: number },
): BenchOptions<Name> | string {
  try {
    const all: Record<string, NumberOption> = { ...numbers, runs: { absent: runs, max: MAX_RUNS, help: "" } };
    const known = [...Object.keys(all), ...TEXTS].map((name) => [name, { type: "string" }] as const);
    const { values } = parseArgs({
      args,
      options: {
        ...Object.fromEntries(known),
        tree: { type: "string", multiple: true },
        pin: { type: "boolean" },
      },
    });
    const texts = values as unknown as Readonly<Record<string, string | undefined>>;
    const text = (name: string) => texts[name];
    const list = (name: string) => text(name)?.split(",").map((part) => part.trim()) ?? [];
    const read = Object.entries(all).map((
      [name, option],
    ) => [name, readNumber(text(name), { name, option })]);
    return {
      ...Object.fromEntries(read) as Record<Name | "runs", number>,
      json: text("json") ?? null,
      compare: text("compare") ?? null,
      only: list("only"),
      tables: list("tables"),
      trees: Object.fromEntries((values.tree ?? []).map(readTree)),
      isPinned: values.pin === true,
    };
  } catch (error) {
    return errorMessage(error);
  }
}

function readNumber(
  text: string | undefined,
  { name, option: { absent, max } }: { name: string; option: NumberOption },
): number {
  const value = Number(text ?? absent);
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new RangeError(`--${name} must be a whole number from 1 to ${max}`);
  }
  return value;
}

function readTree(text: string): [name: string, folder: string] {
  const at = text.indexOf("=");
  if (at < 1 || at === text.length - 1) throw new RangeError("--tree must be a name, =, and a folder");
  return [text.slice(0, at), Deno.realPathSync(text.slice(at + 1))];
}
