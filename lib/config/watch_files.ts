import { basename, dirname } from "node:path";
import { type Clock, systemClock } from "../base/clock.ts";

/** How files are watched. */
export interface WatchOptions {
  /** Called after the files have changed, or seem to have: compare what they hold. Must not throw. */
  readonly onChange: () => void;
  /** How long nothing must happen before a change is told, in milliseconds, for at most ten times as long; default 100. */
  readonly debounceMs?: number;
  /** How often the attributes of the files are looked at as well, in milliseconds; default 2000. */
  readonly pollMs?: number;
  /** Default: the machine's own. */
  readonly clock?: Clock;
  /** Ends watching, as disposing does. */
  readonly signal?: AbortSignal;
  /** Default: `Deno.watchFs`. What it throws leaves the polls to notice changes. */
  readonly watchFs?: (directories: string[], options: { recursive: boolean }) => DirectoryWatcher;
}

/** What tells of events in directories. */
export type DirectoryWatcher = AsyncIterable<Deno.FsEvent> & { close(): void };

/** Files that are watched until it is disposed. */
export interface FileWatch extends Disposable {
  /** Watches these files from now on, instead. */
  update(files: readonly string[]): void;
}

/** A burst of events is told of after so many times the quiet that it has not kept. */
const MAX_DEBOUNCES = 10;

/**
 * Watches files: written in place, replaced by a rename, reached through a symbolic link that is replaced (as the
 * `..data` of a Kubernetes volume), removed, or not there yet. The directories of the files, and those in which their
 * links end, are watched for events; what no event tells of, or where there can be none, the polls find. Attributes are
 * read synchronously, which takes microseconds for each file.
 *
 * @param files need not exist; @param options see {@link WatchOptions}
 * @returns what the caller disposes, unless `signal` ends it; changes after the call are noticed
 */
export function watchFiles(files: readonly string[], options: WatchOptions): FileWatch {
  return new Watch(files, options);
}

class Watch implements FileWatch {
  readonly #options: Required<Omit<WatchOptions, "signal">> & { readonly signal: AbortSignal | undefined };
  readonly #close = () => this[Symbol.dispose]();
  #files: readonly string[] = [];
  /** Names that the files have, as they are called and where their links lead. */
  #names: ReadonlySet<string> = new Set();
  /** What was last seen of each file. */
  #seen: ReadonlyMap<string, string> = new Map();
  #watcher: { readonly events: DirectoryWatcher; readonly key: string } | null = null;
  /** An event named one of the files: what it holds may have changed even if its attributes look the same. */
  #isNamed = false;
  #burst: { readonly endsAt: number; timer: Disposable } | null = null;
  #poll: Disposable | null = null;
  #isClosed = false;

  constructor(files: readonly string[], options: WatchOptions) {
    this.#options = {
      debounceMs: 100,
      pollMs: 2000,
      clock: systemClock,
      watchFs: Deno.watchFs,
      signal: undefined,
      ...options,
    };
    if (options.signal?.aborted) this.#isClosed = true;
    options.signal?.addEventListener("abort", this.#close, { once: true });
    this.update(files);
    this.#schedulePoll();
  }

  update(files: readonly string[]): void {
    if (this.#isClosed) return;
    this.#files = [...new Set(files)];
    this.#watchDirectories();
    const seen = this.#look();
    // A file that was watched already may have changed since it was last looked at.
    this.#seen = new Map(this.#files.map((file) => [file, this.#seen.get(file) ?? seen.get(file)!]));
    if (this.#differs(seen)) this.#schedule();
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#options.signal?.removeEventListener("abort", this.#close);
    this.#burst?.timer[Symbol.dispose]();
    this.#poll?.[Symbol.dispose]();
    this.#watcher?.events.close();
    this.#watcher = null;
  }

  #schedulePoll(): void {
    if (this.#isClosed) return;
    this.#poll = this.#options.clock.timer(this.#options.pollMs, () => {
      this.#watchDirectories();
      if (this.#differs(this.#look())) this.#schedule();
      this.#schedulePoll();
    });
  }

  /** Looks at the files once nothing has happened for a while. */
  #schedule(): void {
    const { clock, debounceMs } = this.#options;
    const now = clock.monotonic();
    const endsAt = this.#burst?.endsAt ?? now + MAX_DEBOUNCES * debounceMs;
    if (this.#burst !== null && now + debounceMs > endsAt) return;
    this.#burst?.timer[Symbol.dispose]();
    this.#burst = { endsAt, timer: clock.timer(debounceMs, () => this.#settle()) };
  }

  #settle(): void {
    this.#burst = null;
    this.#watchDirectories();
    const seen = this.#look();
    const isChanged = this.#isNamed || this.#differs(seen);
    this.#seen = seen;
    this.#isNamed = false;
    if (isChanged) this.#options.onChange();
  }

  #look(): ReadonlyMap<string, string> {
    return new Map(this.#files.map((file) => [file, attributesOf(file)]));
  }

  #differs(seen: ReadonlyMap<string, string>): boolean {
    return this.#files.some((file) => seen.get(file) !== this.#seen.get(file));
  }

  /** Listens to the directories in which the files are now, if it does not yet. */
  #watchDirectories(): void {
    const paths = this.#files.flatMap((file) => [file, realPath(file) ?? file]);
    this.#names = new Set(paths.map((path) => basename(path)));
    const directories = directoriesOf(paths);
    const key = [...directories].join("\n");
    if (key === (this.#watcher?.key ?? "")) return;
    const before = this.#watcher;
    this.#watcher = null;
    try {
      if (directories.size === 0) return;
      const events = this.#options.watchFs([...directories.keys()], { recursive: false });
      this.#watcher = { events, key };
      void this.#follow(events);
    } catch {
      // The directory has gone, or the system watches no more of them: the polls go on, and try again.
    } finally {
      before?.events.close();
    }
  }

  async #follow(events: DirectoryWatcher): Promise<void> {
    try {
      for await (const { kind, paths } of events) {
        if (this.#isClosed || kind === "access") continue;
        this.#isNamed ||= paths.some((path) => this.#names.has(basename(path)));
        this.#schedule();
      }
    } catch {
      // As when it ends: the next poll opens another.
    }
    if (this.#watcher?.events === events) this.#watcher = null;
  }
}

/** What tells one state of a file from another, following links: which file it is, and when it was changed. */
function attributesOf(file: string): string {
  try {
    const { dev, ino, size, mtime, ctime } = Deno.statSync(file);
    return [realPath(file), dev, ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
  } catch (error) {
    return error instanceof Error ? error.name : "unknown";
  }
}

/** The directories that hold what is at the paths, each with what tells it from its successor. */
function directoriesOf(paths: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const directory of new Set(paths.map((path) => dirname(path)))) {
    // A question on the terminal would come out of the blue.
    if (Deno.permissions.querySync({ name: "read", path: directory }).state !== "granted") continue;
    try {
      const { dev, ino, isDirectory } = Deno.statSync(directory);
      if (isDirectory) found.set(directory, `${dev} ${ino}`);
    } catch {
      // Not there: a poll will see it come.
    }
  }
  return found;
}

function realPath(file: string): string | null {
  try {
    return Deno.realPathSync(file);
  } catch {
    return null;
  }
}
