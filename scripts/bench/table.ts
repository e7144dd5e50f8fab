import { aimsText, isAimedAt } from "./aims.ts";
import type { Bench, Scene, Table } from "./bench.ts";
import { httpTables } from "./http.ts";
import type { BenchOptions } from "./parse_options.ts";
import { sshTables } from "./ssh.ts";
import { TCP_NUMBERS, tcpTables } from "./tcp.ts";
import { udpTables } from "./udp.ts";

const NUMBERS = {
  ...TCP_NUMBERS,
  seconds: { absent: 2, max: 60, help: "length of what is measured by time" },
} as const;

type TableOptions = BenchOptions<keyof typeof NUMBERS>;

/** What is aimed at, beside what was measured. */
export const tableBench: Bench<keyof typeof NUMBERS> = {
  about: "Measures, in one run, everything that there is an aim for, and prints a row for each.",
  numbers: NUMBERS,
  prepare,
  render: aimsText,
};

async function prepare(scene: Scene, options: TableOptions): Promise<Table[]> {
  const all = [
    ...tcpTables(scene, options),
    ...httpTables(scene, options),
    ...await sshTables(scene, options),
    ...udpTables(scene, options),
  ];
  return all.map((table) => ({ ...table, rows: table.rows.filter(({ name }) => isAimedAt(table.id, name)) }));
}
