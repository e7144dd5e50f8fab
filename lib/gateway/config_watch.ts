import type { Clock } from "../base/clock.ts";
import { type FileWatch, watchFiles } from "../config/watch_files.ts";

/** Watches the files of the configuration that is served. */
export class ConfigWatch implements Disposable {
  readonly #options: { readonly isOn: () => boolean; readonly clock: Clock };
  readonly #stop = new AbortController();
  #watch: FileWatch | null = null;

  /** Watches nothing yet. `isOn`: whether a change counts at the moment it is seen. */
  constructor(options: { isOn: () => boolean; clock: Clock }) {
    this.#options = options;
  }

  /** Calls `onChange` after changes of `files`, until disposed. */
  start(files: readonly string[], onChange: () => void): void {
    const { isOn, clock } = this.#options;
    this.#watch = watchFiles(files, {
      onChange: () => {
        if (isOn()) onChange();
      },
      clock,
      signal: this.#stop.signal,
    });
  }

  /** Watches these files from now on. */
  update(files: readonly string[]): void {
    this.#watch?.update(files);
  }

  /** Watches nothing more. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#watch?.[Symbol.dispose]();
  }
}
