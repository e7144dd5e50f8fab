import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { Deadlines, type Due } from "../../lib/tunnel/_deadlines.ts";
import { ManualClock } from "../_support/manual_clock.ts";

let clock: ManualClock;
let deadlines: Deadlines;
let calls: [name: string, atMs: number][];

beforeEach(() => {
  clock = new ManualClock();
  deadlines = new Deadlines(clock);
  calls = [];
});

/** Something that is due at these times, one after the other. */
function due(name: string, ...times: number[]): Due {
  return calling(() => calls.push([name, clock.monotonic()]), ...times);
}

function calling(run: () => void, ...times: number[]): Due {
  return {
    place: -1,
    get dueAt() {
      return times[0] ?? Infinity;
    },
    onDue() {
      run();
      times.shift();
    },
  };
}

describe("Deadlines", () => {
  it("calls each at its time, with one timer", () => {
    for (const at of [30, 10, 20]) deadlines.add(due(`at ${at}`, at));
    expect(clock.pending).toBe(1);
    clock.advance(15);
    expect(calls).toEqual([["at 10", 10]]);
    clock.advance(15);
    expect(calls.slice(1)).toEqual([["at 20", 20], ["at 30", 30]]);
    expect(clock.pending).toBe(0);
  });

  it("calls one again at the next time that it says", () => {
    deadlines.add(due("often", 10, 20, 40));
    deadlines.add(due("once", 30));
    clock.advance(100);
    expect(calls).toEqual([["often", 10], ["often", 20], ["once", 30], ["often", 40]]);
    expect(clock.pending).toBe(0);
  });

  it("sets no timer for what is never due", () => {
    const never = due("never");
    deadlines.add(never);
    expect(clock.pending).toBe(0);
    deadlines.delete(never);
    clock.advance(1000);
    expect(calls).toEqual([]);
  });

  it("calls at once what was due before it came", () => {
    clock.advance(50);
    deadlines.add(due("late", 10));
    clock.advance(0);
    expect(calls).toEqual([["late", 50]]);
  });

  it("does not call what was deleted, not even by another that is due at the same time", () => {
    const [first, third] = [due("first", 10), due("third", 10)];
    deadlines.add(calling(() => deadlines.delete(third), 10));
    for (const each of [first, third]) deadlines.add(each);
    clock.advance(9);
    deadlines.delete(first);
    clock.advance(1);
    expect(calls).toEqual([]);
  });

  it("calls in order whatever is added and deleted on the way", () => {
    const change = fc.record({ delayMs: fc.nat(50), deletes: fc.option(fc.nat(), { nil: null }) });
    fc.assert(fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      clock = new ManualClock();
      deadlines = new Deadlines(clock);
      calls = [];
      const waiting = new Map<string, { due: Due; at: number }>();
      const expected: number[] = [];
      const pass = (ms: number) => {
        clock.advance(ms);
        for (const [name, { at }] of waiting) {
          if (at > clock.monotonic()) continue;
          waiting.delete(name);
          expected.push(at);
        }
      };
      for (const [i, { delayMs, deletes }] of changes.entries()) {
        const at = clock.monotonic() + 1 + delayMs;
        const added = due(`${i}`, at);
        deadlines.add(added);
        waiting.set(`${i}`, { due: added, at });
        const [name, gone] = [...waiting][deletes === null ? -1 : deletes % waiting.size] ?? [];
        if (name !== undefined && gone !== undefined) {
          waiting.delete(name);
          deadlines.delete(gone.due);
        }
        if (i % 3 === 0) pass(5);
      }
      pass(1000);
      expect(calls.map(([, at]) => at)).toEqual(expected.sort((a, b) => a - b));
      expect(clock.pending).toBe(0);
    }));
  });
});
