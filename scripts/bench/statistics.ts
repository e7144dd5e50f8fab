/** The value below which a share of the numbers lies (nearest rank). `NaN` without any numbers. */
export function percentile(numbers: readonly number[] | Float64Array, share: number): number {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

/** What several runs came to. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The middle of the numbers (the lower of two), and how far they are apart. */
export function spread(numbers: readonly number[]): Spread {
  return { median: percentile(numbers, 0.5), min: Math.min(...numbers), max: Math.max(...numbers) };
}
