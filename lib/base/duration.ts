const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/y;

/**
 * Reads a duration such as `30s`, `1h30m`, `0.5s`, `250ms`, `7d` or `0`.
 *
 * @returns whole milliseconds, 0 to 2^53-1, or `null` when the text is not a duration
 */
export function parseDurationMs(text: string): number | null {
  if (text === "0") return 0;
  let total = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text);
    if (part === null) return null;
    total += Number(part[1]) * UNIT_MS[part[2]!]!;
  }
  return text === "" || !Number.isSafeInteger(Math.round(total)) ? null : Math.round(total);
}

/** Writes milliseconds the way people read them: `1.2 s`, `3 min 4 s`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${Math.round(ms / 100) / 10} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
