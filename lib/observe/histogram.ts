/** Counts of durations by size, for percentiles and for Prometheus. */
export class Histogram {
  /** Upper bounds, in milliseconds. */
  readonly boundsMs: readonly number[];
  readonly #counts: number[];
  #sumMs = 0;

  /** An empty histogram. `boundsMs`: upper bounds in milliseconds, rising; larger values count beyond the last. */
  constructor(boundsMs: readonly number[] = [1, 5, 10, 25, 50, 100, 250, 500, 1000, 2000, 5000]) {
    this.boundsMs = boundsMs;
    this.#counts = Array(boundsMs.length + 1).fill(0);
  }

  /** Counts one duration. */
  observe(ms: number): void {
    const index = this.boundsMs.findIndex((bound) => ms <= bound);
    this.#counts[index < 0 ? this.boundsMs.length : index]!++;
    this.#sumMs += ms;
  }

  /** In the text format of Prometheus, in seconds. */
  text(name: string, help: string): string {
    const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
    let total = 0;
    for (const [index, count] of this.#counts.entries()) {
      total += count;
      const bound = this.boundsMs[index];
      lines.push(`${name}_bucket{le="${bound === undefined ? "+Inf" : bound / 1000}"} ${total}`);
    }
    lines.push(`${name}_sum ${this.#sumMs / 1000}`, `${name}_count ${total}`);
    return `${lines.join("\n")}\n`;
  }
}
