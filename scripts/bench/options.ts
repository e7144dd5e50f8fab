import { parseArgs } from "node:util";
import { errorMessage } from "../../lib/base/errors.ts";
import type { MeasureOptions } from "./measure.ts";

/** What `deno task bench tcp` understands. */
export const USAGE = `Usage: deno task bench tcp [OPTIONS]

Measures TCP tunnels through sallyport, squid and HAProxy, and the same without a proxy.

  --runs N       how often each figure is taken; the median is shown (default 3)
  --mib N        MiB moved each way in a run (default 1024)
  --openings N   tunnels opened in a run (default 1000)
  --tunnels N    idle tunnels whose memory is measured, once (default 1000)
  --seconds N    longest time for the round trips of a run (default 3)
  --json FILE    write every figure of every run to a file`;

/** The options of the benchmark of TCP tunnels. */
export interface TcpOptions extends Omit<MeasureOptions, "onProgress"> {
  /** A file to write to; `null` is none. */
  readonly json: string | null;
}

const NUMBERS = {
  runs: { default: "3", max: 100 },
  mib: { default: "1024", max: 65_536 },
  openings: { default: "1000", max: 100_000 },
  tunnels: { default: "1000", max: 7_000 },
  seconds: { default: "3", max: 60 },
} as const;

/** @returns the options, or what is wrong with the arguments */
export function parseTcpOptions(args: string[]): TcpOptions | string {
  try {
    const names = Object.keys(NUMBERS) as (keyof typeof NUMBERS)[];
    const known = [...names, "json"].map((name) => [name, { type: "string" }] as const);
    const { values } = parseArgs({ args, options: Object.fromEntries(known) });
    const [runs, mib, openings, tunnels, seconds] = names.map((name) => {
      const { default: absent, max } = NUMBERS[name];
      const value = Number(values[name] ?? absent);
      if (!Number.isInteger(value) || value < 1 || value > max) {
        throw new RangeError(`--${name} must be a whole number from 1 to ${max}`);
      }
      return value;
    }) as [number, number, number, number, number];
    return { runs, mib, openings, tunnels, seconds, json: values.json as string ?? null };
  } catch (error) {
    return errorMessage(error);
  }
}
