import { describe, expect, it } from "vitest";
import { pkitsDocs, renderPkitsDocs } from "../../scripts/gen_pkits_table.ts";
import { requirePkits, runPkits } from "./_pkits.ts";
import { PKITS_CASES } from "./pkits_cases.ts";

/** Tests whose outcome is another than the suite expects, and why; docs/x509.md says more. */
const DIFFERENCES: readonly [reason: string, numbers: readonly string[]][] = [
  ["DSA is not supported", ["4.1.4", "4.1.5"]],
  ["indirect revocation lists are refused", [
    "4.14.22",
    "4.14.24",
    "4.14.25",
    "4.14.28",
    "4.14.29",
    "4.14.30",
    "4.14.33",
  ]],
  ["delta revocation lists are refused", ["4.15.2", "4.15.5", "4.15.7", "4.15.8"]],
];

describe.skipIf(!requirePkits())("NIST PKITS", () => {
  it.each(PKITS_CASES)("$number $leaf, which is $expected: $actual", async (test) => {
    expect(await runPkits(test)).toBe(test.actual);
  });
});

it("PKITS: the only outcomes that differ are the ones that are explained", () => {
  const differing = PKITS_CASES.filter(({ expected, actual }) =>
    (expected === "valid") !== (actual === "valid")
  );
  expect(differing.map(({ number }) => number)).toEqual(DIFFERENCES.flatMap(([, numbers]) => numbers));
  // Each refuses what is valid: nothing invalid is accepted.
  expect(differing.filter(({ expected }) => expected === "invalid")).toEqual([]);
});

it("PKITS: every test of sections 4.1 to 4.16 is there", () => {
  const counts = new Map<string, Set<string>>();
  for (const { number } of PKITS_CASES) {
    const [, section = "", test = ""] = number.split(".");
    counts.set(section, (counts.get(section) ?? new Set()).add(test));
  }
  expect([...counts.values()].map((tests) => tests.size))
    .toEqual([6, 8, 11, 21, 8, 17, 5, 20, 8, 14, 11, 10, 38, 35, 10, 2]);
});

it("docs/pkits.md shows them as they are", async () => {
  expect(await Deno.readTextFile(pkitsDocs)).toBe(renderPkitsDocs());
});
