import { Buffer } from "node:buffer";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../observe/log.ts";
import type { ConnectionDuplex } from "./connection_duplex.ts";
import { answerRaw } from "./raw_answer.ts";

/** What the times of a connection are. */
export interface TimerOptions {
  /** As they are at each moment they are asked for. */
  readonly limits: {
    /** A request head that takes longer is refused: 408. */
    readonly headTimeoutMs: number;
    /** A connection without requests is closed after so long; 0 is never. */
    readonly idleTimeoutMs: number;
  };
  /** Runs the times. */
  readonly clock: Clock;
  /** Hears of slow requests. */
  readonly log: Log;
}

/** Closes a connection that is slow with its request head, or idle. */
export class ConnectionTimers {
  readonly #duplex: ConnectionDuplex;
  readonly #options: TimerOptions;
  readonly #whenQuiet: (() => void)[] = [];
  #timer: Disposable | null = null;
  #requests = 0;
  #isStopped = false;

  /** No time runs yet. */
  constructor(duplex: ConnectionDuplex, options: TimerOptions) {
    this.#duplex = duplex;
    this.#options = options;
  }

  /** How many are under way. */
  get requests(): number {
    return this.#requests;
  }

  /** Whether a request is under way. */
  get isBusy(): boolean {
    return this.#requests > 0;
  }

  /** From now on a request head is awaited. */
  head(): void {
    this.#set(this.#options.limits.headTimeoutMs, () => {
      this.#options.log.debug("request head took too long", { ip: this.#duplex.facts.peer.address });
      const stream = this.#duplex.detach(Buffer.alloc(0));
      this.#duplex.destroy();
      void answerRaw(stream, new Response("The request head took too long.\n", { status: 408 }));
    });
  }

  /** No request is under way; the first byte of the next starts the time for its head. */
  idle(): void {
    const { idleTimeoutMs } = this.#options.limits;
    if (idleTimeoutMs > 0) this.#set(idleTimeoutMs, () => this.#duplex.destroy());
    else this.#clear();
    if (this.#duplex.facts.alpn !== "h2") this.#duplex.onBytes = () => this.head();
  }

  /** A request is being served, perhaps beside others. */
  begin(): void {
    this.#requests++;
    this.#clear();
  }

  /** One request less is being served. */
  end(): void {
    if (--this.#requests > 0) return;
    this.#whenQuiet.splice(0).forEach((resolve) => resolve());
    if (!this.#isStopped) this.idle();
  }

  /** Waits until no request is under way. */
  async quiet(): Promise<void> {
    if (this.isBusy) await new Promise<void>((resolve) => this.#whenQuiet.push(resolve));
  }

  /** For good. */
  stop(): void {
    this.#isStopped = true;
    this.#whenQuiet.splice(0).forEach((resolve) => resolve());
    this.#clear();
  }

  #set(delayMs: number, run: () => void): void {
    this.#clear();
    this.#timer = this.#options.clock.timer(delayMs, run);
  }

  #clear(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    this.#duplex.onBytes = () => {};
  }
}
