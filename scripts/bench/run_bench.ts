// deno-lint-ignore-file no-console -- a script speaks to the terminal

import { errorMessage } from "../../lib/base/errors.ts";
import type { Bench, Row, RowResult, Scene, Table, TableResult } from "./bench.ts";
import { makeLauncher } from "./children.ts";
import { compareText, readRecord } from "./compare.ts";
import { type LoadProgram, startLoadProgram } from "./load_program.ts";
import { type BenchOptions, type CommonOptions, parseOptions, usage } from "./parse_options.ts";
import { recordOf, textReport } from "./report.ts";
import { makeWorkspace } from "./workspace.ts";

/** Longest time for a whole benchmark. */
const MAX_MINUTES = 120;

/**
 * Runs a benchmark: its rows in turn, again and again, so that whatever else the machine does meets them alike.
 *
 * @returns the exit code
 */
export async function runBench<Name extends string>(
  name: string,
  { bench, args }: { bench: Bench<Name>; args: string[] },
): Promise<number> {
  if (args.includes("--help")) {
    console.log(usage(name, bench));
    return 0;
  }
  const options = parseOptions(args, bench);
  if (typeof options === "string") {
    console.error(`error: ${options}\n\n${usage(name, bench)}`);
    return 2;
  }
  const { promise: stopped, reject: stop } = Promise.withResolvers<never>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => stop(new Error(`stopped by ${signal}`)));
  }
  const timer = setTimeout(() => stop(new Error(`not done in ${MAX_MINUTES} minutes`)), MAX_MINUTES * 60_000);
  const stack = new AsyncDisposableStack();
  try {
    await Promise.race([run({ name, bench, options, stack }), stopped]);
    return 0;
  } catch (error) {
    console.error(`error: ${errorMessage(error)}`);
    return 1;
  } finally {
    clearTimeout(timer);
    await stack.disposeAsync();
  }
}

interface Order<Name extends string> {
  readonly name: string;
  readonly bench: Bench<Name>;
  readonly options: BenchOptions<Name>;
  readonly stack: AsyncDisposableStack;
}

async function run<Name extends string>({ name, bench, options, stack }: Order<Name>): Promise<void> {
  const missing = new Set<string>();
  const workspace = stack.use(await makeWorkspace());
  const programs = makeLauncher({ stack, isPinned: options.isPinned });
  const load = bench.needsLoad === false ? noLoad() : await startLoadProgram({ workspace, programs });
  const scene: Scene = {
    ...{ workspace, stack, programs, load },
    trees: options.trees,
    missing: (what) => missing.add(what),
  };
  const results = wanted(await bench.prepare(scene, options), options).map(emptyResult);
  await measureAll(results, options);
  const record = recordOf({ name, options, results, missing: [...missing], isPinned: programs.isPinned });
  console.log(textReport(record, { results, render: bench.render }));
  if (options.compare !== null) console.log(`\n${compareText(await readRecord(options.compare), record)}`);
  if (options.json !== null) await Deno.writeTextFile(options.json, `${JSON.stringify(record, null, 2)}\n`);
}

function noLoad(): LoadProgram {
  const refuse = () => Promise.reject(new TypeError("This benchmark has no load program"));
  return { ports: { tcp: 0, tls: 0, udp: 0 }, run: refuse, hold: refuse };
}

/** @throws {RangeError} when nothing is left */
function wanted(tables: readonly Table[], { only, tables: ids }: CommonOptions): Table[] {
  const isWanted = ({ name }: Row) => only.length === 0 || only.some((part) => name.includes(part));
  const left = tables.filter(({ id }) => ids.length === 0 || ids.includes(id))
    .map((table) => ({ ...table, rows: table.rows.filter(isWanted) }))
    .filter(({ rows }) => rows.length > 0);
  if (left.length > 0) return left;
  const known = tables.map(({ id, rows }) => `${id}: ${rows.map(({ name }) => name).join(", ")}`);
  throw new RangeError(`Nothing is left to measure. There are\n${known.join("\n")}`);
}

function emptyResult(table: Table): TableResult {
  return { table, rows: table.rows.map(({ name }): RowResult => ({ name, figures: {} })) };
}

async function measureAll(results: readonly TableResult[], { runs }: CommonOptions): Promise<void> {
  for (const result of results) if (result.table.isOnce) await measureTable(result, { isReversed: false });
  for (let run = 1; run <= runs; run++) {
    console.error(`run ${run} of ${runs}`);
    // In the other order every second time, so that nobody always comes after the same one.
    const isReversed = run % 2 === 0;
    for (const result of results) if (!result.table.isOnce) await measureTable(result, { isReversed });
  }
}

async function measureTable(
  { table, rows }: TableResult,
  { isReversed }: { isReversed: boolean },
): Promise<void> {
  console.error(`  ${table.id}`);
  const turns = table.rows.map((row, index) => ({ row, result: rows[index]! }));
  for (const { row, result } of isReversed ? turns.reverse() : turns) {
    const figures = await row.measure().catch((cause) => {
      throw new Error(`${table.id}, ${row.name}: ${errorMessage(cause)}`, { cause });
    });
    for (const [key, value] of Object.entries(figures)) (result.figures[key] ??= []).push(value);
  }
}
