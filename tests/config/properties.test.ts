import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { environmentKeys } from "../../lib/config/environment.ts";
import { globalKeys } from "../../lib/config/global_keys.ts";
import { loadConfig, type LoadedConfig } from "../../lib/config/load_config.ts";
import { policyTestKeys } from "../../lib/config/policy_test_keys.ts";
import { routeKeys } from "../../lib/config/route_keys.ts";
import { formatComplaint } from "../../lib/config/complaint.ts";
import { load, oneRoute } from "./_load.ts";

const words = fc.constantFrom(
  ..."routes: |policy:|from: |to: |- |  |\n|\n  |[|]|{|}|,|: |\"|'|*a|&a |<<: |!x |---\n|# |\t|tcp+https://a:1|tcp://b|true|5|null|\r\n|\ufeff|%YAML 1.1\n|? |>\n|@|`"
    .split("|"),
  "|",
);
const value = fc.oneof(
  fc.json(),
  fc.constantFrom("tcp+https://a:1", "tcp://b:1", "1h", ":443", true, null, 5).map((some) =>
    JSON.stringify(some)
  ),
);

async function check(text: string): Promise<void> {
  judge(await load(text), text);
}

function judge({ config, complaints }: LoadedConfig, text: string): void {
  const lines = text.split("\n").length;
  expect(config === null).toBe(complaints.some(({ severity }) => severity === "error"));
  expect(complaints.length).toBeLessThanOrEqual(51);
  for (const complaint of complaints) {
    expect(complaint.line).toBeLessThanOrEqual(lines);
    expect(formatComplaint(complaint)).toContain(complaint.severity);
  }
}

describe("loadConfig() never throws, and either loads or says why not", () => {
  it("for any text", async () => {
    await fc.assert(fc.asyncProperty(fc.string({ unit: "binary", maxLength: 200 }), check), { numRuns: 300 });
  });

  it("for any sequence of what YAML is made of", async () => {
    const texts = fc.array(words, { maxLength: 40 }).map((parts) => parts.join(""));
    await fc.assert(fc.asyncProperty(texts, check), { numRuns: 1500 });
  });

  it("for any value under any key", async () => {
    const key = fc.constantFrom(...Object.keys(globalKeys));
    await fc.assert(fc.asyncProperty(key, value, (name, json) => check(`{${name}: ${json}}`)), {
      numRuns: 1000,
    });
  });

  it("for any value under any key of a route", async () => {
    const key = fc.constantFrom(...Object.keys(routeKeys));
    await fc.assert(
      fc.asyncProperty(key, value, (name, json) => check(oneRoute({ [name]: JSON.parse(json) }))),
      { numRuns: 1000 },
    );
  });

  it("for any value under any key of a test", async () => {
    const key = fc.constantFrom(...Object.keys(policyTestKeys), "x");
    await fc.assert(
      fc.asyncProperty(
        key,
        value,
        (name, json) => check(oneRoute({ tests: [{ expect: "allow", [name]: JSON.parse(json) }] })),
      ),
      { numRuns: 500 },
    );
  });

  it("for any text in any variable of the environment", async () => {
    const name = fc.constantFrom(...environmentKeys.map((key) => key.name));
    const text = fc.oneof(value, fc.array(words, { maxLength: 10 }).map((parts) => parts.join("")));
    const readTextFile = () => Promise.resolve(oneRoute({}));
    await fc.assert(
      fc.asyncProperty(name, text, async (set, held) => {
        const env = (asked: string) => asked === set ? held : undefined;
        judge(await loadConfig({ file: "routes.yaml", readTextFile, env }), "");
      }),
      { numRuns: 1000 },
    );
  });

  it("for a good file with any character taken out or put in", async () => {
    const good = await Deno.readTextFile(new URL("../../routes.yaml", import.meta.url));
    const place = fc.nat(good.length);
    await fc.assert(
      fc.asyncProperty(
        place,
        words,
        fc.nat(3),
        (at, word, length) => check(good.slice(0, at) + word + good.slice(at + length)),
      ),
      { numRuns: 500 },
    );
  });
});
