import { describe, expect, it, vi } from "vitest";
import { sharedTimers } from "../../lib/base/shared_timers.ts";
import { ManualClock } from "../_support/manual_clock.ts";

function timers() {
  const machine = new ManualClock();
  const clock = sharedTimers(machine);
  const fired: string[] = [];
  const set = (delayMs: number, name: string) =>
    clock.timer(delayMs, () => fired.push(`${name} ${clock.monotonic()}`));
  return { machine, clock, fired, set };
}

describe("sharedTimers()", () => {
  it("calls each at its time, in order", () => {
    const { machine, fired, set } = timers();
    set(1000, "a");
    machine.advance(400);
    set(1000, "b");
    set(500, "c");
    set(1000, "d");
    machine.advance(10_000);
    expect(fired).toEqual(["c 900", "a 1000", "b 1400", "d 1400"]);
  });

  it("calls none that was disposed, even twice, and takes none with it", () => {
    const { machine, fired, set } = timers();
    const [first, , last] = [set(1000, "a"), set(1000, "b"), set(1000, "c")];
    for (const timer of [first, last, first]) timer[Symbol.dispose]();
    machine.advance(10_000);
    expect(fired).toEqual(["b 1000"]);
  });

  it("waits with one timer of the machine's for all of the same delay, and with none when there are none", () => {
    const { machine, fired, set } = timers();
    for (let i = 0; i < 100; i++) set(1000, `${i}`)[Symbol.dispose]();
    set(1000, "last");
    expect(machine.pending).toBe(1);
    machine.advance(1000);
    expect([machine.pending, fired]).toEqual([0, ["last 1000"]]);
    set(1000, "again");
    machine.advance(1000);
    expect(fired.at(-1)).toBe("again 2000");
  });

  it("leaves delays that are the rest of a time to the machine", () => {
    const { machine, fired, set } = timers();
    const [one] = [set(1001, "a"), set(1001, "b")];
    one[Symbol.dispose]();
    expect(machine.pending).toBe(1);
    machine.advance(1001);
    expect(fired).toEqual(["b 1001"]);
  });

  it("shares no more than 64 delays at once", () => {
    const { machine, fired, set } = timers();
    for (let i = 1; i <= 70; i++) {
      set(i * 100, "shared");
      set(i * 100, "shared");
    }
    expect(machine.pending).toBe(64 + 12);
    machine.advance(7000);
    expect(fired).toHaveLength(140);
  });

  it("goes on after one that fails, and says so", () => {
    const report = vi.fn();
    vi.stubGlobal("reportError", report);
    const { machine, clock, fired, set } = timers();
    const failure = new Error("no");
    clock.timer(1000, () => {
      throw failure;
    });
    set(1000, "next");
    machine.advance(1000);
    vi.unstubAllGlobals();
    expect(report).toHaveBeenCalledExactlyOnceWith(failure);
    expect(fired).toEqual(["next 1000"]);
  });

  it("takes one that is set while others are called", () => {
    const { machine, clock, fired, set } = timers();
    clock.timer(1000, () => set(1000, "later"));
    machine.advance(5000);
    expect(fired).toEqual(["later 2000"]);
  });
});
