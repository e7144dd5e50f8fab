import { fromUtf8 } from "../../base/bytes.ts";
import { errorMessage } from "../../base/errors.ts";
import { FILE_ENDINGS, type LineFormat, sealOfLine } from "./line_format.ts";
import { readLines } from "./read_recording.ts";
import { RecordingError } from "./recording_error.ts";
import { readHeader, type RecordingHeader } from "./recording_header.ts";

/** More than the longest seal. */
const TAIL_BYTES = 64 * 1024;

/** What a recording says of itself. Nothing of it is verified. */
export interface RecordingSummary {
  /** Its first line. */
  readonly header: RecordingHeader;
  /** How it is written. */
  readonly format: LineFormat;
  /** Of the file. */
  readonly bytes: number;
  /** From its begin to its last line. */
  readonly durationMs: number;
  /** Whether its last line is the seal at its end. */
  readonly isSealed: boolean;
}

/** Names of the recordings in a directory, the oldest first; none when it is not there. @throws {RecordingError} `recording/unreadable` */
export async function recordingsIn(directory: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(directory)) {
      if (isFile && formatOf(name) !== null) names.push(name);
    }
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return [];
    throw new RecordingError("recording/unreadable", `Cannot read ${directory}: ${errorMessage(cause)}`, {
      cause,
    });
  }
  return names.sort();
}

/** Reads the begin and the end of a recording. @throws {RecordingError} `recording/unreadable`, `recording/malformed` */
export async function summarizeRecording(path: string): Promise<RecordingSummary> {
  const { value: first } = await readLines(path).next();
  const header = readHeader(first?.value);
  if (header === null) {
    throw new RecordingError("recording/malformed", `${path} is not a recording of a session`);
  }
  const { bytes, last } = await readTail(path);
  const seal = sealOfLine(last);
  return {
    header,
    format: Array.isArray(last) ? "cast" : "events",
    bytes,
    durationMs: timeOf(last) * 1000,
    isSealed: seal !== null && seal.startsWith("end "),
  };
}

/** From the end of its name; `null`: none. */
export function formatOf(name: string): LineFormat | null {
  if (name.endsWith(FILE_ENDINGS.cast)) return "cast";
  return name.endsWith(FILE_ENDINGS.events) ? "events" : null;
}

/** Size of a file, and its last line that was written to its end, as JSON. */
async function readTail(path: string): Promise<{ bytes: number; last: unknown }> {
  try {
    using file = await Deno.open(path, { read: true });
    const { size } = await file.stat();
    const tail = new Uint8Array(Math.min(size, TAIL_BYTES));
    await file.seek(size - tail.length, Deno.SeekMode.Start);
    let filled = 0;
    for (let count; filled < tail.length && (count = await file.read(tail.subarray(filled))) !== null;) {
      filled += count;
    }
    const end = tail.lastIndexOf(0x0a);
    const start = tail.lastIndexOf(0x0a, end - 1) + 1;
    return { bytes: size, last: end < 0 ? undefined : JSON.parse(fromUtf8(tail.subarray(start, end))) };
  } catch (cause) {
    throw new RecordingError("recording/unreadable", `Cannot read ${path}: ${errorMessage(cause)}`, {
      cause,
    });
  }
}

/** In seconds; 0 for a header. */
export function timeOf(line: unknown): number {
  const time = Array.isArray(line) ? line[0] : (line as { time?: unknown } | null | undefined)?.time;
  return typeof time === "number" ? time : 0;
}
