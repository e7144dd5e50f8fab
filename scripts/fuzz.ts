// deno-lint-ignore-file no-console -- a script speaks to the terminal

import { parseArgs } from "node:util";
import { fuzz } from "./fuzz/fuzz.ts";
import { FUZZ_TARGETS } from "./fuzz/targets.ts";

/** `deno task fuzz NAME`: see docs/testing.md. */
const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    seconds: { type: "string" },
    seed: { type: "string" },
    executions: { type: "string" },
    input: { type: "string" },
  },
});
const name = positionals[0] ?? "";
const target = Object.hasOwn(FUZZ_TARGETS, name) ? FUZZ_TARGETS[name] : undefined;
if (target === undefined) {
  console.error(`error: ${name === "" ? "no target was named" : `there is no target ${name}`}`);
  console.error(
    `hint: deno task fuzz NAME [--seconds N] [--executions N] [--seed N] [--input HEX], where NAME is one of: ${
      Object.keys(FUZZ_TARGETS).join(", ")
    }`,
  );
  Deno.exit(2);
}
if (values.input !== undefined) {
  console.log(target.run(Uint8Array.fromHex(values.input)));
  Deno.exit(0);
}

const seed = number(values.seed, Math.floor(Math.random() * 2 ** 32));
const maxExecutions = number(values.executions, Infinity);
const seconds = number(values.seconds, values.executions === undefined ? 10 : Infinity);
const start = performance.now();
const report = fuzz(target, {
  seed,
  goOn: (executions) => executions < maxExecutions && performance.now() - start < seconds * 1000,
});
const elapsed = (performance.now() - start) / 1000;
console.log(
  `${name}: ${report.executions} executions in ${elapsed.toFixed(1)} s, ` +
    `${
      Math.round(report.executions / elapsed)
    } a second, ${report.outcomes} different outcomes, seed ${seed}`,
);
if (report.failure !== null) {
  console.error(`error: ${name} failed, seed ${seed}, execution ${report.executions}`);
  console.error(report.failure.error);
  console.error(`hint: deno task fuzz ${name} --input ${report.failure.input.toHex()}`);
  Deno.exit(1);
}

function number(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (value >= 0) return value;
  console.error("error: --seconds, --executions and --seed are numbers from 0");
  Deno.exit(2);
}
