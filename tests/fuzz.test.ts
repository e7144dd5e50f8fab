import { expect, it } from "vitest";
import { fuzz } from "../scripts/fuzz/fuzz.ts";
import { FUZZ_TARGETS, type FuzzTarget } from "../scripts/fuzz/targets.ts";
import { run } from "./_support/programs.ts";

const EXECUTIONS = 500;

it.each(Object.entries(FUZZ_TARGETS))(
  "the codec %s stands what the fuzzer makes of valid input",
  (_, target) => {
    const report = fuzz(target, { seed: 1, goOn: (executions) => executions < EXECUTIONS });
    expect(report.failure).toBeNull();
    expect(report.executions).toBe(EXECUTIONS);
    expect(report.outcomes).toBeGreaterThan(2);
  },
);

it("the same seed makes the same inputs, and another seed others", () => {
  const inputs = (seed: number) => {
    const made: string[] = [];
    const target: FuzzTarget = {
      seeds: [Uint8Array.of(1, 2, 3)],
      run: (input) => `${made.push(input.toHex())}`,
    };
    fuzz(target, { seed, goOn: (executions) => executions < 50 });
    return made;
  };
  expect(inputs(7)).toEqual(inputs(7));
  expect(inputs(7)).not.toEqual(inputs(8));
});

it("a target that fails for one input is found out, with that input", () => {
  const target: FuzzTarget = {
    seeds: [Uint8Array.of(1, 2, 3)],
    run: (input) => {
      if (input.length === 5) throw new RangeError("five");
      return `${input.length}`;
    },
  };
  const { failure } = fuzz(target, { seed: 1, goOn: (executions) => executions < 10_000 });
  expect(failure?.input).toHaveLength(5);
  expect(failure?.error).toBeInstanceOf(RangeError);
});

it("deno task fuzz says what it ran, and knows its targets", async () => {
  const task = (...args: string[]) => run([Deno.execPath(), ["task", "fuzz", ...args]]);
  const ran = await task("varint", "--executions", "100", "--seed", "3");
  expect(new TextDecoder().decode(ran.stdout)).toMatch(/^varint: 100 executions in .* seed 3\n$/);
  expect(ran.code).toBe(0);
  const unknown = await task("teleport");
  expect(unknown.stderr).toContain("error: there is no target teleport");
  expect(unknown.code).toBe(2);
}, 60_000);
