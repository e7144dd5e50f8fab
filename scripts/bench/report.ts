import type { Bench, Column, RowResult, TableResult } from "./bench.ts";
import type { CommonOptions } from "./parse_options.ts";
import { spread } from "./statistics.ts";

/** What `--json` writes: every figure of every run. */
export interface BenchRecord {
  /** Changes with the shape. */
  readonly format: 1;
  /** Name of the benchmark. */
  readonly bench: string;
  /** When it was over, as in RFC 3339. */
  readonly at: string;
  readonly machine: {
    readonly cores: number;
    readonly kernel: string;
    readonly deno: string;
    /** Whether the process under test had a core of its own. */
    readonly isPinned: boolean;
  };
  /** As they were given, or by default. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Programs that are not installed. */
  readonly missing: readonly string[];
  readonly tables: readonly {
    /** One word. */
    readonly id: string;
    readonly title: string;
    /** What the figures are called in the tables, by key. */
    readonly columns: Readonly<Record<string, string>>;
    readonly rows: readonly {
      readonly name: string;
      /** By key, in the order of the runs. */
      readonly figures: Readonly<Record<string, readonly number[]>>;
    }[];
  }[];
}

/** Puts together what was measured. */
export function recordOf(
  { name, options, results, missing, isPinned }: {
    name: string;
    options: CommonOptions;
    results: readonly TableResult[];
    missing: readonly string[];
    isPinned: boolean;
  },
): BenchRecord {
  const { cores, kernel } = { cores: navigator.hardwareConcurrency, kernel: Deno.osRelease() };
  return {
    format: 1,
    bench: name,
    at: new Date().toISOString(),
    machine: { cores, kernel, deno: Deno.version.deno, isPinned },
    options: { ...options },
    missing,
    tables: results.map(({ table, rows }) => ({
      id: table.id,
      title: table.title,
      columns: Object.fromEntries(
        table.columns.filter(({ addedTo }) => addedTo === undefined).map(({ key, title }) => [key, title]),
      ),
      rows,
    })),
  };
}

/** The report for people, in Markdown. */
export function textReport(
  { at, machine, options, missing }: BenchRecord,
  { results, render = tables }: { results: readonly TableResult[]; render: Bench["render"] | undefined },
): string {
  const cores = machine.isPinned
    ? "what is measured has the last core, the rest the others"
    : "the system chooses the cores";
  const absent = missing.map((name) => `${name}: not installed`);
  return [
    `${at}, ${machine.cores} cores, Linux ${machine.kernel}, Deno ${machine.deno}; ${cores}`,
    `median (least..most) of ${options.runs} runs${numbersOf(options)}`,
    ...absent,
    "",
    render(results),
  ].join("\n");
}

function numbersOf({ runs: _, ...options }: BenchRecord["options"]): string {
  const numbers = Object.entries(options).filter(([, value]) => typeof value === "number");
  return numbers.length === 0 ? "" : `; ${numbers.map(([name, value]) => `--${name} ${value}`).join(" ")}`;
}

function tables(results: readonly TableResult[]): string {
  return results.map((result) => `${result.table.title}\n\n${tableText(result)}`).join("\n\n");
}

function tableText({ table, rows: all }: TableResult): string {
  const rows = all.filter(({ figures }) => Object.keys(figures).length > 0);
  const columns = table.columns.filter(({ key }) => rows.some(({ figures }) => figures[key] !== undefined));
  const body = rows.map((
    row,
  ) => [row.name, ...columns.map((column) => cell(column, { row, rows }))]);
  return markdown(["", ...columns.map(({ title }) => title)], body);
}

function cell(
  { key, digits = 0, addedTo }: Column,
  { row, rows }: { row: RowResult; rows: readonly RowResult[] },
): string {
  const figures = row.figures[key];
  if (figures === undefined) return "-";
  if (addedTo === undefined) return spreadText(figures, digits);
  const base = rows.find(({ name }) => name === addedTo);
  if (base === undefined || base === row) return "-";
  return spreadText(figures.map((value, run) => value - base.figures[key]![run]!), digits);
}

/** As in `5 (4..7)`. */
export function spreadText(numbers: readonly number[], digits: number): string {
  const { median, min, max } = spread(numbers);
  const text = (value: number) => (Number(value.toFixed(digits)) + 0).toFixed(digits); // no -0
  return numbers.length === 1 ? text(median) : `${text(median)} (${text(min)}..${text(max)})`;
}

/** A table in Markdown; what comes after the first columns is to the right. */
export function markdown(
  head: readonly string[],
  body: readonly (readonly string[])[],
  { left = 1 }: { left?: number } = {},
): string {
  const lines = [head, ...body];
  const widths = head.map((_, index) => Math.max(3, ...lines.map((line) => line[index]!.length)));
  const rule = widths.map((width, index) => index < left ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  const [top, ...rest] = lines.map((line) =>
    line.map((text, index) => index < left ? text.padEnd(widths[index]!) : text.padStart(widths[index]!))
  );
  return [top!, rule, ...rest].map((line) => `| ${line.join(" | ")} |`).join("\n");
}
