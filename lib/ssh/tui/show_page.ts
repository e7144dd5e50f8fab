import { Buffer } from "node:buffer";
import { abortable } from "../../base/abortable.ts";
import { utf8 } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import type { Terminal } from "../handlers.ts";
import { frameBytes } from "./frame_bytes.ts";
import type { Grid, Size } from "./grid.ts";
import { type InputEvent, InputParser } from "./input_parser.ts";
import { terminalFeatures } from "./terminal_features.ts";

/** What fills a terminal and answers what is done there. */
export interface Page {
  /** Whether the user is done with it. */
  readonly isOver: boolean;
  /** Draws it. Input that follows is about what was drawn last. */
  paint(size: Size): Grid;
  /** Takes input. @returns what the terminal is to do besides showing the page */
  handle(event: InputEvent): PageRequest | undefined;
  /** After how many milliseconds it looks another way by itself; `null`: it does not. */
  changesInMs(): number | null;
}

/** What a terminal is to do: `copy`: put this text on the clipboard (OSC 52); `repaint`: draw all of it anew. */
export type PageRequest = { readonly copy: string } | { readonly repaint: true };

/** How a page is shown. */
export interface ShowOptions {
  /** What is shown. */
  readonly page: Page;
  /** For the pace of frames, and for the time limits. */
  readonly clock: Clock;
  /** Tells of changes that come from elsewhere. */
  readonly onChange?: (listener: () => void) => Disposable;
  /** Ends it before the user does. */
  readonly signal?: AbortSignal | undefined;
}

/** 30 frames a second at most. */
const FRAME_MS = 1000 / 30;
/** The bytes of a key that sends several come together; the Escape key comes alone. */
const ESCAPE_MS = 50;
/** How long somebody who does not read may keep us from leaving. */
const LEAVE_MS = 1000;
const INPUT_BYTES = 4096;
const MAX_COPIED_CHARACTERS = 16_384;

/** Alternate screen, no cursor, no wrapping at the edge, mouse buttons in SGR form. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?1000h\x1b[?1006h";
/** All of it back, and the page wiped away where there is no alternate screen. */
const LEAVE = "\x1b[?1006l\x1b[?1000l\x1b[0m\x1b[2J\x1b[H\x1b[?7h\x1b[?25h\x1b[?1049l";

/**
 * Shows a page until it is over, the client is gone, or `signal` ends it, and leaves the terminal as it was. Reads nothing
 * from the terminal after the input that ended the page; only after `signal` is a read still waiting. Rejects only when the
 * page itself throws.
 */
export async function showPage(terminal: Terminal, options: ShowOptions): Promise<void> {
  const shown = new ShownPage(terminal, options);
  await shown.run();
  await shown.leave();
}

class ShownPage {
  readonly #terminal: Terminal;
  readonly #options: ShowOptions;
  readonly #parser = new InputParser();
  readonly #end = new AbortController();
  readonly #subscriptions = new DisposableStack();
  #before: Grid | null = null;
  #isStale = false;
  #lastFrameAt = -Infinity;
  #writing: Promise<void> | null = null;
  #frameTimer: Disposable | null = null;
  #changeTimer: Disposable | null = null;
  #escapeTimer: Disposable | null = null;
  #requested = ENTER;
  #failure: { readonly error: unknown } | null = null;

  constructor(terminal: Terminal, options: ShowOptions) {
    this.#terminal = terminal;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { onChange, signal } = this.#options;
    const end = this.#end.signal;
    const changed = () => this.#change();
    this.#subscriptions.use(this.#terminal.onResize(changed));
    if (onChange !== undefined) this.#subscriptions.use(onChange(changed));
    this.#change();
    try {
      await this.#readInput(signal === undefined ? end : AbortSignal.any([signal, end]));
    } catch {
      // The client is gone, or somebody has ended it: both are just the end.
    }
  }

  async leave(): Promise<void> {
    this.#end.abort();
    this.#subscriptions.dispose();
    for (const timer of [this.#frameTimer, this.#changeTimer, this.#escapeTimer]) timer?.[Symbol.dispose]();
    const late = Promise.withResolvers<void>();
    using _limit = this.#options.clock.timer(LEAVE_MS, late.resolve);
    const left = async () => {
      await this.#writing;
      await this.#terminal.stream.write(utf8(LEAVE));
    };
    await Promise.race([left().catch(() => {}), late.promise]);
    if (this.#failure !== null) throw this.#failure.error;
  }

  async #readInput(signal: AbortSignal): Promise<void> {
    const into = new Uint8Array(INPUT_BYTES);
    const { page, clock } = this.#options;
    while (!page.isOver) {
      signal.throwIfAborted();
      const count = await abortable(this.#terminal.stream.read(into), signal);
      this.#escapeTimer?.[Symbol.dispose]();
      if (count === null) return;
      this.#handle(this.#parser.feed(into.subarray(0, count)));
      if (this.#parser.isWaiting) {
        this.#escapeTimer = clock.timer(ESCAPE_MS, () => this.#handle(this.#parser.flush()));
      }
    }
  }

  #handle(events: readonly InputEvent[]): void {
    const { page } = this.#options;
    this.#guard(() => {
      for (const event of events) {
        const request = page.handle(event);
        if (request !== undefined) this.#request(request);
        if (page.isOver) return this.#end.abort();
      }
      this.#change();
    });
  }

  /** Much of this runs in timers, where nobody else would catch what a page throws. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#failure ??= { error };
      this.#end.abort();
    }
  }

  #request(request: PageRequest): void {
    if ("repaint" in request) this.#before = null;
    else this.#requested = clipboardSequence(request.copy);
  }

  /** Draws as soon as the pace allows, and the client has taken the frame before. */
  #change(): void {
    this.#isStale = true;
    if (this.#frameTimer !== null || this.#writing !== null || this.#end.signal.aborted) return;
    const { clock } = this.#options;
    const waitMs = this.#lastFrameAt + FRAME_MS - clock.monotonic();
    if (waitMs <= 0) return this.#guard(() => this.#draw());
    this.#frameTimer = clock.timer(waitMs, () => {
      this.#frameTimer = null;
      this.#guard(() => this.#draw());
    });
  }

  #draw(): void {
    const { page, clock } = this.#options;
    this.#isStale = false;
    this.#lastFrameAt = clock.monotonic();
    const picture = page.paint(this.#terminal);
    const features = terminalFeatures(this.#terminal);
    const bytes = this.#requested + frameBytes(picture, { from: this.#before, features });
    this.#requested = "";
    this.#before = picture;
    this.#awaitChange(page.changesInMs());
    if (bytes !== "") this.#writing = this.#write(bytes);
  }

  async #write(bytes: string): Promise<void> {
    try {
      await this.#terminal.stream.write(utf8(bytes));
    } catch {
      this.#end.abort();
    }
    this.#writing = null;
    if (this.#isStale) this.#change();
  }

  #awaitChange(inMs: number | null): void {
    this.#changeTimer?.[Symbol.dispose]();
    this.#changeTimer = inMs === null ? null : this.#options.clock.timer(inMs, () => this.#change());
  }
}

/** Longer texts are not copied: terminals have limits of their own, and drop such a sequence or show it. */
function clipboardSequence(text: string): string {
  if (text.length > MAX_COPIED_CHARACTERS) return "";
  return `\x1b]52;c;${Buffer.from(text).toString("base64")}\x07`;
}
