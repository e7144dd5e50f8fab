import type { Complaint, ComplaintCode } from "./complaint.ts";
import { excerptOf } from "./_excerpt.ts";
import type { YamlProblem } from "./_yaml_problem.ts";
import type { Path, Span, YamlTree } from "./_yaml_tree.ts";

/** The most complaints that are kept; of more, only the number. */
export const MAX_COMPLAINTS = 50;

/** What is wrong, and where. */
export interface Finding {
  readonly message: string;
  /** As a function, when it takes time to find. */
  readonly hint?: string | undefined | (() => string | undefined);
  readonly path: Path;
  /** Whether the caret stands at the key or at the value; default `value`. */
  readonly at?: "key" | "value";
}

/** The configuration file a report is about. */
export interface Source {
  readonly file: string;
  readonly text: string;
  readonly tree: YamlTree;
  /** What came from the environment instead: names of variables, by {@link placeKey} of what they set. */
  readonly variables: ReadonlyMap<string, string>;
}

/** A key of the top level, or a key in one of those, as one text. */
export function placeKey(path: Path): string {
  return path.slice(0, 2).join("/");
}

interface Repeated {
  readonly index: number;
  count: number;
}

/** Collects what is wrong with one configuration file. */
export class Report {
  readonly #source: Source;
  readonly #found: Record<Complaint["severity"], Complaint[]> = { error: [], warning: [] };
  readonly #dropped = { error: 0, warning: 0 };
  readonly #repeated = new Map<string, Repeated>();

  constructor(source: Source) {
    this.#source = source;
  }

  /** How many errors were noted: with any, the configuration must not be used. */
  get errorCount(): number {
    return this.#found.error.length + this.#dropped.error;
  }

  /** Notes something that keeps the configuration from being used. */
  error(code: ComplaintCode, finding: Finding): void {
    this.#add("error", () => ({ code, ...this.#described(finding) }));
  }

  /** Notes something odd. */
  warn(code: ComplaintCode, finding: Finding): void {
    this.#add("warning", () => ({ code, ...this.#described(finding) }));
  }

  /** Notes something odd that may be so in many places: the first one is shown, the others are counted. */
  warnOnce(code: ComplaintCode, finding: Finding): void {
    const subject = `${code} ${finding.message}`;
    const repeated = this.#repeated.get(subject);
    if (repeated !== undefined) repeated.count++;
    else if (this.#found.warning.length < MAX_COMPLAINTS) {
      this.#repeated.set(subject, { index: this.#found.warning.length, count: 0 });
      this.warn(code, finding);
    } else this.#dropped.warning++;
  }

  /** Notes what is wrong with the file as YAML. */
  syntax({ severity, code, message, hint, offset }: YamlProblem): void {
    this.#add(severity, () => ({ code, message, hint, ...this.#place({ start: offset }) }));
  }

  /** The line in which the value at `path` begins, from 1; 0 when it came from the environment. */
  lineOf(path: Path): number {
    const { tree } = this.#source;
    if (this.#variableOf(path) !== undefined) return 0;
    return tree.linePos(tree.locate(path, "value").start).line;
  }

  /** Everything noted, at most {@link MAX_COMPLAINTS}, errors rather than warnings, in the order of the file. */
  complaints(): Complaint[] {
    const warnings = [...this.#found.warning];
    for (const { index, count } of this.#repeated.values()) {
      const first = warnings[index]!;
      if (count > 0) warnings[index] = { ...first, message: `${first.message} (${timesMore(count)})` };
    }
    const kept = [...this.#found.error, ...warnings].slice(0, MAX_COMPLAINTS);
    const more = this.#found.error.length + warnings.length - kept.length + this.#dropped.error +
      this.#dropped.warning;
    kept.sort((a, b) => a.line - b.line || a.column - b.column);
    return more === 0 ? kept : [...kept, this.#summary(more)];
  }

  /** @param describe only asked while there is room: to find a place takes time */
  #add(severity: Complaint["severity"], describe: () => Omit<Complaint, "severity">): void {
    const list = this.#found[severity];
    if (list.length < MAX_COMPLAINTS) list.push({ severity, ...describe() });
    else this.#dropped[severity]++;
  }

  #described({ message, hint, path, at = "value" }: Finding): Omit<Complaint, "severity" | "code"> {
    const hintText = typeof hint === "function" ? hint() : hint;
    const variable = this.#variableOf(path);
    const place = variable === undefined
      ? this.#place(this.#source.tree.locate(path, at))
      : { file: `environment variable ${variable}`, line: 0, column: 0, excerpt: "" };
    return { message, hint: hintText ?? null, ...place };
  }

  #variableOf(path: Path): string | undefined {
    const { variables } = this.#source;
    return variables.get(placeKey(path)) ?? variables.get(placeKey(path.slice(0, 1)));
  }

  #place(span: Span): Pick<Complaint, "file" | "line" | "column" | "excerpt"> {
    const { file, text, tree } = this.#source;
    const { line: number, col } = tree.linePos(span.start);
    const lineStart = span.start - (col - 1);
    const lineEnd = text.indexOf("\n", lineStart);
    const line = text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).replace(/\r$/, "");
    const offset = Math.min(span.start - lineStart, line.length);
    // A complaint about a key has no need to show the value, which may be one that nobody should see.
    const end = span.end === undefined ? line.length : span.end - lineStart;
    return {
      file,
      line: number,
      column: [...line.slice(0, offset)].length + 1,
      excerpt: excerptOf(line, { offset, end }),
    };
  }

  #summary(more: number): Complaint {
    return {
      severity: this.errorCount > 0 ? "error" : "warning",
      code: "config/more",
      message: `and ${more} more`,
      hint: null,
      file: this.#source.file,
      line: 0,
      column: 0,
      excerpt: "",
    };
  }
}

function timesMore(count: number): string {
  return count === 1 ? "and 1 more place" : `and ${count} more places`;
}
