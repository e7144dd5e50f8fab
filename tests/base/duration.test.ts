import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, parseDurationMs } from "../../lib/base/duration.ts";

describe("parseDurationMs()", () => {
  it.each([
    ["0", 0],
    ["0s", 0],
    ["250ms", 250],
    ["30s", 30_000],
    ["0.5s", 500],
    ["0.4ms", 0],
    ["1m", 60_000],
    ["1h30m", 5_400_000],
    ["1h0m0.5s", 3_600_500],
    ["7d", 604_800_000],
    ["9007199254740991ms", Number.MAX_SAFE_INTEGER],
  ])("reads %s", (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each([
    "",
    " ",
    "1",
    "00",
    "s",
    "-1s",
    "+1s",
    "1 s",
    " 1s",
    "1s ",
    "1s\n",
    ".5s",
    "1.s",
    "1e3s",
    "1w",
    "1S",
    "1,5s",
    "1h,2m",
    "Infinity",
    "٣s",
    "9007199254740992ms",
    "200000000d",
    `${"9".repeat(400)}d`,
  ])("refuses %j", (text) => {
    expect(parseDurationMs(text)).toBeNull();
  });

  it("answers any text with null or whole milliseconds", () => {
    const garbage = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."0123.msdh-e ") }));
    fc.assert(fc.property(garbage, (text) => {
      const ms = parseDurationMs(text);
      expect(ms === null || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true);
    }));
  });

  it("adds up parts", () => {
    fc.assert(fc.property(fc.nat(99), fc.nat(99), fc.nat(999), (h, m, ms) => {
      expect(parseDurationMs(`${h}h${m}m${ms}ms`)).toBe(h * 3_600_000 + m * 60_000 + ms);
    }));
  });
});

describe("formatDuration()", () => {
  it.each([
    [0, "0 ms"],
    [0.4, "0 ms"],
    [999, "999 ms"],
    [999.6, "1 s"],
    [1000, "1 s"],
    [1234, "1.2 s"],
    [59_949, "59.9 s"],
    [59_960, "1 min 0 s"],
    [60_000, "1 min 0 s"],
    [184_000, "3 min 4 s"],
    [3_599_600, "1 h 0 min"],
    [7_500_000, "2 h 5 min"],
    [90_000_000, "25 h 0 min"],
  ])("writes %d ms as %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
