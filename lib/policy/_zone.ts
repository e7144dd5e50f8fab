const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** The longest that a condition on the local time and day may stay as it is and still change: a week and some. */
const HORIZON_MS = 9 * DAY_MS;
const OFFSET = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

/** The clock on the wall somewhere. */
export interface Zone {
  /** As it was written. */
  readonly name: string;
  /** What the wall shows at `instant`, as the milliseconds that UTC would show the same at. */
  localMs(instant: number): number;
}

/** @returns the zone of an IANA name such as `Europe/Berlin`, or `null` when the platform knows none of that name */
export function zoneOf(name: string): Zone | null {
  try {
    const format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
    return { name, localMs: withCachedOffset((instant) => offsetOf(format.format(instant))) };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Asking the platform takes microseconds. In no zone has the offset changed within a minute since 1973. */
function withCachedOffset(offsetMs: (instant: number) => number): (instant: number) => number {
  let cachedMinute = NaN;
  let cachedOffsetMs = 0;
  return (instant) => {
    const minute = Math.floor(instant / MINUTE_MS);
    if (minute !== cachedMinute) {
      cachedOffsetMs = offsetMs(minute * MINUTE_MS);
      cachedMinute = minute;
    }
    return instant + cachedOffsetMs;
  };
}

function offsetOf(text: string): number {
  const match = OFFSET.exec(text);
  if (match === null) throw new TypeError(`The platform wrote a time with an unknown offset: ${text}`);
  const [, sign, hours = "0", minutes = "0", seconds = "0"] = match;
  const total = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  return sign === "-" ? -total : total;
}

/** A condition on what the wall shows. */
export interface LocalCondition {
  readonly zone: Zone;
  /** Times of the day, in milliseconds since midnight, apart from which it does not change by the clock going on. */
  readonly bordersMs: readonly number[];
  /** Whether it holds when the wall shows this. */
  readonly holds: (localMs: number) => boolean;
}

/** The first instant after `now` at which the condition is not as it is now; `null` when there is none. */
export function nextLocalChange({ zone, bordersMs, holds }: LocalCondition, now: number): number | null {
  const value = holds(zone.localMs(now));
  for (let from = now; from < now + HORIZON_MS;) {
    const end = endOfEvenDay(zone, from);
    const offsetMs = zone.localMs(from) - from;
    const midnight = Math.floor((from + offsetMs) / DAY_MS) * DAY_MS;
    const changes = [0, DAY_MS].flatMap((day) => bordersMs.map((border) => midnight + day + border))
      .filter((local) => from < local - offsetMs && local - offsetMs < end && holds(local) !== value);
    if (changes.length > 0) return Math.min(...changes) - offsetMs;
    if (holds(zone.localMs(end)) !== value) return end;
    from = end;
  }
  return null;
}

/** A day after `from`, or the first instant before that at which the offset differs. No zone changes it twice a day. */
function endOfEvenDay(zone: Zone, from: number): number {
  const isEven = (instant: number) => zone.localMs(instant) - instant === zone.localMs(from) - from;
  let even = from;
  let uneven = from + DAY_MS;
  if (isEven(uneven)) return uneven;
  while (uneven - even > 1) {
    const middle = Math.floor((even + uneven) / 2);
    if (isEven(middle)) even = middle;
    else uneven = middle;
  }
  return uneven;
}
