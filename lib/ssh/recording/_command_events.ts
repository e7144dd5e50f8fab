import type { RecordingMeta } from "../handlers.ts";
import { eventLine } from "./line_format.ts";
import { scpDirection, ScpWatch } from "./_scp_watch.ts";
import type { SessionEvents } from "./_session_events.ts";
import { SftpWatch } from "./_sftp_watch.ts";

/** Looks on at what a program is sent, and sends. */
interface Watch {
  input(bytes: Uint8Array): void;
  output(bytes: Uint8Array): void;
  end(): void;
}

/** What a session without terminal does, as events: which files it copies and changes, and how many bytes go each way. */
export class CommandEvents implements SessionEvents {
  readonly #watch: Watch | null;
  #seen: ({ event: string } & Readonly<Record<string, unknown>>)[] = [];
  #bytesIn = 0;
  #bytesOut = 0;

  /** Nothing has happened yet. @param kind which program it is */
  constructor(kind: RecordingMeta["kind"]) {
    this.#watch = watchOf(kind, (fields) => this.#seen.push(fields));
  }

  /** See {@link SessionEvents.input}. */
  input(timeMs: number, bytes: Uint8Array): string[] {
    this.#bytesIn += bytes.length;
    this.#watch?.input(bytes);
    return this.#lines(timeMs);
  }

  /** See {@link SessionEvents.output}. */
  output(timeMs: number, { bytes, stream }: { bytes: Uint8Array; stream: 1 | 2 }): string[] {
    this.#bytesOut += bytes.length;
    if (stream === 1) this.#watch?.output(bytes);
    return this.#lines(timeMs);
  }

  /** Without terminal there is none. */
  resize(): string[] {
    return [];
  }

  /** See {@link SessionEvents.stopped}. */
  stopped(timeMs: number, why: string): string[] {
    return [eventLine(timeMs, { event: "stopped", why })];
  }

  /** See {@link SessionEvents.ended}. */
  ended(timeMs: number, exit: Parameters<SessionEvents["ended"]>[1]): string[] {
    this.#watch?.end();
    const bytes = { bytes_in: this.#bytesIn, bytes_out: this.#bytesOut };
    this.#seen.push({ event: "exit", ...(exit ?? { cut_off: true }), ...bytes });
    return this.#lines(timeMs);
  }

  #lines(timeMs: number): string[] {
    if (this.#seen.length === 0) return [];
    const seen = this.#seen;
    this.#seen = [];
    return seen.map((fields) => eventLine(timeMs, fields));
  }
}

function watchOf(
  { type, name }: RecordingMeta["kind"],
  onEvent: (fields: { event: string } & Readonly<Record<string, unknown>>) => void,
): Watch | null {
  if (isSftp(type, name)) return new SftpWatch(onEvent);
  const direction = type === "exec" ? scpDirection(name) : null;
  if (direction === null) return null;
  const scp = new ScpWatch(direction, onEvent);
  return {
    input: (bytes) => direction === "upload" && scp.push(bytes),
    output: (bytes) => direction === "download" && scp.push(bytes),
    end: () => scp.end(),
  };
}

/** As a subsystem, or as a command, which `sftp -s` asks for. */
function isSftp(type: RecordingMeta["kind"]["type"], name: string): boolean {
  return type === "subsystem"
    ? name === "sftp"
    : type === "exec" && /^(?:\S*\/)?sftp-server(?:\s|$)/.test(name);
}
