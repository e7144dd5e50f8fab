const INSTANT = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?([Zz]|[+-]\d\d:\d\d)?)?$/;
const TIME_24 = /^(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/;
const TIME_12 = /^(\d{1,2})(?::(\d\d))? ?([AaPp])[Mm]$/;
const DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/**
 * Reads a date or a date with a time (RFC 3339 section 5.6, ISO 8601): `2026-01-01`, `2026-01-01T09:00`,
 * `2026-01-01T09:00:00.5+01:00`. Without offset it is in UTC, without time it is midnight.
 *
 * @returns milliseconds since 1970-01-01T00:00:00Z, or `null` when the text is no such date
 */
export function parseInstant(text: string): number | null {
  const match = INSTANT.exec(text);
  if (match === null) return null;
  const [, date, hour = "00", minute = "00", second = "00", fraction = "", offset = "Z"] = match;
  const day = Date.parse(`${date}T00:00:00Z`);
  // The platform takes a 30th of February for the 2nd of March.
  if (Number.isNaN(day) || !new Date(day).toISOString().startsWith(date!)) return null;
  const time = timeMs({ hour, minute, second, fraction });
  const offsetMs = /^z$/i.test(offset)
    ? 0
    : timeMs({ hour: offset.slice(1, 3), minute: offset.slice(4), second: "0" });
  if (time === null || offsetMs === null) return null;
  return day + time - (offset.startsWith("-") ? -offsetMs : offsetMs);
}

/** Reads a date without time. @returns its first moment in UTC, or `null` when the text is not a date */
export function parseDay(text: string): number | null {
  return /^\d{4}-\d\d-\d\d$/.test(text) ? parseInstant(text) : null;
}

/**
 * Reads a time of day: `9:00`, `09:00:30`, `17:30:00.5`, `9 AM`, `5:30PM`. What is below a millisecond is dropped.
 *
 * @returns milliseconds since midnight, or `null` when the text is no such time
 */
export function parseTimeOfDay(text: string): number | null {
  const day = TIME_24.exec(text);
  if (day !== null) {
    const [, hour = "", minute = "", second = "0", fraction = ""] = day;
    return timeMs({ hour, minute, second, fraction });
  }
  const [, hour = "", minute = "0", half = ""] = TIME_12.exec(text) ?? [];
  if (half === "" || Number(hour) < 1 || Number(hour) > 12) return null;
  const hour24 = Number(hour) % 12 + (half.toLowerCase() === "p" ? 12 : 0);
  return timeMs({ hour: String(hour24), minute, second: "0" });
}

function timeMs(time: { hour: string; minute: string; second: string; fraction?: string }): number | null {
  const [hour, minute, second] = [Number(time.hour), Number(time.minute), Number(time.second)];
  if (hour > 23 || minute > 59 || second > 59) return null;
  const millisecond = Number((time.fraction ?? "").slice(0, 3).padEnd(3, "0"));
  return ((hour * 60 + minute) * 60 + second) * 1000 + millisecond;
}

/**
 * Reads days of the week: `*`, or `,` between days and ranges such as `mon-fri`, which may go over the end of the week.
 * A day is its English name or the first three letters of it, in either case.
 *
 * @returns of each day, from Sunday on, whether it is among them; `null` when the text is no such list
 */
export function parseDays(text: string): readonly boolean[] | null {
  if (text.trim() === "*") return DAYS.map(() => true);
  const days = DAYS.map(() => false);
  for (const part of text.split(",")) {
    const ends = part.split("-").map((word) => dayOf(word.trim().toLowerCase()));
    const [first, last = first] = ends;
    if (ends.length > 2 || first === undefined || first < 0 || last === undefined || last < 0) return null;
    for (let day = first; day !== last; day = (day + 1) % 7) days[day] = true;
    days[last] = true;
  }
  return days;
}

/** The name of a day, Sunday being 0, in three letters. */
export function dayName(day: number): string {
  return DAYS[day]!.slice(0, 3);
}

function dayOf(word: string): number {
  return DAYS.findIndex((day) => word === day || word === day.slice(0, 3));
}
