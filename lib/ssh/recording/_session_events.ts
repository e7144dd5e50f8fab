import type { Recording } from "../handlers.ts";

/** Turns what happens in a session into lines of its recording. Times are in milliseconds since its begin. */
export interface SessionEvents {
  /** Bytes of the person. */
  input(timeMs: number, bytes: Uint8Array): string[];
  /** Bytes of the server; they are decoded at once, or copied. */
  output(timeMs: number, output: { bytes: Uint8Array; stream: 1 | 2 }): string[];
  /** Another size of the terminal. */
  resize(timeMs: number, size: { columns: number; rows: number }): string[];
  /** The session goes on, or is ended, but no more of it is recorded. */
  stopped(timeMs: number, why: string): string[];
  /** How it ended. */
  ended(timeMs: number, exit: Parameters<Recording["end"]>[0]): string[];
}
