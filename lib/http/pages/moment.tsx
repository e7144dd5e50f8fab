import type { JSX } from "hono/jsx/jsx-runtime";

/** A moment to the minute, as `2026-11-20 14:05 UTC`. @param props `at`: milliseconds since 1970-01-01T00:00:00Z */
export function Moment({ at }: { at: number }): JSX.Element {
  return <time datetime={new Date(at).toISOString()}>{momentText(at)}</time>;
}

/** The same as text. @param at milliseconds since 1970-01-01T00:00:00Z */
export function momentText(at: number): string {
  return `${new Date(at).toISOString().replace("T", " ").slice(0, 16)} UTC`;
}
