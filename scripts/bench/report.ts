import type { FigureName, PeerResult } from "./measure.ts";
import type { TcpOptions } from "./options.ts";
import { spread } from "./statistics.ts";

/** Everything a report tells. */
export interface Report {
  readonly at: Date;
  readonly options: TcpOptions;
  readonly results: readonly PeerResult[];
  readonly notInstalled: readonly string[];
}

interface Column {
  readonly title: string;
  readonly figure: FigureName;
  readonly digits: number;
  /** Shows what is more than without a proxy. */
  readonly added?: boolean;
}

const TABLES: Readonly<Record<string, readonly Column[]>> = {
  "Throughput of one tunnel": [
    { title: "download MB/s", figure: "downloadMbPerSecond", digits: 0 },
    { title: "CPU s/GiB", figure: "downloadCpuSecondsPerGib", digits: 2 },
    { title: "upload MB/s", figure: "uploadMbPerSecond", digits: 0 },
    { title: "CPU s/GiB", figure: "uploadCpuSecondsPerGib", digits: 2 },
  ],
  "Opening tunnels, eight at a time, and keeping them": [
    { title: "tunnels/s", figure: "openingsPerSecond", digits: 0 },
    { title: "CPU ms/tunnel", figure: "openingCpuMs", digits: 2 },
    { title: "KiB/idle tunnel", figure: "idleTunnelKib", digits: 0 },
  ],
  "Round trip of one byte, in microseconds": [
    { title: "p50", figure: "echoP50Micros", digits: 0 },
    { title: "p50 added", figure: "echoP50Micros", digits: 0, added: true },
    { title: "p99", figure: "echoP99Micros", digits: 0 },
  ],
  "Round trip answered with two writes, in microseconds": [
    { title: "p50", figure: "twoWritesP50Micros", digits: 0 },
    { title: "p50 added", figure: "twoWritesP50Micros", digits: 0, added: true },
    { title: "p99", figure: "twoWritesP99Micros", digits: 0 },
    { title: "% over 20 ms", figure: "twoWritesStalledPercent", digits: 1 },
  ],
};

/** The report for people: tables in Markdown. */
export function textReport({ at, options, results, notInstalled }: Report): string {
  const { runs, mib, openings, tunnels } = options;
  const tables = Object.entries(TABLES).map(([title, columns]) => `${title}\n\n${table(columns, results)}`);
  const absent = notInstalled.map((name) => `${name}: not installed`);
  return [
    `${at.toISOString()}, ${navigator.hardwareConcurrency} cores, Linux ${Deno.osRelease()}, Deno ${Deno.version.deno}`,
    `median (least..most) of ${runs} runs: ${mib} MiB, ${openings} openings; once: ${tunnels} idle tunnels`,
    ...absent,
    "",
    tables.join("\n\n"),
  ].join("\n");
}

/** The report for programs: every figure of every run. */
export function jsonReport({ at, options, results, notInstalled }: Report): unknown {
  return {
    at: at.toISOString(),
    machine: { cores: navigator.hardwareConcurrency, kernel: Deno.osRelease(), deno: Deno.version.deno },
    options,
    notInstalled,
    peers: results.map(({ peer, figures }) => ({ name: peer.name, figures })),
  };
}

function table(columns: readonly Column[], results: readonly PeerResult[]): string {
  const rows = results.map((result) => [
    result.peer.name,
    ...columns.map((column) => cell(column, { result, direct: results[0]! })),
  ]).filter(([, ...cells]) => cells.some((text) => text !== "-"));
  const lines = [["", ...columns.map(({ title }) => title)], ...rows];
  const widths = lines[0]!.map((_, index) => Math.max(3, ...lines.map((line) => line[index]!.length)));
  const rule = widths.map((width, index) => index === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  const [head, ...body] = lines.map((line) =>
    line.map((text, index) => index === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[index]!))
  );
  return [head!, rule, ...body].map((line) => `| ${line.join(" | ")} |`).join("\n");
}

function cell(column: Column, { result, direct }: { result: PeerResult; direct: PeerResult }): string {
  const { figure, digits, added = false } = column;
  const figures = result.figures[figure];
  if (figures === undefined || (added && result === direct)) return "-";
  const base = direct.figures[figure];
  const { median, min, max } = spread(added ? figures.map((value, run) => value - base![run]!) : figures);
  const text = (value: number) => (Number(value.toFixed(digits)) + 0).toFixed(digits); // no -0
  return figures.length === 1 ? text(median) : `${text(median)} (${text(min)}..${text(max)})`;
}
