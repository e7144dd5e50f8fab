import { jsonLine } from "../../observe/json_line.ts";

/** How the lines of a file are written: `cast` as asciicast v2, `events` as JSON objects. */
export type LineFormat = "cast" | "events";

/** Ends of file names. */
export const FILE_ENDINGS: Readonly<Record<LineFormat, string>> = { cast: ".cast", events: ".jsonl" };

/** Codes of asciicast v2 that are written here; `x` (how it ended, as in v3) and `s` (a seal) are skipped by players. */
export type CastCode = "o" | "r" | "m" | "x" | "s";

/** An event of an asciicast. @param timeMs since the begin of the session */
export function castLine(timeMs: number, { code, data }: { code: CastCode; data: string }): string {
  return jsonLine([seconds(timeMs), code, data]);
}

/** An event of a session without terminal. @param timeMs since the begin of the session */
export function eventLine(
  timeMs: number,
  fields: { event: string } & Readonly<Record<string, unknown>>,
): string {
  return jsonLine({ time: seconds(timeMs), ...fields });
}

/** A seal as a line. @param timeMs since the begin of the session */
export function sealLine(timeMs: number, { format, text }: { format: LineFormat; text: string }): string {
  return format === "cast"
    ? castLine(timeMs, { code: "s", data: text })
    : eventLine(timeMs, { event: "seal", seal: text });
}

/** The text of the seal that a line is; `null` when it is none. @param line as parsed */
export function sealOfLine(line: unknown): string | null {
  const [code, text] = Array.isArray(line) ? [line[1], line[2]] : isSealEvent(line) ? ["s", line.seal] : [];
  return code === "s" && typeof text === "string" ? text : null;
}

function isSealEvent(line: unknown): line is { seal: unknown } {
  return typeof line === "object" && line !== null && "event" in line && line.event === "seal" &&
    "seal" in line;
}

/** With microseconds. */
function seconds(ms: number): number {
  return Math.round(ms * 1000) / 1_000_000;
}
