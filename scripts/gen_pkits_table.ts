import { PKITS_CASES, type PkitsCase } from "../tests/pki/pkits_cases.ts";

/** Where the page is kept. */
export const pkitsDocs = new URL("../docs/pkits.md", import.meta.url);

const HEAD = ["number", "end entity", "inputs", "expected", "actual"];

/** The page about NIST's test suite, from the table that the tests run by. Formatted as `deno fmt` does. */
export function renderPkitsDocs(): string {
  const agreeing = PKITS_CASES.filter(({ expected, actual }) =>
    (expected === "valid") === (actual === "valid")
  );
  return `<!-- Written by scripts/gen_pkits_table.ts from tests/pki/pkits_cases.ts, which the tests run by. -->

# NIST PKITS

Every test of sections 4.1 to 4.16 of the Public Key Interoperability Test Suite, with all its variants, run
at the beginning of 2015, every certificate looked up in a revocation list. ${agreeing.length} of ${PKITS_CASES.length} come out as the suite
expects; in the others, which are in bold, something is refused that the suite takes for valid. \`docs/x509.md\`
says why.

Inputs: \`explicit\` is initial-explicit-policy, \`policies\` the numbers of NIST's test policies in the
user-initial-policy-set, \`inhibit-mapping\` initial-policy-mapping-inhibit, \`inhibit-any\`
initial-any-policy-inhibit.

${table([HEAD, ...PKITS_CASES.map(row)])}
`;
}

function row({ number, leaf, inputs, expected, actual }: PkitsCase): string[] {
  const isSame = (expected === "valid") === (actual === "valid");
  return [number, leaf, inputs.join(", "), expected, isSame ? actual : `**${actual}**`];
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const [head, ...body] = rows.map(line);
  return [head, line(widths.map((width) => "-".repeat(width))), ...body].join("\n");
}

if (import.meta.main) await Deno.writeTextFile(pkitsDocs, renderPkitsDocs());
