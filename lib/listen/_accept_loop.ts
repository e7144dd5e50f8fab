import type { Clock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import type { Log } from "../observe/log.ts";
import type { Places } from "./_places.ts";

/** How long to wait before accepting again when the system has no descriptor left. */
const ACCEPT_RETRY_MS = 100;

/** What accepting works with. */
export interface AcceptLoopOptions<C> {
  /** Owns the connection. */
  readonly onAccept: (conn: C) => void;
  /** Nothing is accepted while they are taken: those who come wait in the system's queue. */
  readonly places: Places;
  /** For waiting. */
  readonly clock: Clock;
  /** Where failures are noted. */
  readonly log: Log;
}

/** A listener of the platform. */
export interface Listener<C> {
  /** Waits for the next connection. */
  accept(): Promise<C>;
  /** Makes the one who waits fail. */
  close(): void;
  /** Where it listens. */
  readonly addr: Deno.Addr;
}

/** Accepts the connections of one listener. Whoever makes it stops it. */
export class AcceptLoop<C> {
  readonly #listener: Listener<C>;
  readonly #options: AcceptLoopOptions<C>;
  readonly #ended: Promise<void>;
  #stopped = false;

  /** Starts accepting. @param listener owned by the loop from now on */
  constructor(listener: Listener<C>, options: AcceptLoopOptions<C>) {
    this.#listener = listener;
    this.#options = options;
    this.#ended = this.#run();
  }

  /** Where it listens. */
  get address(): Deno.NetAddr {
    return this.#listener.addr as Deno.NetAddr;
  }

  /** Stops at once. Safe to call twice. @returns when the port is given back */
  async stop(): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = true;
      this.#listener.close();
      this.#options.places.wake();
    }
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { places, onAccept } = this.#options;
    while (!this.#stopped) {
      if (places.full) {
        await places.changed();
        continue;
      }
      const conn = await this.#accept();
      if (conn === null) continue;
      onAccept(conn);
    }
  }

  async #accept(): Promise<C | null> {
    try {
      return await this.#listener.accept();
    } catch (error) {
      if (this.#stopped) return null;
      this.#options.log.warn("a connection could not be accepted", { error: errorMessage(error) });
      await this.#wait(ACCEPT_RETRY_MS);
      return null;
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.clock.timer(ms, resolve));
  }
}
