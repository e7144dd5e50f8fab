import type { MeasureOptions } from "./measure.ts";
import { parseOptions } from "./parse_options.ts";

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
  runs: { absent: 3, max: 100 },
  mib: { absent: 1024, max: 65_536 },
  openings: { absent: 1000, max: 100_000 },
  tunnels: { absent: 1000, max: 7_000 },
  seconds: { absent: 3, max: 60 },
} as const;

/** @returns the options, or what is wrong with the arguments */
export function parseTcpOptions(args: string[]): TcpOptions | string {
  return parseOptions(args, NUMBERS);
}
