/** Counts the connections that are open, for those that wait until there is room for one more. */
export class Places {
  readonly #max: number;
  #taken = 0;
  #change = Promise.withResolvers<void>();

  /** Room for `max`. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Connections open now. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether there is no room. */
  get full(): boolean {
    return this.#taken >= this.#max;
  }

  /** Takes a place. @returns gives it back, once however often it is called */
  take(): () => void {
    this.#taken++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#taken--;
      this.wake();
    };
  }

  /** Settles when a place is given back, or at `wake`. */
  changed(): Promise<void> {
    return this.#change.promise;
  }

  /** Makes everybody who waits look again. */
  wake(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}
