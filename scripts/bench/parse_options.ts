import { parseArgs } from "node:util";
import { errorMessage } from "../../lib/base/errors.ts";

/** A number that a benchmark takes, 1 or more. */
export interface NumberOption {
  /** Without the option. */
  readonly absent: number;
  /** The most. */
  readonly max: number;
}

/** The numbers of a benchmark, by option, and where to write every figure of every run; `null` is nowhere. */
export type BenchOptions<Name extends string> = Readonly<Record<Name, number>> & {
  readonly json: string | null;
};

/**
 * Reads the options of a benchmark: whole numbers, and `--json FILE`.
 *
 * @returns the options, or what is wrong with the arguments
 */
export function parseOptions<Name extends string>(
  args: string[],
  numbers: Readonly<Record<Name, NumberOption>>,
): BenchOptions<Name> | string {
  try {
    const entries = Object.entries(numbers) as [Name, NumberOption][];
    const known = [...entries.map(([name]) => name), "json"].map((name) =>
      [name, { type: "string" }] as const
    );
    const { values } = parseArgs({ args, options: Object.fromEntries(known) });
    const read = entries.map(([name, { absent, max }]) => {
      const value = Number(values[name] ?? absent);
      if (!Number.isInteger(value) || value < 1 || value > max) {
        throw new RangeError(`--${name} must be a whole number from 1 to ${max}`);
      }
      return [name, value] as const;
    });
    return { ...Object.fromEntries(read) as Record<Name, number>, json: values.json as string ?? null };
  } catch (error) {
    return errorMessage(error);
  }
}
