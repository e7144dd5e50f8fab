import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { main } from "../../lib/cli/main.ts";
import { type FakeIo, fakeIo, type FakeIoOptions } from "./_fake_io.ts";
import { browserOf, type SigningGateway, startSigningGateway } from "./_gateway.ts";

let gateway: SigningGateway;
let cache: string;
beforeEach(async () => {
  gateway = startSigningGateway({
    claims: { sub: "u1", email: "alice@example.com", groups: ["dev", "ops"], name: "Al\u001b[2Jice" },
  });
  cache = await Deno.makeTempDir();
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await Deno.remove(cache, { recursive: true });
});

function process(options: FakeIoOptions = {}): FakeIo {
  return fakeIo({ ...browserOf(gateway), env: { XDG_CACHE_HOME: cache }, ...options });
}

async function run(command: string, ...args: string[]) {
  const io = process();
  const code = await main([command, gateway.url, ...args], io);
  return { code, out: io.out(), err: io.err(), started: io.started.length };
}

describe("login", () => {
  it("signs in with the browser and says as whom", async () => {
    const { code, out, started } = await run("login");
    expect({ code, out, started }).toEqual({
      code: 0,
      out: `signed in to ${gateway.url} as alice@example.com\n`,
      started: 1,
    });
  });

  it("replaces the token of before", async () => {
    await run("login");
    await run("login");
    expect((await run("token")).out).toBe(`${gateway.tokens[1]}\n`);
  });
});

describe("whoami", () => {
  it("prints the claims, harmless for a terminal", async () => {
    await run("login");
    expect(await run("whoami")).toEqual({
      code: 0,
      out: "sub: u1\nemail: alice@example.com\ngroups: dev, ops\nname: Al?[2Jice\n",
      err: "",
      started: 0,
    });
  });

  it("prints JSON with --json", async () => {
    await run("login");
    const { out } = await run("whoami", "--json");
    expect(JSON.parse(out)).toMatchObject({ groups: ["dev", "ops"], name: "Al\u001b[2Jice" });
    expect(out).toMatch(/^[\n\x20-\x7e]*$/);
  });

  it("asks for the token of a service account too", async () => {
    gateway.tokens.push("opaque");
    expect((await run("whoami", "--service-account", "opaque")).code).toBe(0);
  });

  it("warns when the gateway has no TLS, unless it is on this machine", async () => {
    const io = process();
    await main(["whoami", "http://gw.invalid"], io);
    expect(io.err()).toMatch(/^warning: the gateway has no TLS: /);
  });

  it("never opens the browser: without a token it says how to get one", async () => {
    expect(await run("whoami")).toEqual({
      code: 1,
      out: "",
      err: `error: You are not signed in to ${gateway.url}\nhint: sallyport login ${gateway.url}\n`,
      started: 0,
    });
  });

  it("says the same when the session has ended", async () => {
    await run("login");
    gateway.tokens.length = 0;
    expect(await run("whoami")).toMatchObject({ code: 1, out: "" });
  });
});

describe("token", () => {
  it.each(["token", "auth"])("%s prints the token alone, signing in only when it must", async (command) => {
    const first = await run(command);
    expect(first).toMatchObject({ code: 0, out: `${gateway.tokens[0]}\n`, started: 1 });
    expect(await run(command)).toEqual({ code: 0, out: first.out, err: "", started: 0 });
  });

  it("signs in again when the session has ended", async () => {
    await run("token");
    gateway.tokens.length = 0;
    expect(await run("token")).toMatchObject({ code: 0, out: `${gateway.tokens[0]}\n`, started: 1 });
  });
});

describe("logout", () => {
  it("ends the session at the gateway and forgets the token", async () => {
    await run("login");
    expect(await run("logout")).toEqual({
      code: 0,
      out: `signed out of ${gateway.url}\n`,
      err: "",
      started: 0,
    });
    expect(gateway.tokens).toEqual([]);
    expect((await run("whoami")).code).toBe(1);
    expect(await run("logout")).toMatchObject({ code: 0, out: `not signed in to ${gateway.url}\n` });
  });

  it("forgets the token even if the gateway is gone, and says that the session lives on", async () => {
    await run("login");
    await gateway[Symbol.asyncDispose]();
    expect(await run("logout")).toMatchObject({ code: 1, out: "" });
    expect(await run("logout")).toMatchObject({ code: 0, out: `not signed in to ${gateway.url}\n` });
    gateway = startSigningGateway();
  });
});
