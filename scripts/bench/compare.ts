// deno-lint-ignore-file no-console -- a script speaks to the terminal

import { errorMessage } from "../../lib/base/errors.ts";
import { type BenchRecord, markdown } from "./report.ts";
import { spread } from "./statistics.ts";

/** `deno task bench --compare OLD.json NEW.json`. @returns the exit code */
export async function compareFiles(files: readonly string[]): Promise<number> {
  try {
    if (files.length !== 2) throw new RangeError("--compare needs two files");
    const [old, fresh] = await Promise.all(files.map(readRecord)) as [BenchRecord, BenchRecord];
    console.log(compareText(old, fresh));
    return 0;
  } catch (error) {
    console.error(`error: ${errorMessage(error)}`);
    return 2;
  }
}

/** What `--json` wrote. @throws {Error} when it is something else */
export async function readRecord(file: string): Promise<BenchRecord> {
  const record = JSON.parse(await Deno.readTextFile(file)) as Partial<BenchRecord> | null;
  if (record?.format !== 1) throw new RangeError(`${file} is not what --json writes`);
  return record as BenchRecord;
}

/** Both records side by side: each figure that both have, the ratio, and whether it moved more than its spread. */
export function compareText(old: BenchRecord, fresh: BenchRecord): string {
  const before = figuresOf(old);
  const body = [...figuresOf(fresh)].flatMap(([name, { title, numbers }]) => {
    const earlier = before.get(name)?.numbers;
    return earlier === undefined ? [] : [[title, ...cells(earlier, numbers)]];
  });
  if (body.length === 0) return "The two have no figure in common.";
  return `From ${old.at} to ${fresh.at}\n\n${markdown(["", "old", "new", "new/old", ""], body)}`;
}

interface Figure {
  readonly title: string;
  readonly numbers: readonly number[];
}

/** By table, row and key; what no table shows is left out. */
function figuresOf(record: BenchRecord): Map<string, Figure> {
  return new Map(
    record.tables.flatMap(({ id, columns, rows }) =>
      rows.flatMap(({ name, figures }) =>
        Object.entries(columns).flatMap(([key, column]): [string, Figure][] => {
          const title = `${id}, ${name}, ${column}`;
          return figures[key] === undefined
            ? []
            : [[`${id}/${name}/${key}`, { title, numbers: figures[key] }]];
        })
      )
    ),
  );
}

function cells(old: readonly number[], fresh: readonly number[]): string[] {
  const [before, after] = [spread(old), spread(fresh)];
  const outside = (value: number, { min, max }: { min: number; max: number }) => value < min || value > max;
  const isMoved = outside(after.median, before) && outside(before.median, after);
  const ratio = before.median === 0 ? "-" : (after.median / before.median).toFixed(2);
  return [short(before.median), short(after.median), ratio, isMoved ? "moved" : ""];
}

function short(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
