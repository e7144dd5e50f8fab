// @ts-types="@types/ssh2"
import type { ServerChannel, Session } from "ssh2";
import { utf8 } from "../base/bytes.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import { SSH_LIMITS } from "./_limits.ts";
import { channelStream } from "./channel_stream.ts";
import type { HandedShell, PtyRequest, Terminal } from "./handlers.ts";

/** The largest terminal that is drawn on. */
const MAX_CELLS = 512;

/** What a client asks for of a session before its shell or command. */
export class SessionSetup {
  /** Environment that it sent. */
  readonly env: Record<string, string> = {};
  readonly #listeners = new Set<Parameters<HandedShell["onResize"]>[0]>();
  #pty: PtyRequest | null = null;

  /** Listens to a session, which has just been opened. */
  constructor(session: Session) {
    session.on("env", (accept, _reject, { key, val }) => {
      if (Object.keys(this.env).length < SSH_LIMITS.environment) this.env[key] = val;
      accept?.();
    });
    session.on("pty", (accept, reject, { cols, rows, width, height, modes, ...rest }) => {
      if (this.#pty !== null) return reject?.();
      const { term = "" } = rest as { term?: string };
      this.#pty = {
        term: String(term).slice(0, 64),
        columns: cols,
        rows,
        width,
        height,
        modes: { ...modes },
      };
      accept?.();
    });
    session.on("window-change", (accept, _reject, { cols, rows, width, height }) => {
      accept?.();
      if (this.#pty === null) return;
      this.#pty = { ...this.#pty, columns: cols, rows, width, height };
      for (const listener of [...this.#listeners]) listener(this.#pty);
    });
  }

  /** The terminal as it is now; `null`: there is none. */
  get pty(): PtyRequest | null {
    return this.#pty;
  }

  /** Hears of another size. */
  onResize(listener: Parameters<HandedShell["onResize"]>[0]): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}

/** A session of the client with a shell or command of ours in it. */
export class Shell implements Terminal {
  /** See {@link Terminal.stream}. */
  readonly stream: ByteStream;
  readonly #channel: ServerChannel;
  readonly #setup: SessionSetup;
  #hasExited = false;

  /** A session without anything in it. @param channel accepted; closed by {@link Shell.exit}, or by whom it is handed to */
  constructor(channel: ServerChannel, setup: SessionSetup) {
    this.#channel = channel;
    this.#setup = setup;
    this.stream = channelStream(channel);
    channel.stderr.on("error", () => {});
  }

  /** Whether there is a terminal at the other end. */
  get isTerminal(): boolean {
    return this.#setup.pty !== null;
  }

  /** See {@link Terminal.term}. */
  get term(): string {
    return this.#setup.pty?.term ?? "";
  }

  /** See {@link Terminal.env}. */
  get env(): Readonly<Record<string, string>> {
    return this.#setup.env;
  }

  /** See {@link Terminal.columns}. */
  get columns(): number {
    return cells(this.#setup.pty?.columns || 80);
  }

  /** See {@link Terminal.rows}. */
  get rows(): number {
    return cells(this.#setup.pty?.rows || 24);
  }

  /** See {@link Terminal.onResize}. */
  onResize(listener: () => void): Disposable {
    return this.#setup.onResize(listener);
  }

  /** Shows text. A client that is gone misses it. */
  async print(text: string): Promise<void> {
    await this.stream.write(utf8(this.#lines(text))).catch(() => {});
  }

  /** Shows text where errors go; on a terminal that is the same place. */
  async printError(text: string): Promise<void> {
    if (this.isTerminal) return await this.print(text);
    this.#channel.stderr.write(utf8(text));
  }

  /** See {@link Terminal.exit}. */
  exit(code: number): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    this.#channel.exit(code);
    this.#channel.end();
  }

  /** Hands the session over to the server of a route. Nothing may be read or drawn here any more. */
  hand(): HandedShell {
    if (this.#setup.pty === null) throw new TypeError("Cannot hand over a session that has no terminal");
    return {
      channel: this.#channel,
      pty: this.#setup.pty,
      env: this.#setup.env,
      onResize: (listener) => this.#setup.onResize(listener),
    };
  }

  /** A terminal that shows bytes as they come needs both to begin a line. */
  #lines(text: string): string {
    return this.isTerminal ? text.replaceAll("\n", "\r\n") : text;
  }
}

/** A client that does not know its size says 0. */
function cells(count: number): number {
  return Math.min(count, MAX_CELLS);
}
