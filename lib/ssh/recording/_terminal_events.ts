import { castLine } from "./line_format.ts";
import type { SessionEvents } from "./_session_events.ts";

/** Output in one event: the longest line of a recording is six times as long. */
const MAX_EVENT_BYTES = 64 * 1024;
/** Of a terminal that did not tell its size. */
const SIZE = { columns: 80, rows: 24 };
const MAX_SIZE = 65_535;

/**
 * What a terminal shows, as asciicast v2. What is typed is not in it: the server shows what it lets be seen of it, and the
 * gateway cannot know that the rest is no password.
 */
export class TerminalEvents implements SessionEvents {
  readonly #decoders = { 1: new TextDecoder("utf-8", { ignoreBOM: true }), 2: new TextDecoder() };

  /** Kept nowhere. */
  input(): string[] {
    return [];
  }

  /** See {@link SessionEvents.output}. */
  output(timeMs: number, { bytes, stream }: { bytes: Uint8Array; stream: 1 | 2 }): string[] {
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; at += MAX_EVENT_BYTES) {
      // A character that came in two pieces is one in the second.
      const data = this.#decoders[stream].decode(bytes.subarray(at, at + MAX_EVENT_BYTES), { stream: true });
      if (data !== "") lines.push(castLine(timeMs, { code: "o", data }));
    }
    return lines;
  }

  /** See {@link SessionEvents.resize}. */
  resize(timeMs: number, size: { columns: number; rows: number }): string[] {
    const { width, height } = castSize(size);
    return [castLine(timeMs, { code: "r", data: `${width}x${height}` })];
  }

  /** See {@link SessionEvents.stopped}. */
  stopped(timeMs: number, why: string): string[] {
    return [castLine(timeMs, { code: "m", data: `The recording stops here: ${why}` })];
  }

  /** See {@link SessionEvents.ended}. */
  ended(timeMs: number, exit: Parameters<SessionEvents["ended"]>[1]): string[] {
    const data = exit === null ? "cut off" : "code" in exit ? String(exit.code) : `SIG${exit.signal}`;
    return [castLine(timeMs, { code: "x", data })];
  }
}

/** The size of a terminal within the bounds of the format. */
export function castSize(
  { columns, rows }: { columns: number; rows: number },
): { width: number; height: number } {
  const within = (value: number, absent: number) => value === 0 ? absent : Math.min(value, MAX_SIZE);
  return { width: within(columns, SIZE.columns), height: within(rows, SIZE.rows) };
}
