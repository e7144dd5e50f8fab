import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../lib/base/clock.ts";

const LONG_MS = 2 ** 31 + 5000;

describe("systemClock.timer()", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    // Fake timers are not the platform's.
    vi.spyOn(Deno, "unrefTimer").mockImplementation(() => {});
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it.each([0, 1, 1000, 2 ** 31 - 1, 2 ** 31, LONG_MS, 3 * LONG_MS])("runs once after %d ms", (delayMs) => {
    const run = vi.fn();
    systemClock.timer(delayMs, run);
    if (delayMs > 0) vi.advanceTimersByTime(delayMs - 1);
    expect(run).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(2 * delayMs);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it.each([0, 2 ** 31])("never runs when it is disposed after %d ms", (waitMs) => {
    const run = vi.fn();
    const timer = systemClock.timer(LONG_MS, run);
    vi.advanceTimersByTime(waitMs);
    timer[Symbol.dispose]();
    vi.advanceTimersByTime(2 * LONG_MS);
    expect(run).not.toHaveBeenCalled();
  });

  it("does not keep the process alive", () => {
    systemClock.timer(1000, () => {});
    expect(Deno.unrefTimer).toHaveBeenCalledOnce();
  });
});

describe("systemClock", () => {
  it("tells the time of day, and a time that does not go back", () => {
    expect(new Date(systemClock.now()).getUTCFullYear()).toBeGreaterThan(2024);
    const before = systemClock.monotonic();
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(before);
  });
});
