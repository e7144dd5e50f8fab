import type { Config } from "../config/config.ts";
import type { LiveServing } from "./live_serving.ts";
import type { Serving } from "./serving.ts";

/** What follows the configuration. */
export interface ActivationParts {
  /** What is served. */
  readonly live: LiveServing;
  /** Where it listens; each that fails listens where it did before. */
  readonly listeners: readonly { follow(next: Serving): Promise<void> }[];
  /** Takes what is served from now on; cannot fail. @param cause what asked for it */
  readonly onServed: (serving: Serving, cause: string) => Promise<void>;
}

/** A configuration that can be served at once. One of the two is to be called, once. */
export interface Prepared {
  /** Serves it. Cannot fail. @param cause what asked for it, such as `file changed` */
  commit(cause: string): Promise<void>;
  /** Does without it. */
  abort(): Promise<void>;
}

/** Puts a configuration in the place of the one that is served, in two steps: all that can fail is in the first. */
export class Activation {
  readonly #parts: ActivationParts;

  /** Changes nothing yet. */
  constructor(parts: ActivationParts) {
    this.#parts = parts;
  }

  /**
   * Makes all that serving `next` takes, and listens as it says.
   *
   * @throws {SallyportError} why it cannot be served; nothing has changed
   */
  async prepare(next: Config): Promise<Prepared> {
    const { live, listeners, onServed } = this.#parts;
    const serving = await live.prepare(next);
    const moved: typeof listeners[number][] = [];
    const goBack = async () => {
      for (const listener of moved) await listener.follow(live.current);
    };
    try {
      for (const listener of listeners) {
        await listener.follow(serving);
        moved.push(listener);
      }
    } catch (error) {
      await goBack();
      throw error;
    }
    return {
      commit: async (cause) => {
        live.replace(serving);
        await onServed(serving, cause);
      },
      abort: goBack,
    };
  }
}
