import { describe, expect, it } from "vitest";
import { type ArgsSpec, parseArgs } from "../../lib/cli/options.ts";
import { UsageError } from "../../lib/cli/usage_error.ts";

const spec: ArgsSpec = {
  options: [
    { name: "listen", value: "ADDRESS", description: "d", default: "127.0.0.1:0" },
    { name: "gateway-url", aliases: ["pomerium-url", "g"], value: "URL", description: "d", env: "GATEWAY" },
    { name: "domain", value: "NAME", description: "d", repeatable: true },
    { name: "json", description: "d" },
  ],
  positionals: [
    { name: "DESTINATION", description: "d" },
    { name: "EXTRA", description: "d", optional: true },
  ],
};

function parse(args: string[], env: Record<string, string> = {}) {
  return parseArgs(args, { spec, env: (name) => env[name] });
}

function failure(args: string[]): UsageError {
  try {
    parse(args);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("parseArgs()", () => {
  it.each([
    ["--listen :1 a:1"],
    ["--listen=:1 a:1"],
    ["a:1 --listen :1"],
    ["a:1 --listen=:1"],
  ])("reads %s", (line) => {
    const args = parse(line.split(" "));
    expect([args.get("listen"), args.get("DESTINATION")]).toEqual([":1", "a:1"]);
  });

  it.each([
    [["--listen", "-", "a:1"], "-"],
    [["--listen=-", "a:1"], "-"],
    [["--listen=a=b", "a:1"], "a=b"],
    [["--listen", "-1", "a:1"], "-1"],
    [["a:1"], "127.0.0.1:0"],
  ])("reads the value out of %j", (line, value) => {
    expect(parse(line).get("listen")).toBe(value);
  });

  it.each(["--gateway-url", "--pomerium-url", "-g"])("knows an option by the name %s", (name) => {
    expect(parse([name, "https://gw", "a:1"]).find("gateway-url")).toBe("https://gw");
  });

  it("takes the command line before the environment", () => {
    const env = { GATEWAY: "https://env" };
    expect(parse(["a:1"], env).find("gateway-url")).toBe("https://env");
    expect(parse(["a:1", "-g", "https://given"], env).find("gateway-url")).toBe("https://given");
    expect(parse(["a:1"], { GATEWAY: "" }).find("gateway-url")).toBeUndefined();
  });

  it("collects what may be repeated", () => {
    expect(parse(["--domain", "a", "--domain=b", "a:1"]).all("domain")).toEqual(["a", "b"]);
    expect(parse(["a:1"]).all("domain")).toEqual([]);
  });

  it("knows whether a switch was given", () => {
    expect(parse(["a:1", "--json", "--json"]).has("json")).toBe(true);
    expect(parse(["a:1"]).has("json")).toBe(false);
  });

  it("takes everything after -- for arguments", () => {
    const args = parse(["--json", "--", "--listen", "-g"]);
    expect([args.get("DESTINATION"), args.get("EXTRA"), args.get("listen")]).toEqual([
      "--listen",
      "-g",
      "127.0.0.1:0",
    ]);
  });

  it("takes a dash alone for an argument", () => {
    expect(parse(["-"]).get("DESTINATION")).toBe("-");
  });

  it.each([["--help"], ["-h"], ["--help", "a", "b", "c"]])(
    "misses nothing when help is asked for: %j",
    (...line) => {
      expect(parse(line).has("help")).toBe(true);
    },
  );

  it.each([
    [["a:1", "--lisen", ":1"], "cli/unknown-option", "did you mean --listen?"],
    [["a:1", "--listn=:1"], "cli/unknown-option", "did you mean --listen?"],
    [["a:1", "--xyzzy"], "cli/unknown-option", "--help lists the options"],
    [["a:1", "--__proto__"], "cli/unknown-option", "--help lists the options"],
    [["a:1", "--listen"], "cli/missing-value", "write --listen ADDRESS"],
    [["a:1", "--listen="], "cli/missing-value", "write --listen ADDRESS"],
    [["a:1", "--listen", "--json"], "cli/missing-value", "write --listen ADDRESS"],
    [["a:1", "-g"], "cli/missing-value", "write -g URL"],
    [["a:1", "--json=yes"], "cli/unexpected-value", undefined],
    [["a:1", "--listen", ":1", "--listen", ":2"], "cli/repeated-option", undefined],
    [["a:1", "-g", "x", "--pomerium-url", "y"], "cli/repeated-option", undefined],
    [[], "cli/missing-argument", "--help says what it can be"],
    [["a:1", "b", "c"], "cli/unexpected-argument", undefined],
  ])("refuses %j", (line, code, hint) => {
    const error = failure(line);
    expect([error.code, error.hint]).toEqual([code, hint]);
  });

  it("keeps misuse by the program apart", () => {
    const args = parse(["a:1"]);
    expect(() => args.find("nonsense")).toThrow(TypeError);
    expect(() => args.get("EXTRA")).toThrow(TypeError);
  });
});
