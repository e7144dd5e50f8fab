import type { PolicyErrorCode } from "../policy/errors.ts";

/** What a complaint about the configuration is about. Codes are API: they never change. */
export type ComplaintCode =
  | "config/unreadable"
  | "config/too-large"
  | "config/yaml-syntax"
  | "config/yaml-tag"
  | "config/too-deep"
  | "config/duplicate-key"
  | "config/bad-alias"
  | "config/alias-bomb"
  | "config/unknown-key"
  | "config/no-effect"
  | "config/removed-key"
  | "config/unenforced-key"
  | "config/wrong-type"
  | "config/bad-value"
  | "config/unsupported-value"
  | "config/missing-key"
  | "config/conflict"
  | "config/incomplete-pair"
  | "config/file-unreadable"
  | "config/not-pem"
  | "config/bad-pair"
  | "config/bad-from"
  | "config/bad-to"
  | "config/mixed-upstreams"
  | "config/duplicate-route"
  | "config/not-served"
  | "config/denies-everyone"
  | "config/never-matches"
  | "config/test-failed"
  | "config/from-environment"
  | "config/no-routes"
  | "config/more"
  | PolicyErrorCode;

/** One thing that is wrong, or odd, in the configuration. */
export interface Complaint {
  /** An `error` keeps the configuration from being used; a `warning` does not. */
  readonly severity: "error" | "warning";
  /** Which rule was broken. */
  readonly code: ComplaintCode;
  /** What was found. */
  readonly message: string;
  /** What to do about it; `null` when the message says it all. */
  readonly hint: string | null;
  /** The configuration file, as it was named to the loader, or `environment variable NAME`. */
  readonly file: string;
  /** From 1; 0 when the complaint is about the file as a whole. */
  readonly line: number;
  /** From 1, in characters (Unicode code points); 0 when the complaint is about the file as a whole. */
  readonly column: number;
  /** The line of the file and, below it, a caret; secrets in it are masked. Empty when `line` is 0. */
  readonly excerpt: string;
}

/**
 * Writes a complaint for a terminal: place, severity and message, then the excerpt, then the hint. Without a line end
 * after the last line; control characters are replaced.
 */
export function formatComplaint(complaint: Complaint): string {
  const { file, line, column, excerpt, hint } = complaint;
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  const lines = [`${place}: ${complaint.severity}: ${printable(complaint.message)}`];
  if (excerpt !== "") lines.push(...excerpt.split("\n").map((text) => `    ${text}`));
  if (hint !== null) lines.push(`  hint: ${printable(hint)}`);
  return lines.join("\n");
}

function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}
