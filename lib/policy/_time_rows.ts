import { answersOf } from "./_answers.ts";
import { isRecord, requireKeys, requireText, requireTexts } from "./_data.ts";
import type { CriterionRow } from "./_rows.ts";
import { dayName, parseDay, parseDays, parseInstant, parseTimeOfDay } from "./_time_text.ts";
import { type LocalCondition, nextLocalChange, type Zone, zoneOf } from "./_zone.ts";
import { PolicyError, type PolicyPlace, within } from "./errors.ts";
import type { Question } from "./evaluation.ts";

const DAY_MS = 86_400_000;
const DATE = answersOf("date");
const DAY_OF_WEEK = answersOf("day-of-week");
const TIME_OF_DAY = answersOf("time-of-day");

/** Criteria on when it is. All windows include their start and not their end. */
export const TIME_ROWS: Readonly<Record<string, CriterionRow>> = {
  date: {
    compile: ({ data, place }) => {
      const { after, before } = readDates(data, place);
      return {
        ask: ({ now }) => DATE(after <= requireInstant(now) && now < before),
        found: ({ now }) => new Date(now).toISOString(),
        nextChange: (now) => [after, before].find((border) => border > now && border !== Infinity) ?? null,
      };
    },
  },
  day_of_week: {
    compile: ({ data, place }) => {
      const { days, zone } = readDaysOfWeek(data, place);
      const holds = (localMs: number) => days[dayOf(localMs)]!;
      return localQuestion({ zone, bordersMs: [0], holds }, {
        answers: DAY_OF_WEEK,
        show: (localMs) => dayName(dayOf(localMs)),
      });
    },
  },
  time_of_day: {
    compile: ({ data, place }) => {
      const { after, before, zone } = readTimesOfDay(data, place);
      const isOverMidnight = after > before;
      const holds = (localMs: number) => {
        const time = localMs - Math.floor(localMs / DAY_MS) * DAY_MS;
        return isOverMidnight ? time >= after || time < before : time >= after && time < before;
      };
      return localQuestion({ zone, bordersMs: [0, after, before], holds }, {
        answers: TIME_OF_DAY,
        show: (localMs) => new Date(localMs).toISOString().slice(11, 19),
      });
    },
  },
};

function localQuestion(
  condition: LocalCondition,
  options: { answers: ReturnType<typeof answersOf>; show: (localMs: number) => string },
): Question {
  const { zone, holds } = condition;
  return {
    ask: ({ now }) => options.answers(holds(zone.localMs(requireInstant(now)))),
    found: ({ now }) => `${options.show(zone.localMs(now))} ${zone.name}`,
    nextChange: (now) => nextLocalChange(condition, now),
  };
}

/** A clock that is broken must not look like a time outside all windows, which a `deny` may be waiting for. */
function requireInstant(now: number): number {
  if (!Number.isFinite(now)) throw new TypeError("The time of a request must be a finite number");
  return now;
}

/** Sunday is 0; the first of January 1970 was a Thursday. */
function dayOf(localMs: number): number {
  const days = Math.floor(localMs / DAY_MS) + 4;
  return days - Math.floor(days / 7) * 7;
}

function readDates(data: unknown, place: PolicyPlace): { after: number; before: number } {
  if (!isRecord(data)) {
    const after = parseDay(requireText(data, place));
    if (after !== null) return { after, before: after + DAY_MS };
    const hint = "write a day like 2026-01-31, or after and before with times";
    throw new PolicyError("policy/bad-data", "This is not a day", { place, hint });
  }
  requireKeys(data, { place, known: ["after", "before"] });
  const read = (key: string) => {
    const there = within(place, key);
    const instant = parseInstant(requireText(data[key], there));
    if (instant !== null) return instant;
    const hint = "write it like 2026-01-31T09:00:00Z";
    throw new PolicyError("policy/bad-data", "This is not a date", { place: there, hint });
  };
  const after = Object.hasOwn(data, "after") ? read("after") : -Infinity;
  const before = Object.hasOwn(data, "before") ? read("before") : Infinity;
  if (after < before) return { after, before };
  throw new PolicyError("policy/bad-data", "There is no time after the one and before the other", { place });
}

function readDaysOfWeek(data: unknown, place: PolicyPlace): { days: readonly boolean[]; zone: Zone } {
  if (!isRecord(data)) return { days: requireDays(data, place), zone: requireZone("UTC", place) };
  requireKeys(data, { place, known: ["days", "timezone"] });
  if (!Object.hasOwn(data, "days")) {
    const hint = "write it like { days: mon-fri, timezone: Europe/Berlin }";
    throw new PolicyError("policy/bad-data", "This names no days", { place, hint });
  }
  const zone = Object.hasOwn(data, "timezone") ? data["timezone"] : "UTC";
  return {
    days: requireDays(data["days"], within(place, "days")),
    zone: requireZone(zone, within(place, "timezone")),
  };
}

function requireDays(data: unknown, place: PolicyPlace): readonly boolean[] {
  const text = Array.isArray(data) ? requireTexts(data, place).join(",") : requireText(data, place);
  const days = parseDays(text);
  if (days !== null) return days;
  const hint = "write it like mon-fri, or sat,sun, or *";
  throw new PolicyError("policy/bad-data", "These are not days of the week", { place, hint });
}

function readTimesOfDay(data: unknown, place: PolicyPlace): { after: number; before: number; zone: Zone } {
  if (!isRecord(data)) {
    const hint = "write it like { after: 9:00, before: 17:30, timezone: Europe/Berlin }";
    throw new PolicyError("policy/bad-data", "This must be an object", { place, hint });
  }
  requireKeys(data, { place, known: ["after", "before", "timezone"] });
  if (!Object.hasOwn(data, "timezone")) {
    const hint = "add one like timezone: Europe/Berlin";
    throw new PolicyError("policy/bad-data", "A time of day has no meaning without a time zone", {
      place,
      hint,
    });
  }
  const zone = requireZone(data["timezone"], within(place, "timezone"));
  const after = Object.hasOwn(data, "after") ? requireTime(data["after"], within(place, "after")) : null;
  const before = Object.hasOwn(data, "before") ? requireTime(data["before"], within(place, "before")) : null;
  if ((after === null && before === null) || after === before) {
    const hint = "a window over midnight has an after that is later than its before";
    throw new PolicyError("policy/bad-data", "This must hold after, or before, or two different times", {
      place,
      hint,
    });
  }
  return { after: after ?? 0, before: before ?? DAY_MS, zone };
}

function requireTime(data: unknown, place: PolicyPlace): number {
  const time = parseTimeOfDay(requireText(data, place));
  if (time !== null) return time;
  const hint = "write it like 9:00, 17:30:00 or 5:30 PM";
  throw new PolicyError("policy/bad-data", "This is not a time of day", { place, hint });
}

function requireZone(data: unknown, place: PolicyPlace): Zone {
  const zone = zoneOf(requireText(data, place));
  if (zone !== null) return zone;
  const hint = "write a name of the IANA database, like Europe/Berlin or UTC";
  throw new PolicyError("policy/bad-data", "This is not a time zone", { place, hint });
}
