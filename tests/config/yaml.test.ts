import { describe, expect, it } from "vitest";
import { codesOf, load, oneRoute } from "./_load.ts";

const bomb = [
  "a: &a [x, x, x, x, x, x, x, x, x, x]",
  ..."bcdefghi".split("").map((name, index) => {
    const inner = `*${"abcdefgh"[index]}`;
    return `${name}: &${name} [${Array(10).fill(inner).join(", ")}]`;
  }),
].join("\n");

describe("loadConfig() refuses YAML that", () => {
  it.each<[string, string, string, number, number]>([
    ["is indented with tabs", "routes:\n\t- from: x", "config/yaml-syntax", 2, 1],
    ["does not close a quote", 'address: "x\nroutes: []', "config/yaml-syntax", 2, 11],
    ["has a mapping in a plain value", "address: a: b", "config/yaml-syntax", 1, 10],
    ["has a second document", "routes: []\n---\nroutes: []", "config/yaml-syntax", 2, 1],
    ["has a mapping as key", "? {a: 1}\n: 2", "config/yaml-syntax", 1, 3],
    ["has a key twice", "address: :1\nroutes: []\naddress: :2", "config/duplicate-key", 3, 1],
    ["has a key of a route twice", "routes:\n- to: tcp://a\n  to: tcp://b", "config/duplicate-key", 3, 3],
    ["has a key twice, once in quotes", '{address: ":1", "address": ":2"}', "config/duplicate-key", 1, 17],
    ["refers to an anchor that is not there", "routes: *nowhere", "config/bad-alias", 1, 9],
    ["refers to an anchor further down", "policy: *x\nroutes: &x []", "config/bad-alias", 1, 9],
    ["contains itself", "routes: &x [*x]", "config/bad-alias", 1, 13],
    ["contains itself through another", "routes: &x [&y {to: *x}, *y]", "config/bad-alias", 1, 21],
    ["merges what is no mapping", "routes:\n- <<: 5", "config/wrong-type", 2, 3],
    ["is a YAML bomb", bomb, "config/alias-bomb", 2, 8],
    ["is nested too deeply in brackets", "routes: " + "[".repeat(5000), "config/too-deep", 1, 208],
    ["is nested too deeply in lines", "- ".repeat(5000), "config/too-deep", 1, 400],
    ["is a list", "- a\n- b", "config/wrong-type", 1, 1],
    ["is a text", "hello", "config/wrong-type", 1, 1],
  ])("%s", async (_, text, code, line, column) => {
    const { config, complaints } = await load(text);
    expect(config).toBeNull();
    expect(complaints[0]).toMatchObject({ severity: "error", code, line, column, file: "routes.yaml" });
  });

  it("has too many aliases", async () => {
    const loaded = await load(`description: &x a\nlist: [${"*x,".repeat(10_001)}]`);
    expect(codesOf(loaded)).toEqual(["error config/bad-alias"]);
    expect(loaded.complaints[0]!.message).toContain("10000");
  });

  it("is larger than 10 MiB", async () => {
    const loaded = await load("#".repeat(10 * 1024 * 1024) + "\n");
    expect(codesOf(loaded)).toEqual(["error config/too-large"]);
    expect(loaded.complaints[0]).toMatchObject({ line: 0, column: 0, excerpt: "" });
  });

  it("has more tokens than memory should hold", async () => {
    const loaded = await load(`routes: [${",".repeat(4_000_000)}]`);
    expect(codesOf(loaded)).toEqual(["error config/too-large"]);
  });
});

describe("loadConfig() accepts YAML that", () => {
  it.each([
    ["begins with a byte order mark", "\ufeffaddress: :1\nroutes: []", ["warning config/no-routes"]],
    ["has Windows line ends", "address: :1\r\nroutes: []\r\n", ["warning config/no-routes"]],
    ["is empty", "", ["warning config/no-routes"]],
    ["is only a comment", "# nothing\n", ["warning config/no-routes"]],
    ["is JSON", oneRoute({}), []],
    ["has an unknown tag", "address: !x :1", ["warning config/yaml-tag", "warning config/no-routes"]],
    ["has keys without values", "address:\nroutes:\npolicy: null", ["warning config/no-routes"]],
  ])("%s", async (_, text, expected) => {
    const loaded = await load(text);
    expect(loaded.config).not.toBeNull();
    expect(codesOf(loaded).toSorted()).toEqual(expected.toSorted());
  });

  it("shares policies by alias and merge key, and finds the place of a fault in them", async () => {
    const text = `
routes:
  - &first
    from: tcp+https://a:1
    to: tcp://a:1
    policy: &policy
      - allow: {or: [accept: true]}
  - from: tcp+https://b:1
    to: tcp://b:1
    policy: *policy
  - <<: *first
    from: tcp+https://c:1
    idle_timeout: later`;
    const { config, complaints } = await load(text);
    expect(complaints).toMatchObject([{ code: "config/wrong-type", line: 13, column: 19 }]);
    const { config: mended } = await load(text.replace("later", "1m"));
    expect(config).toBeNull();
    expect(mended!.routes.map((route) => [route.line, route.to[0]!.url, route.policy.isEmpty])).toEqual([
      [4, "tcp://a:1", false],
      [8, "tcp://b:1", false],
      [11, "tcp://a:1", false],
    ]);
  });

  it("has a fault in what another place merges", async () => {
    const { complaints } = await load("routes:\n- &a {from: tcp+https://a:1, to: 5}\n- {<<: *a, from: x}");
    expect(complaints).toMatchObject([
      { code: "config/bad-to", line: 2, column: 34 },
      { code: "config/bad-to", line: 2, column: 34 },
      { code: "config/bad-from", line: 3, column: 18 },
    ]);
  });
});
