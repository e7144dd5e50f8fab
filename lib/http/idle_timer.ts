import type { Clock } from "../base/clock.ts";

/** When a connection is idle. */
export interface IdleTimerOptions {
  /** As they are at each moment they are asked for. */
  readonly limits: {
    /** A connection without requests is left after so long; 0 is never. */
    readonly idleTimeoutMs: number;
  };
  /** Runs the time. */
  readonly clock: Clock;
}

/** Says when a connection has had no request under way for too long. */
export class IdleTimer {
  readonly #options: IdleTimerOptions;
  readonly #onIdle: () => void;
  #requests = 0;
  #timer: Disposable | null = null;
  #isStopped = false;

  /** The time runs at once. */
  constructor(options: IdleTimerOptions, onIdle: () => void) {
    this.#options = options;
    this.#onIdle = onIdle;
    this.#start();
  }

  /** A request is under way, perhaps beside others. */
  begin(): void {
    this.#requests++;
    this.#timer?.[Symbol.dispose]();
  }

  /** One request less is under way. */
  end(): void {
    if (--this.#requests === 0 && !this.#isStopped) this.#start();
  }

  /** For good. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.[Symbol.dispose]();
  }

  #start(): void {
    const { limits, clock } = this.#options;
    if (limits.idleTimeoutMs > 0) this.#timer = clock.timer(limits.idleTimeoutMs, this.#onIdle);
  }
}
