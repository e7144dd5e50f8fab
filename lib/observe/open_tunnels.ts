import { jsonLine } from "./json_line.ts";

type Entry = Readonly<Record<string, unknown>>;

/** A tunnel that a trail says was opened, and not that it has ended. */
export interface OpenTunnel {
  /** The request that opened it. */
  readonly id: string;
  /** Whose it was; `null`: nobody needed to be signed in. */
  readonly sessionId: string | null;
}

/** Of HTTP requests only those are tunnels that went over to another protocol. */
const SWITCHED = 101;
/** What no other lines than those that say something of tunnels have; they are few among those of requests. */
const MARKS = [
  '"message":"tunnel opened"',
  '"message":"tunnel ended"',
  '"message":"request ended"',
  `"response-code":${SWITCHED}`,
];

/**
 * Reads a trail of another process as it is written, to say the end of its tunnels if it does not live to do so itself. What
 * was moved is not known then.
 */
export class OpenTunnels {
  readonly #open = new Map<string, Entry[]>();

  /** Takes lines of the trail and the log, each with its end. */
  note(lines: string): void {
    const found = MARKS.flatMap((mark) => startsOf(lines, mark)).sort((a, b) => a - b);
    let last = -1;
    for (const start of found) {
      if (start !== last) this.#note(parse(lines.slice(start, lines.indexOf("\n", start))));
      last = start;
    }
  }

  #note(entry: Entry | null): void {
    const message = entry?.message;
    const isEnd = message === "tunnel ended" || message === "request ended";
    const isOpening = message === "tunnel opened" ||
      (message === "request allowed" && entry!["response-code"] === SWITCHED);
    if (entry === null || !(isEnd || isOpening)) return;
    const key = [entry["request-id"], entry.method, entry.host, entry.path ?? ""].join(" ");
    const known = this.#open.get(key) ?? [];
    if (isEnd) known.pop();
    else known.push(entry);
    if (known.length > 0) this.#open.set(key, known);
    else this.#open.delete(key);
  }

  /** What is open. */
  list(): readonly OpenTunnel[] {
    return this.#entries().map((entry) => ({
      id: String(entry["request-id"]),
      sessionId: typeof entry["session-id"] === "string" ? entry["session-id"] : null,
    }));
  }

  /** The lines that end all that is open. @param now milliseconds since 1970-01-01T00:00:00Z */
  endLines(reason: string, now: number): readonly string[] {
    return this.#entries().map((entry) => {
      const { time, message, "response-code": _status, upstream, ...rest } = entry;
      const subject = Object.entries(rest).filter(([name]) =>
        !/^(?:level|error|(?:allow|deny)(?:-.*)?)$/.test(name)
      );
      return jsonLine({
        level: "info",
        time: new Date(now).toISOString(),
        message: message === "tunnel opened" ? "tunnel ended" : "request ended",
        ...Object.fromEntries(subject),
        reason,
        duration: Math.max(0, now - Date.parse(String(time))),
        upstream,
      });
    });
  }

  #entries(): readonly Entry[] {
    return [...this.#open.values()].flat();
  }
}

/** Where the lines begin that have a mark. */
function startsOf(lines: string, mark: string): number[] {
  const starts: number[] = [];
  for (let at = lines.indexOf(mark); at >= 0; at = lines.indexOf(mark, at + mark.length)) {
    starts.push(lines.lastIndexOf("\n", at) + 1);
  }
  return starts;
}

function parse(line: string): Entry | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value as Entry : null;
  } catch {
    return null;
  }
}
