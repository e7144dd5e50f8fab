/** A map that holds at most `maxKeys` keys and forgets the one that was not set for longest. */
export class Recent<V> {
  readonly #maxKeys: number;
  readonly #entries = new Map<string, V>();

  /** An empty map. */
  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  /** What was set, unless it was forgotten. */
  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  /** Sets a value, and makes its key the last to be forgotten. */
  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#maxKeys) return;
    const [oldest] = this.#entries.keys();
    this.#entries.delete(oldest!);
  }

  /** Forgets a key. */
  delete(key: string): void {
    this.#entries.delete(key);
  }
}
