import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../lib/policy/compile.ts";
import { decide } from "../../lib/policy/decide.ts";
import type { Facts } from "../../lib/policy/facts.ts";
import { nextChange } from "../../lib/policy/next_change.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import { anonymous, ask, refusal } from "./_support.ts";

type Criterion = Readonly<Record<string, unknown>>;

function at(instant: string | number): Facts {
  return { ...anonymous, now: typeof instant === "number" ? instant : Date.parse(instant) };
}

function outcomeAt(criterion: Criterion, instant: string) {
  return ask({ allow: { or: [criterion] } }, at(instant)).allow;
}

function holdsAt(criterion: Criterion, instant: string | number): boolean {
  return ask({ allow: { or: [criterion] } }, at(instant)).verdict === "allowed";
}

function changeAfter(data: unknown, instant: string): string | null {
  const change = nextChange(compilePolicy(parsePolicy(data)), Date.parse(instant));
  return change === null ? null : new Date(change).toISOString();
}

const berlin = (window: Criterion) => ({ time_of_day: { ...window, timezone: "Europe/Berlin" } });
const office = berlin({ after: "9:00", before: "17:30" });
const night = berlin({ after: "22:00", before: "6:00" });

describe("Criteria on time", () => {
  it.each<[Criterion, string, boolean, string]>([
    [{ date: { after: "2026-01-01" } }, "2026-06-01T00:00:00Z", true, "date-ok"],
    [{ date: { before: "2026-01-01" } }, "2026-06-01T00:00:00Z", false, "date-unauthorized"],
    [{ day_of_week: "mon" }, "2026-06-01T00:00:00Z", true, "day-of-week-ok"],
    [{ day_of_week: "tue" }, "2026-06-01T00:00:00Z", false, "day-of-week-unauthorized"],
    [office, "2026-06-01T12:00:00Z", true, "time-of-day-ok"],
    [office, "2026-06-01T22:00:00Z", false, "time-of-day-unauthorized"],
  ])("%j at %s is %s because of %s", (criterion, instant, value, reason) => {
    expect(outcomeAt(criterion, instant)).toEqual({ value, reasons: [reason] });
  });

  it.each([{ date: "2026-01-01" }, { day_of_week: "mon" }, office])(
    "%j denies when the clock is broken",
    (criterion) => {
      for (const now of [NaN, Infinity]) {
        const decision = ask({ allow: { not: [criterion] } }, { ...anonymous, now });
        expect(decision.allow.reasons).toEqual(["policy-error"]);
      }
    },
  );
});

describe("date", () => {
  it.each<[unknown, string, boolean]>([
    [{ after: "2026-01-01T09:00:00Z" }, "2026-01-01T08:59:59.999Z", false],
    [{ after: "2026-01-01T09:00:00Z" }, "2026-01-01T09:00:00.000Z", true],
    [{ before: "2026-01-01T09:00:00Z" }, "2026-01-01T08:59:59.999Z", true],
    [{ before: "2026-01-01T09:00:00Z" }, "2026-01-01T09:00:00.000Z", false],
    [{ after: "2020-01-02T16:20:00", before: "2150-01-02T16:20:00" }, "2026-01-01T00:00:00Z", true],
    [{ after: "2020-01-02T16:20:00" }, "2020-01-02T16:19:59Z", false],
    [{ after: "2026-01-01T09:00:00+01:00" }, "2026-01-01T08:00:00Z", true],
    [{ after: "2026-01-01T09:00:00-01:30" }, "2026-01-01T10:29:59Z", false],
    [{ after: "2026-01-01 09:00" }, "2026-01-01T09:00:00Z", true],
    [{ after: "2026-01-01t09:00:00.5z" }, "2026-01-01T09:00:00.499Z", false],
    [{ after: "2026-01-01t09:00:00.5009z" }, "2026-01-01T09:00:00.500Z", true],
    [{ after: "2026-01-01" }, "2025-12-31T23:59:59Z", false],
    [{ after: "2026-01-01" }, "2026-01-01T00:00:00Z", true],
    ["2026-01-01", "2025-12-31T23:59:59.999Z", false],
    ["2026-01-01", "2026-01-01T00:00:00Z", true],
    ["2026-01-01", "2026-01-01T23:59:59.999Z", true],
    ["2026-01-01", "2026-01-02T00:00:00Z", false],
    ["2024-02-29", "2024-02-29T12:00:00Z", true],
  ])("%j at %s is %s", (date, instant, expected) => {
    expect(holdsAt({ date }, instant)).toBe(expected);
  });

  it.each<[unknown, string, string[]]>([
    ["tomorrow", "policy/bad-data", []],
    ["2026-02-29", "policy/bad-data", []],
    ["2026-13-01", "policy/bad-data", []],
    ["2026-01-01T09:00:00Z", "policy/bad-data", []],
    [null, "policy/bad-data", []],
    [["2026-01-01"], "policy/bad-data", []],
    [{}, "policy/bad-data", []],
    [{ after: "2026-02-30T00:00:00Z" }, "policy/bad-data", ["after"]],
    [{ after: "2026-01-01T24:00:00Z" }, "policy/bad-data", ["after"]],
    [{ after: "2026-01-01T09:60:00Z" }, "policy/bad-data", ["after"]],
    [{ after: "2026-01-01T09:00:00+25:00" }, "policy/bad-data", ["after"]],
    [{ before: "9:00" }, "policy/bad-data", ["before"]],
    [{ before: null }, "policy/bad-data", ["before"]],
    [{ after: "2026-01-02", before: "2026-01-01" }, "policy/bad-data", []],
    [{ after: "2026-01-01", before: "2026-01-01" }, "policy/bad-data", []],
    [{ is: "2026-01-01" }, "policy/unknown-matcher", ["is"]],
  ])("is refused with %j", (date, code, path) => {
    const error = refusal({ allow: { or: [{ date }] } });
    expect([error.code, error.path]).toEqual([code, ["allow", "or", 0, "date", ...path]]);
  });
});

describe("day_of_week", () => {
  /** The 1st of June 2026 is a Monday. */
  const daysOf = (day_of_week: unknown) =>
    [1, 2, 3, 4, 5, 6, 7].filter((day) => holdsAt({ day_of_week }, `2026-06-0${day}T12:00:00Z`)).join("");

  it.each<[unknown, string]>([
    ["*", "1234567"],
    ["mon", "1"],
    ["Sunday", "7"],
    ["tue-fri", "2345"],
    ["mon,wed,fri", "135"],
    ["sat, sun", "67"],
    ["MON-wed,Saturday", "1236"],
    ["fri-mon", "1567"],
    ["sun-sat", "1234567"],
    ["sun-sun", "7"],
    [["mon", "thursday"], "14"],
    [["mon-tue", "sun"], "127"],
    [{ days: "mon-fri" }, "12345"],
    [{ days: ["sat", "sun"], timezone: "UTC" }, "67"],
  ])("%j is the days %s", (days, expected) => {
    expect(daysOf(days)).toBe(expected);
  });

  it.each<[string | null, string, boolean]>([
    [null, "2026-05-31T23:59:59.999Z", false],
    [null, "2026-06-01T00:00:00Z", true],
    [null, "2026-06-01T23:59:59.999Z", true],
    [null, "2026-06-02T00:00:00Z", false],
    ["Europe/Berlin", "2026-05-31T21:59:59Z", false],
    ["Europe/Berlin", "2026-05-31T22:00:00Z", true],
    ["Europe/Berlin", "2026-06-01T22:00:00Z", false],
    ["America/Phoenix", "2026-06-01T06:59:59Z", false],
    ["America/Phoenix", "2026-06-02T06:59:59Z", true],
  ])("mon in %s at %s is %s", (timezone, instant, expected) => {
    const day_of_week = timezone === null ? "mon" : { days: "mon", timezone };
    expect(holdsAt({ day_of_week }, instant)).toBe(expected);
  });

  it.each<[unknown, string, string[]]>([
    ["", "policy/bad-data", []],
    ["mo", "policy/bad-data", []],
    ["monda", "policy/bad-data", []],
    ["mon,", "policy/bad-data", []],
    ["mon-", "policy/bad-data", []],
    ["mon-tue-wed", "policy/bad-data", []],
    ["mon,*", "policy/bad-data", []],
    [1, "policy/bad-data", []],
    [null, "policy/bad-data", []],
    [[], "policy/bad-data", []],
    [["mon", null], "policy/bad-data", [1]],
    [{ timezone: "UTC" }, "policy/bad-data", []],
    [{ days: "mon", timezone: "Mars/Olympus" }, "policy/bad-data", ["timezone"]],
    [{ days: "mo" }, "policy/bad-data", ["days"]],
    [{ days: "mon", zone: "UTC" }, "policy/unknown-matcher", ["zone"]],
  ] as [unknown, string, string[]][])("is refused with %j", (day_of_week, code, path) => {
    const error = refusal({ allow: { or: [{ day_of_week }] } });
    expect([error.code, error.path]).toEqual([code, ["allow", "or", 0, "day_of_week", ...path]]);
  });
});

describe("time_of_day", () => {
  const utc = (window: Criterion) => ({ time_of_day: { ...window, timezone: "UTC" } });

  it.each<[Criterion, string, boolean]>([
    [{ after: "9:00", before: "17:30" }, "08:59:59.999", false],
    [{ after: "9:00", before: "17:30" }, "09:00:00.000", true],
    [{ after: "9:00", before: "17:30" }, "17:29:59.999", true],
    [{ after: "9:00", before: "17:30" }, "17:30:00.000", false],
    [{ after: "9:00" }, "23:59:59.999", true],
    [{ after: "9:00" }, "00:00:00.000", false],
    [{ before: "9:00" }, "00:00:00.000", true],
    [{ before: "9:00" }, "09:00:00.000", false],
    [{ after: "22:00", before: "6:00" }, "22:00:00.000", true],
    [{ after: "22:00", before: "6:00" }, "00:00:00.000", true],
    [{ after: "22:00", before: "6:00" }, "05:59:59.999", true],
    [{ after: "22:00", before: "6:00" }, "06:00:00.000", false],
    [{ after: "22:00", before: "6:00" }, "21:59:59.999", false],
    [{ after: "2:20:00", before: "4:30PM" }, "16:29:59.000", true],
    [{ after: "2:20:00", before: "4:30PM" }, "16:30:00.000", false],
  ])("%j at %s is %s", (window, time, expected) => {
    expect(holdsAt(utc(window), `2026-06-01T${time}Z`)).toBe(expected);
  });

  it.each([
    ["3:04 PM", "15:04:00.000"],
    ["3:04PM", "15:04:00.000"],
    ["3 PM", "15:00:00.000"],
    ["3PM", "15:00:00.000"],
    ["3pm", "15:00:00.000"],
    ["12 AM", "00:00:00.000"],
    ["12:30am", "00:30:00.000"],
    ["12 PM", "12:00:00.000"],
    ["15:04:05.999999999", "15:04:05.999"],
    ["15:04:05", "15:04:05.000"],
    ["15:04", "15:04:00.000"],
    ["03:04", "03:04:00.000"],
    ["0:00", "00:00:00.000"],
  ])("reads %s as %s", (text, time) => {
    const start = Date.parse(`2026-06-01T${time}Z`);
    const window = utc({ after: text, before: "23:59:59" });
    expect([holdsAt(window, start - 1), holdsAt(window, start)]).toEqual([false, true]);
  });

  // 2026: Berlin goes from 2:00 to 3:00 on 29 March (01:00Z), and from 3:00 back to 2:00 on 25 October (01:00Z).
  it.each<[Criterion, string, boolean]>([
    [berlin({ after: "9:00" }), "2026-03-28T07:59:59Z", false],
    [berlin({ after: "9:00" }), "2026-03-28T08:00:00Z", true],
    [berlin({ after: "9:00" }), "2026-03-29T06:59:59Z", false],
    [berlin({ after: "9:00" }), "2026-03-29T07:00:00Z", true],
    [berlin({ after: "2:15", before: "2:45" }), "2026-03-29T00:59:59Z", false],
    [berlin({ after: "2:15", before: "2:45" }), "2026-03-29T01:00:00Z", false],
    [berlin({ after: "2:15", before: "2:45" }), "2026-03-29T01:30:00Z", false],
    [berlin({ after: "2:15", before: "2:45" }), "2026-10-25T00:30:00Z", true],
    [berlin({ after: "2:15", before: "2:45" }), "2026-10-25T00:50:00Z", false],
    [berlin({ after: "2:15", before: "2:45" }), "2026-10-25T01:30:00Z", true],
    [
      { time_of_day: { after: "0:00", before: "5:45", timezone: "Asia/Kathmandu" } },
      "2026-06-01T00:00:00Z",
      false,
    ],
    [
      { time_of_day: { after: "0:00", before: "5:45", timezone: "Asia/Kathmandu" } },
      "2026-05-31T23:59:59Z",
      true,
    ],
    [{ time_of_day: { after: "12:00", timezone: "America/St_Johns" } }, "2026-01-01T15:30:00Z", true],
    [{ time_of_day: { after: "12:00", timezone: "America/St_Johns" } }, "2026-01-01T15:29:59Z", false],
  ])("%j at %s is %s", (criterion, instant, expected) => {
    expect(holdsAt(criterion, instant)).toBe(expected);
  });

  it("tells summer from winter in any order of questions", () => {
    const policy = compilePolicy(parsePolicy({ allow: { or: [berlin({ after: "9:00" })] } }));
    const instants = ["2026-07-01T07:30:00Z", "2026-01-01T07:30:00Z", "2026-07-01T07:30:00Z"];
    expect(instants.map((instant) => decide(policy, at(instant)).verdict)).toEqual([
      "allowed",
      "denied",
      "allowed",
    ]);
  });

  it.each<[unknown, string, string[]]>([
    ["9:00", "policy/bad-data", []],
    [null, "policy/bad-data", []],
    [{}, "policy/bad-data", []],
    [{ after: "9:00" }, "policy/bad-data", []],
    [{ timezone: "UTC" }, "policy/bad-data", []],
    [{ after: "9:00", before: "9:00", timezone: "UTC" }, "policy/bad-data", []],
    [{ after: "9:00", timezone: "Mars/Olympus" }, "policy/bad-data", ["timezone"]],
    [{ after: "9:00", timezone: "" }, "policy/bad-data", ["timezone"]],
    [{ after: "9:00", timezone: null }, "policy/bad-data", ["timezone"]],
    [{ after: "9", timezone: "UTC" }, "policy/bad-data", ["after"]],
    [{ after: "24:00", timezone: "UTC" }, "policy/bad-data", ["after"]],
    [{ after: "9:60", timezone: "UTC" }, "policy/bad-data", ["after"]],
    [{ after: "9:00:60", timezone: "UTC" }, "policy/bad-data", ["after"]],
    [{ after: "13 PM", timezone: "UTC" }, "policy/bad-data", ["after"]],
    [{ after: "0 AM", timezone: "UTC" }, "policy/bad-data", ["after"]],
    [{ after: "9:0", timezone: "UTC" }, "policy/bad-data", ["after"]],
    [{ before: "noon", timezone: "UTC" }, "policy/bad-data", ["before"]],
    [{ until: "9:00", timezone: "UTC" }, "policy/unknown-matcher", ["until"]],
  ])("is refused with %j", (time_of_day, code, path) => {
    const error = refusal({ allow: { or: [{ time_of_day }] } });
    expect([error.code, error.path]).toEqual([code, ["allow", "or", 0, "time_of_day", ...path]]);
  });
});

describe("nextChange()", () => {
  const allow = (...or: unknown[]) => ({ allow: { or } });

  it.each<[string, unknown, string, string | null]>([
    ["nothing that depends on time", allow({ accept: true }), "2026-06-01T00:00:00Z", null],
    ["an empty policy", [], "2026-06-01T00:00:00Z", null],
    [
      "a date to come",
      allow({ date: { after: "2026-07-01" } }),
      "2026-06-01T00:00:00Z",
      "2026-07-01T00:00:00.000Z",
    ],
    ["a date that is past", allow({ date: { after: "2026-05-01" } }), "2026-06-01T00:00:00Z", null],
    [
      "the end of a window",
      allow({ date: "2026-06-01" }),
      "2026-06-01T00:00:00Z",
      "2026-06-02T00:00:00.000Z",
    ],
    [
      "the start of a window",
      allow({ date: "2026-06-01" }),
      "2026-05-01T00:00:00Z",
      "2026-06-01T00:00:00.000Z",
    ],
    ["exactly at the end", allow({ date: { before: "2026-06-01" } }), "2026-06-01T00:00:00Z", null],
    ["every day", allow({ day_of_week: "*" }), "2026-06-01T00:00:00Z", null],
    [
      "the last working day",
      allow({ day_of_week: "mon-fri" }),
      "2026-06-01T09:00:00Z",
      "2026-06-06T00:00:00.000Z",
    ],
    ["the weekend", allow({ day_of_week: "mon-fri" }), "2026-06-06T09:00:00Z", "2026-06-08T00:00:00.000Z"],
    ["one day a week", allow({ day_of_week: "sun" }), "2026-06-01T00:00:00Z", "2026-06-07T00:00:00.000Z"],
    [
      "all but one day",
      allow({ day_of_week: "mon-sat" }),
      "2026-06-01T00:00:00Z",
      "2026-06-07T00:00:00.000Z",
    ],
    ["before office hours", allow(office), "2026-06-01T00:00:00Z", "2026-06-01T07:00:00.000Z"],
    ["during them", allow(office), "2026-06-01T07:00:00Z", "2026-06-01T15:30:00.000Z"],
    ["after them", allow(office), "2026-06-01T15:30:00Z", "2026-06-02T07:00:00.000Z"],
    ["a window over midnight", allow(night), "2026-06-01T21:00:00Z", "2026-06-02T04:00:00.000Z"],
    ["after only", allow(berlin({ after: "9:00" })), "2026-06-01T10:00:00Z", "2026-06-01T22:00:00.000Z"],
    ["over the start of summer time", allow(office), "2026-03-28T20:00:00Z", "2026-03-29T07:00:00.000Z"],
    ["over its end", allow(office), "2026-10-24T20:00:00Z", "2026-10-25T08:00:00.000Z"],
    [
      "a window that summer time skips",
      allow(berlin({ after: "2:15", before: "2:45" })),
      "2026-03-28T20:00:00Z",
      "2026-03-30T00:15:00.000Z",
    ],
    [
      "a window that ends in the hour that is skipped",
      allow(berlin({ after: "1:00", before: "2:30" })),
      "2026-03-29T00:30:00Z",
      "2026-03-29T01:00:00.000Z",
    ],
    [
      "the second time in the hour that comes twice",
      allow(berlin({ after: "2:15", before: "2:45" })),
      "2026-10-25T00:50:00Z",
      "2026-10-25T01:15:00.000Z",
    ],
    [
      "the clock going back into a window",
      allow(berlin({ after: "1:00", before: "2:30" })),
      "2026-10-25T00:45:00Z",
      "2026-10-25T01:00:00.000Z",
    ],
    [
      "the first of several, wherever they stand",
      [
        { allow: { and: [{ accept: true }, { any_of: [office, { date: "2027-01-01" }] }] } },
        { deny: { not: [{ day_of_week: "mon" }] } },
      ],
      "2026-06-01T20:00:00Z",
      "2026-06-02T00:00:00.000Z",
    ],
  ])("of %s", (_title, data, instant, expected) => {
    expect(changeAfter(data, instant)).toBe(expected);
  });

  it.each([
    ["Europe/Berlin", "2026-03-27T00:00:00Z"],
    ["Europe/Berlin", "2026-10-23T00:00:00Z"],
    ["Australia/Lord_Howe", "2026-04-03T00:00:00Z"],
    ["America/St_Johns", "2026-03-06T00:00:00Z"],
    ["Africa/Casablanca", "2026-02-13T00:00:00Z"],
    ["Pacific/Apia", "2011-12-28T00:00:00Z"],
  ])("is the first minute at which the answer differs, in %s from %s", (timezone, start) => {
    const criteria = [
      { time_of_day: { after: "2:10", before: "2:50", timezone } },
      { time_of_day: { after: "23:00", before: "1:30", timezone } },
      { time_of_day: { before: "12:00", timezone } },
      { day_of_week: { days: "sun,fri", timezone } },
    ];
    for (const criterion of criteria) {
      const policy = compilePolicy(parsePolicy({ allow: { or: [criterion] } }));
      const from = Date.parse(start);
      const holds = (now: number) => decide(policy, { ...anonymous, now }).verdict === "allowed";
      let expected: number | null = null;
      const mismatches: string[] = [];
      for (let minute = 4 * 24 * 60; minute > 0; minute--) {
        const now = from + minute * 60_000;
        if (holds(now) !== holds(now - 60_000)) expected = now;
        if (expected === null || minute % 13 !== 0) continue;
        if (nextChange(policy, now - 60_000) !== expected) mismatches.push(new Date(now).toISOString());
      }
      expect([criterion, expected === null, mismatches]).toEqual([criterion, false, []]);
    }
  });
});
