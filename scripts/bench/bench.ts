import type { Launcher } from "./children.ts";
import type { LoadProgram } from "./load_program.ts";
import type { BenchOptions, NumberOption } from "./parse_options.ts";
import type { Workspace } from "./workspace.ts";

/** What one measurement brought, by {@link Column.key}. */
export type Figures = Readonly<Record<string, number>>;

/** A figure, as a table shows it. */
export interface Column {
  /** Names the figure in {@link Figures} and in the JSON file. */
  readonly key: string;
  /** With its unit. */
  readonly title: string;
  /** After the point. Default 0. */
  readonly digits?: number;
  /** Shows what is more than in this row, in the same run. */
  readonly addedTo?: string;
}

/** A variant of what a table compares. */
export interface Row {
  /** Without commas, unique in its table. */
  readonly name: string;
  /** Measures once. What has to be started is started the first time. */
  readonly measure: () => Promise<Figures>;
}

/** Variants that take turns, and what is measured of them. */
export interface Table {
  /** One word, for the option `--tables` and the JSON file. */
  readonly id: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** Before all runs, and only once. Default false. */
  readonly isOnce?: boolean;
}

/** Where a benchmark takes place. */
export interface Scene {
  readonly workspace: Workspace;
  /** Disposes what was made. */
  readonly stack: AsyncDisposableStack;
  readonly programs: Launcher;
  readonly load: LoadProgram;
  /** Other checkouts of sallyport to measure beside this one: a name and a folder. */
  readonly trees: Readonly<Record<string, string>>;
  /** Names a program that is not installed, and what is left out for it. */
  readonly missing: (name: string) => void;
}

/** The figures of a row, each in the order of the runs. */
export interface RowResult {
  readonly name: string;
  readonly figures: Record<string, number[]>;
}

/** The figures of a table. */
export interface TableResult {
  readonly table: Table;
  readonly rows: readonly RowResult[];
}

/** A benchmark. */
export interface Bench<Name extends string = string> {
  /** What it measures, for its usage. */
  readonly about: string;
  /** Default of `--runs`. Without: 7. */
  readonly runs?: number;
  readonly numbers: Readonly<Record<Name, NumberOption>>;
  /** Whether it needs the load program. Default true. */
  readonly needsLoad?: boolean;
  /** Prepares what is to be measured. */
  prepare(scene: Scene, options: BenchOptions<Name>): Promise<readonly Table[]> | readonly Table[];
  /** Shows the results in another way than as the tables they are. */
  readonly render?: (results: readonly TableResult[]) => string;
}
