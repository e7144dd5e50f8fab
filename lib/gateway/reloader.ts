import { errorMessage } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import { type Complaint, formatComplaint } from "../config/complaint.ts";
import type { Config } from "../config/config.ts";
import type { LoadOptions } from "../config/load_config.ts";
import type { ReloadOutcome } from "../http/control/control_services.ts";
import { withText } from "./plan.ts";
import type { Log } from "../observe/log.ts";
import { loadWithSnapshot, type Snapshot } from "./workers/snapshot.ts";

/** What reloading works with. */
export interface ReloaderOptions {
  /** Where the configuration is read from. */
  readonly source: LoadOptions;
  /** Puts a configuration in the place of the one that is served, or throws and leaves that as it is. */
  readonly activate: (config: Config, known: { cause: string; snapshot: Snapshot }) => Promise<void>;
  /** What the configuration of the start says of them. */
  readonly workers: Config["workers"];
  /** Told of the files that the configuration depends on, after each attempt. */
  readonly onFiles: (files: readonly string[]) => void;
  /** For the times of outcomes. */
  readonly clock: Clock;
  /** Hears of every attempt. */
  readonly log: Log;
}

/**
 * Changes the configuration of a running gateway, one attempt at a time: all or nothing. What cannot be served is reported,
 * and the configuration before it goes on.
 */
export class Reloader {
  readonly #options: ReloaderOptions;
  #last: ReloadOutcome | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  #waiting: Promise<ReloadOutcome> | null = null;

  /** A reloader that has not tried anything. */
  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  /** The latest outcome; `null` when the configuration of the start is still served. */
  get last(): ReloadOutcome | null {
    return this.#last;
  }

  /** Reads the source again. Requests that come while one is waiting for its turn share it. */
  reload(cause: string): Promise<ReloadOutcome> {
    this.#waiting ??= this.#enqueue(() => {
      this.#waiting = null;
      return this.#attempt(this.#options.source, cause);
    });
    return this.#waiting;
  }

  /**
   * Reads the configuration from `text` instead of its file.
   *
   * @param check called with what was read, right before it is served; what it throws refuses the attempt
   */
  apply(text: string, check: (next: Config) => void): Promise<ReloadOutcome> {
    const source = withText(this.#options.source, text);
    return this.#enqueue(() => this.#attempt(source, "applied", check));
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => {});
    return turn;
  }

  async #attempt(source: LoadOptions, cause: string, check?: (next: Config) => void): Promise<ReloadOutcome> {
    const { config, complaints, files, snapshot } = await loadWithSnapshot(source);
    this.#options.onFiles(files);
    if (config === null) return this.#note(cause, { ok: false, complaints: complaints.map(formatComplaint) });
    const { workers } = this.#options;
    if (config.workers !== workers) {
      this.#options.log.warn("workers is read at the start only", { workers, configured: config.workers });
    }
    check?.(config);
    try {
      await this.#options.activate(config, { cause, snapshot });
    } catch (error) {
      return this.#note(cause, {
        ok: false,
        complaints: [...texts(complaints), `error: ${errorMessage(error)}`],
      });
    }
    return this.#note(cause, { ok: true, complaints: texts(complaints) });
  }

  #note(cause: string, { ok, complaints }: Pick<ReloadOutcome, "ok" | "complaints">): ReloadOutcome {
    const { clock, log } = this.#options;
    this.#last = { at: clock.now(), cause, ok, complaints };
    if (ok) log.info("configuration reloaded", { cause, complaints: complaints.length });
    else log.error("configuration refused; the one before it goes on", { cause, complaints });
    return this.#last;
  }
}

function texts(complaints: readonly Complaint[]): string[] {
  return complaints.map(formatComplaint);
}
