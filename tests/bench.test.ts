import { afterAll, beforeAll, expect, it } from "vitest";
import type { BenchRecord } from "../scripts/bench/report.ts";
import { requirePeer } from "./_support/peers.ts";
import { run } from "./_support/programs.ts";
import { hasSshd } from "./_support/sshd.ts";

let folder: string;

beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "sallyport-bench-test-" });
});

afterAll(() => Deno.remove(folder, { recursive: true }));

const hasCompiler = requirePeer("cc");
const hasWeb = requirePeer("nginx") && requirePeer("wrk") && requirePeer("curl");
const hasSsh = requirePeer("ssh") && hasSshd();

async function bench(...args: string[]): Promise<{ code: number; text: string; stderr: string }> {
  const { code, stdout, stderr } = await run([Deno.execPath(), ["task", "bench", ...args]]);
  return { code, text: new TextDecoder().decode(stdout), stderr };
}

/** Runs a benchmark once, in small. @returns what it printed */
async function small(...args: string[]): Promise<string> {
  const { code, text, stderr } = await bench(...args, "--runs", "1");
  expect(code, stderr).toBe(0);
  return text;
}

/** A row that begins with a figure. */
function row(name: string): RegExp {
  return new RegExp(`^\\| ${name} +\\| +[\\d.]+`, "m");
}

it.skipIf(!hasCompiler)(
  "deno task bench tcp measures the gateway in every way, and whichever peers are installed",
  async () => {
    const text = await small(
      "tcp",
      "--mib",
      "4",
      "--openings",
      "8",
      "--quiet",
      "1",
      "--tunnels",
      "8",
      "--tables",
      "bulk,openings",
    );
    for (
      const name of [
        "direct TLS",
        "sallyport",
        "sallyport client certificate",
        "sallyport h2",
        "sallyport h3",
      ]
    ) {
      expect(text).toMatch(row(name));
    }
    for (const title of ["One tunnel", "Opening tunnels, eight at a time"]) {
      expect(text).toContain(title);
    }
  },
  60_000,
);

it.skipIf(!hasCompiler || !hasWeb || !hasSsh)("deno task bench table has a row for each aim", async () => {
  const text = await small(
    "table",
    "--mib",
    "4",
    "--openings",
    "8",
    "--tunnels",
    "8",
    "--quiet",
    "1",
    "--seconds",
    "1",
  );
  const rows = text.split("\n").filter((line) => line.startsWith("| "));
  expect(rows).toHaveLength(12);
  for (const line of rows.slice(2)) expect(line).toMatch(/\| +(?:yes|no)(?:, (?:yes|no))? +\|/);
}, 60_000);

it.skipIf(!hasCompiler)("deno task bench live sees that only the tunnels of ended sessions end", async () => {
  expect(await small("live", "--people", "20", "--idle", "2")).toMatch(row("two gateways"));
}, 60_000);

it("deno task bench start measures the folder and the bundle", async () => {
  const text = await small("start", "--only", "mod.ts,bundle");
  for (const name of ["mod.ts", "bundle"]) expect(text).toMatch(row(name));
}, 60_000);

it("deno task bench x509 measures the validation of a chain", async () => {
  expect(await small("x509", "--only", "validatePath")).toMatch(
    row("validatePath\\(\\) of parsed certificates"),
  );
}, 60_000);

it("a run is written to a file, and compared with it", async () => {
  const file = `${folder}/policy.json`;
  await small("policy", "--json", file);
  const record = JSON.parse(await Deno.readTextFile(file)) as BenchRecord;
  expect(record).toMatchObject({ format: 1, bench: "policy", missing: [], options: { runs: 1 } });
  const doubled = {
    ...record,
    tables: record.tables.map((table) => ({
      ...table,
      rows: table.rows.map(({ name, figures }) => ({
        name,
        figures: Object.fromEntries(
          Object.entries(figures).map(([key, all]) => [key, all.map((one) => one * 2)]),
        ),
      })),
    })),
  };
  await Deno.writeTextFile(`${folder}/doubled.json`, JSON.stringify(doubled));
  const { code, text } = await bench("--compare", file, `${folder}/doubled.json`);
  expect(code).toBe(0);
  expect(text).toMatch(/\| decisions, who: .+, decisions\/s +\|.+\| +2\.00 \| moved \|/);
}, 60_000);

it("what is no record of a run cannot be compared with", async () => {
  const file = `${folder}/other.json`;
  await Deno.writeTextFile(file, "{}");
  const { code, stderr } = await bench("--compare", file, file);
  expect(code).toBe(2);
  expect(stderr).toContain("is not what --json writes");
});

it.each([
  [["teleport"], "error: there is no benchmark teleport"],
  [["tcp", "--mib", "0"], "error: --mib must be a whole number from 1 to 65536"],
  [["policy", "--only", "nobody"], "error: Nothing is left to measure"],
])("deno task bench %j is refused", async (args, complaint) => {
  const { code, stderr } = await bench(...args);
  expect(code).not.toBe(0);
  expect(stderr).toContain(complaint);
});
