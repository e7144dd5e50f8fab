import type { ChangeListener, StoreChange, WatchOptions } from "./store.ts";

/** How long a change is kept for those who have not read it yet, in milliseconds. */
export const CHANGES_KEPT_MS = 10 * 60_000;

/** Most changes that are read at once. */
export const CHANGES_PER_READ = 1000;

/** A change with its number. Numbers begin at 1, have no gaps, and follow the order of the commits. */
export interface NumberedChange extends StoreChange {
  /** Its place in the log. */
  readonly seq: number;
}

/** The log of changes as an engine reads it. */
export interface ChangeLog {
  /** Number of the latest change, also of one that was pruned; 0 when there was none yet. */
  head(): number | Promise<number>;
  /** The first {@link CHANGES_PER_READ} changes above `seq`, in order. */
  after(seq: number): readonly NumberedChange[] | Promise<readonly NumberedChange[]>;
}

interface Watcher extends WatchOptions {
  readonly onChange: ChangeListener;
  /** Changes up to this one are not for this watcher. */
  after: number;
}

/** Reads the log whenever it is woken, and tells every watcher, in order, each change once. */
export class ChangeFeed {
  readonly #log: ChangeLog;
  readonly #watchers = new Set<Watcher>();
  #position = 0;
  #isDue = false;
  #isReading = false;

  /** A feed without watchers; it reads nothing until there is one. */
  constructor(log: ChangeLog) {
    this.#log = log;
  }

  /** Whether anybody watches. */
  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  /** Whether it is reading, or about to. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** Whether there may be something new that could not be read yet. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** Adds a watcher of every change above `after`. Dispose the answer to take it away. */
  watch(onChange: ChangeListener, options: WatchOptions & { after: number }): Disposable {
    const watcher = { onChange, ...options };
    if (!this.isWatched && !this.#isReading) this.#position = options.after;
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }

  /** There may be something new. */
  wake(): void {
    this.#isDue = this.isWatched;
    if (!this.#isDue || this.#isReading) return;
    this.#isReading = true;
    queueMicrotask(() => void this.#read());
  }

  /** Tells every watcher of an error; what they miss meanwhile is told when the log can be read again. */
  fail(error: unknown): void {
    for (const watcher of [...this.#watchers]) watcher.onError?.(error);
  }

  /** Takes every watcher away. */
  close(): void {
    this.#watchers.clear();
  }

  async #read(): Promise<void> {
    try {
      while (this.#isDue && this.isWatched) {
        this.#isDue = false;
        await this.#readOnce();
      }
    } catch (error) {
      this.#isDue = true;
      this.fail(error);
    } finally {
      this.#isReading = false;
    }
  }

  async #readOnce(): Promise<void> {
    // The head first: a change between the two reads must not look like one that was pruned.
    const head = await this.#log.head();
    if (head === this.#position) return;
    const changes = head > this.#position ? await this.#log.after(this.#position) : [];
    if (changes[0]?.seq === this.#position + 1) {
      this.#position = changes.at(-1)!.seq;
      this.#tell(changes);
    } else {
      this.#position = head;
      this.#tellAll();
    }
    this.#isDue ||= changes.length === CHANGES_PER_READ;
  }

  #tell(changes: readonly NumberedChange[]): void {
    for (const watcher of [...this.#watchers]) {
      const unheard = changes.filter(({ seq }) => seq > watcher.after);
      this.#call(watcher, unheard.map(({ kind, id }) => ({ kind, id })));
    }
  }

  #tellAll(): void {
    for (const watcher of [...this.#watchers]) {
      // The log may have gone back to an earlier state, whose numbers come again.
      watcher.after = 0;
      this.#call(watcher, [{ kind: "all", id: "" }]);
    }
  }

  #call(watcher: Watcher, changes: readonly StoreChange[]): void {
    if (changes.length === 0 || !this.#watchers.has(watcher)) return;
    try {
      watcher.onChange(changes);
    } catch (error) {
      watcher.onError?.(error);
    }
  }
}
