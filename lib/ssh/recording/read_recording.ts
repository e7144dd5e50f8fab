import { fromUtf8 } from "../../base/bytes.ts";
import { errorMessage } from "../../base/errors.ts";
import { RecordingError } from "./recording_error.ts";

/** The longest line: 64 KiB of output or a command of 256 KiB, each character of which may take six. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024;
const NEWLINE = 0x0a;

/** A line of a recording. */
export interface RecordedLine {
  /** From 1. */
  readonly number: number;
  /** With its line end, if it has one. */
  readonly bytes: Uint8Array;
  /** Whether it has a line end: one without was not written to its end. */
  readonly isWhole: boolean;
  /** As JSON; `undefined` when it is none. */
  readonly value: unknown;
}

/**
 * The lines of a file, one after the other. A line of more than 4 MiB counts as one that is not whole, and as the
 * last.
 *
 * @throws {RecordingError} `recording/unreadable`
 */
export async function* readLines(path: string): AsyncGenerator<RecordedLine, void, void> {
  let number = 0;
  const line = (bytes: Uint8Array, isWhole: boolean) => ({
    number: ++number,
    bytes,
    isWhole,
    value: jsonOf(bytes),
  });
  let rest = new Uint8Array();
  for await (const chunk of chunksOf(path)) {
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    let start = 0;
    for (let end; (end = bytes.indexOf(NEWLINE, start)) >= 0; start = end + 1) {
      yield line(bytes.subarray(start, end + 1), true);
    }
    rest = bytes.subarray(start);
    if (rest.length > MAX_LINE_BYTES) break;
  }
  if (rest.length > 0) yield line(rest, false);
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array, void, void> {
  let file: Deno.FsFile | null = null;
  try {
    file = await Deno.open(path, { read: true });
    const buffer = new Uint8Array(64 * 1024);
    for (let count; (count = await file.read(buffer)) !== null;) yield buffer.subarray(0, count);
  } catch (cause) {
    throw new RecordingError("recording/unreadable", `Cannot read ${path}: ${errorMessage(cause)}`, {
      cause,
    });
  } finally {
    file?.close();
  }
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes));
  } catch {
    return undefined;
  }
}
