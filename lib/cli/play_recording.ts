import { printable } from "../client/printable.ts";
import { sealOfLine } from "../ssh/recording/line_format.ts";
import { readLines } from "../ssh/recording/read_recording.ts";
import { timeOf } from "../ssh/recording/summary.ts";

/** How a recording is played. */
export interface PlayOptions {
  /** Takes what the terminal showed. */
  readonly write: (text: string) => void;
  /** 1 is as it was, 2 twice as fast. */
  readonly speed: number;
  /** The longest time with nothing new, in milliseconds, before `speed` counts. */
  readonly idleLimitMs: number;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Waits, or until the signal ends it; default: by the clock. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

// deno-lint-ignore no-control-regex -- this is about what steers terminals
const ALTERNATE_SCREEN = /\x1b\[\?(?:1049|1047|47)([hl])/g;
/** What a split sequence may need of the output before. */
const SEQUENCE_LENGTH = 8;
/** Soft reset, default colours and characters, a cursor, and no reports of mouse, focus or pastes. */
const RESET = "\x1b[!p\x1b[0m\x1b(B\x0f\x1b[?25h\x1b[?7h\x1b[?1000;1002;1003;1004;1006;2004l\r\n";

/**
 * Shows a recording: what a terminal showed at its pace, control characters as they were, and then the terminal is reset;
 * events of a session without terminal line by line, at once.
 *
 * @throws {RecordingError} `recording/unreadable`
 */
export async function playRecording(path: string, options: PlayOptions): Promise<void> {
  const { write, signal, wait = waitByClock } = options;
  const player = new Player(options);
  for await (const { value, isWhole, number } of readLines(path)) {
    if (signal.aborted || !isWhole) break;
    if (number === 1 || sealOfLine(value) !== null) continue;
    if (!Array.isArray(value)) {
      write(eventText(value));
      continue;
    }
    const [, code, data] = value;
    if (code !== "o" || typeof data !== "string") continue;
    const ms = player.delayTo(timeOf(value));
    if (ms > 0) await wait(ms, signal);
    if (!signal.aborted) player.show(data);
  }
  player.end();
}

class Player {
  readonly #options: PlayOptions;
  #time = 0;
  #tail = "";
  #isOnAlternateScreen = false;
  #hasShown = false;

  constructor(options: PlayOptions) {
    this.#options = options;
  }

  /** @returns how long to wait before what was shown then, in milliseconds */
  delayTo(time: number): number {
    const { speed, idleLimitMs } = this.#options;
    const ms = Math.min((time - this.#time) * 1000, idleLimitMs) / speed;
    this.#time = time;
    return ms;
  }

  show(data: string): void {
    this.#hasShown = true;
    const seen = this.#tail + data;
    for (const [, letter] of seen.matchAll(ALTERNATE_SCREEN)) this.#isOnAlternateScreen = letter === "h";
    this.#tail = seen.slice(-SEQUENCE_LENGTH);
    this.#options.write(data);
  }

  end(): void {
    if (!this.#hasShown) return;
    // Leaving a screen that it is not on would move the cursor.
    this.#options.write((this.#isOnAlternateScreen ? "\x1b[?1049l" : "") + RESET);
  }
}

/** Such as `1.500  open  path=/etc/hosts  flags=read  status=ok`. */
function eventText(value: unknown): string {
  const { time: _, event, ...fields } = Object(value) as Record<string, unknown>;
  const words = Object.entries(fields).map(([key, field]) => `${key}=${printable(String(field), 4096)}`);
  return `${[timeOf(value).toFixed(3), printable(String(event)), ...words].join("  ")}\n`;
}

function waitByClock(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
