const UNITS = ["B", "K", "M", "G", "T", "P"] as const;

/** A number of bytes in at most six cells, by powers of 1,024: `0 B`, `999 B`, `1.5 K`, `1023 G`. */
export function compactBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const isSmall = unit > 0 && value < 100;
  return `${isSmall ? (Math.floor(value * 10) / 10).toFixed(1) : Math.floor(value)} ${UNITS[unit]}`;
}

/** Whole seconds in at most seven cells: `9s`, `3m 04s`, `2h 05m`, `12d 07h`. */
export function compactDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number) => `${Math.floor(value)}`.padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ${two(seconds % 3600 / 60)}m`;
  return `${Math.floor(seconds / 86_400)}d ${two(seconds % 86_400 / 3600)}h`;
}

/** The time of day in UTC, `12:00:03`. @param at milliseconds since 1970-01-01T00:00:00Z */
export function timeOfDay(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}
