// @ts-types="@types/ssh2"
import type { Connection, ServerChannel } from "ssh2";
import type { Clock } from "../base/clock.ts";
import { SSH_LIMITS } from "./_limits.ts";
import { rawOf, sendDebug, sendDisconnect } from "./_protocol.ts";
import type { SshClient } from "./handlers.ts";

/** How long a page may take to leave a terminal as it was, before the client is told that it is over. */
const LEAVE_MS = 300;
/** How long the client may take from there to show that. */
const SHOW_MS = 150;
/** The longest text that a disconnect or a message has, in characters. */
const MAX_TEXT_LENGTH = 1024;

/** The other end of a connection of ssh2. */
export class ClientConnection implements SshClient {
  /** See {@link SshClient.connection}. */
  readonly connection: Connection;
  readonly #closed = new AbortController();
  readonly #leaving = new AbortController();
  readonly #clock: Clock;
  #page: Promise<unknown> | null = null;
  #isEnding = false;

  /** Watches a connection, which has just begun. */
  constructor(connection: Connection, clock: Clock) {
    this.connection = connection;
    this.#clock = clock;
    const socket = rawOf(connection)._sock;
    socket.once("close", () => this.#closed.abort(new Error("The connection is no more")));
    // Whoever has finished sending has gone: SSH knows no half of a connection.
    socket.once("end", () => this.destroy());
  }

  /** Set when the connection is no more. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Whether it is being ended by us. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** See {@link SshClient.openForwarded}. */
  openForwarded(
    from: { boundAddr: string; boundPort: number; originIp: string; originPort: number },
  ): Promise<ServerChannel> {
    return new Promise((resolve, reject) => {
      if (this.closed.aborted) return reject(this.closed.reason);
      const { boundAddr, boundPort, originIp, originPort } = from;
      this.connection.forwardOut(boundAddr, boundPort, originIp, originPort, (error, channel) => {
        if (error) reject(error);
        else resolve(channel);
      });
    });
  }

  /** See {@link SshClient.showMessage}. */
  showMessage(text: string): void {
    if (!this.closed.aborted && !this.#isEnding) sendDebug(this.connection, oneLine(text));
  }

  /**
   * Shows what fills the terminal: a disconnect waits until it has been left as it was.
   *
   * @param show ends soon when the signal says so
   */
  async page<T>(show: (leaving: AbortSignal) => Promise<T>): Promise<T> {
    const shown = show(this.#leaving.signal);
    this.#page = shown.catch(() => {});
    try {
      return await shown;
    } finally {
      this.#page = null;
    }
  }

  /** See {@link SshClient.disconnect}. */
  disconnect(reason: number, text: string): void {
    if (this.closed.aborted || this.#isEnding) return;
    this.#isEnding = true;
    this.#leaving.abort();
    if (this.#page === null) return this.#end(reason, text);
    const wait = (ms: number) => new Promise<void>((resolve) => this.#clock.timer(ms, resolve));
    // OpenSSH forgets what it has not shown yet when it is told that it is over.
    void Promise.race([this.#page, wait(LEAVE_MS)]).then(() => wait(SHOW_MS)).then(() =>
      this.#end(reason, text)
    );
  }

  #end(reason: number, text: string): void {
    try {
      sendDisconnect(this.connection, reason, oneLine(text));
    } catch {
      // Without a cipher there is nothing to say it with.
      return this.destroy();
    }
    const socket = rawOf(this.connection)._sock;
    // Nothing that it still asks for is heard.
    socket.removeAllListeners("data");
    socket.resume();
    socket.end();
    const timer = this.#clock.timer(SSH_LIMITS.lingerMs, () => this.destroy());
    this.closed.addEventListener("abort", () => timer[Symbol.dispose](), { once: true });
  }

  /** Closes the connection at once. */
  destroy(): void {
    rawOf(this.connection)._sock.destroy();
  }
}

/** Nothing in a text from outside may move the cursor of a terminal. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.slice(0, MAX_TEXT_LENGTH).replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}
