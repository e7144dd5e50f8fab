import { expect, it } from "vitest";
import { compactBytes, compactDuration } from "../../../lib/ssh/tui/_units.ts";

it.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 K"],
  [102_399, "99.9 K"],
  [102_400, "100 K"],
  [1_048_575, "1023 K"],
  [1_048_576, "1.0 M"],
  [2 ** 53, "8.0 P"],
])("compactBytes(%i) is %j", (bytes, text) => expect(compactBytes(bytes)).toBe(text));

it.each([
  [-5, "0s"],
  [59_999, "59s"],
  [60_000, "1m 00s"],
  [3_599_999, "59m 59s"],
  [3_600_000, "1h 00m"],
  [86_400_000 * 12 + 7 * 3_600_000, "12d 07h"],
])("compactDuration(%i) is %j", (ms, text) => expect(compactDuration(ms)).toBe(text));
