import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { main } from "../../lib/cli/main.ts";
import { fakeIo } from "./_fake_io.ts";
import { browserOf, type SigningGateway, startSigningGateway } from "./_gateway.ts";

const ROUTES = [
  {
    id: "1",
    name: "Orders",
    type: "tcp",
    from: "tcp+https://orders.example.com:5432",
    description: "Data\u001b[2Jbase",
    connect_command: "pomerium-cli tcp orders.example.com:5432",
    available: true,
  },
  { id: "2", name: "ssh://on-call", type: "ssh", from: "ssh://on-call", description: "", available: false },
  { id: "3", name: "Wiki", type: "http", from: "https://wiki.example.com", mcp_connected: true },
];

let gateway: SigningGateway;
let cache: string;
beforeEach(async () => {
  gateway = startSigningGateway({ routes: { routes: ROUTES } });
  cache = await Deno.makeTempDir();
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await Deno.remove(cache, { recursive: true });
});

async function run(...args: string[]) {
  return await runAt([gateway.url, ...args]);
}

async function runAt(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const io = fakeIo({ ...browserOf(gateway), env: { XDG_CACHE_HOME: cache, ...env } });
  const code = await main(["routes", ...args], io);
  return { code, out: io.out(), err: io.err(), started: io.started.length };
}

describe("routes", () => {
  it("signs in if need be, and prints a table that is harmless for a terminal", async () => {
    const { code, out, started } = await run();
    expect({ code, started }).toEqual({ code: 0, started: 1 });
    expect(out).toBe(
      [
        "NAME    TYPE  FROM                                 DESCRIPTION",
        "Orders  tcp   tcp+https://orders.example.com:5432  Data?[2Jbase",
        "-       ssh   ssh://on-call                        (not available yet)",
        "Wiki    http  https://wiki.example.com",
        "",
      ].join("\n"),
    );
    expect((await run()).started).toBe(0);
  });

  it("prints with --json what the gateway answers, in ASCII", async () => {
    const { out } = await run("--json");
    expect(JSON.parse(out)).toEqual({ routes: ROUTES });
    expect(out).toMatch(/^[\n\x20-\x7e]*$/);
  });

  it("signs in again when the session has ended", async () => {
    await run();
    gateway.tokens.length = 0;
    expect(await run()).toMatchObject({ code: 0, started: 1 });
  });

  it("does not ask the person for a service account", async () => {
    expect(await run("--service-account", "unknown")).toMatchObject({ code: 1, out: "", started: 0 });
    gateway.tokens.push("opaque");
    expect(await run("--service-account", "opaque")).toMatchObject({ code: 0, started: 0 });
  });

  it("takes the gateway from the environment", async () => {
    expect(await runAt([], { SALLYPORT_GATEWAY_URL: gateway.url })).toMatchObject({ code: 0 });
    expect(await runAt([])).toEqual({
      code: 2,
      out: "",
      err: expect.stringContaining("error: GATEWAY-URL is missing"),
      started: 0,
    });
  });

  it.each<[what: string, answer: unknown, err: string]>([
    ["no list", undefined, "has no list of routes"],
    ["a list of something else", { routes: ["x"] }, "did not answer with routes"],
    ["something else", [], "did not answer with routes"],
  ])("says so when the gateway has %s", async (_what, routes, err) => {
    await gateway[Symbol.asyncDispose]();
    gateway = startSigningGateway({ routes });
    expect(await run()).toMatchObject({ code: 1, out: "", err: expect.stringContaining(err) });
  });

  it("reads a list that is far longer than other answers", async () => {
    await gateway[Symbol.asyncDispose]();
    const many = Array.from({ length: 500 }, (_, index) => ({
      ...ROUTES[0],
      id: String(index),
      description: "x".repeat(1000),
    }));
    gateway = startSigningGateway({ routes: { routes: many } });
    expect((await run()).out.split("\n")).toHaveLength(502);
  });
});
