import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { comeBack, type FakeSetup, startWithFake, visit } from "./_fake_provider.ts";

let setup: FakeSetup;

beforeAll(async () => void (setup = await startWithFake()));
afterAll(() => setup[Symbol.asyncDispose]());

const SIGN_IN_COOKIE = "__Host-_pomerium_authenticate";

describe("what should happen", () => {
  it("is that the browser which began is signed in", async () => {
    using browser = setup.browse();
    const [status, cookies] = await visit(browser, await comeBack(setup, browser));
    expect([status, cookies]).toEqual([302, [SIGN_IN_COOKIE]]);
  });
});

describe("a forged state", () => {
  it.each([
    ["that is missing", null],
    ["that is empty", ""],
    ["of another make", "xyz"],
    [
      "that is a JWE under another key",
      "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
    ],
    ["that is very long", "A".repeat(17_000)],
  ])("%s signs nobody in", async (_what, state) => {
    using browser = setup.browse();
    const url = await comeBack(setup, browser);
    if (state === null) url.searchParams.delete("state");
    else url.searchParams.set("state", state);
    const [status, cookies] = await visit(browser, url);
    expect([status, cookies]).toEqual([400, []]);
  });

  it("with one character changed signs nobody in", async () => {
    using browser = setup.browse();
    const url = await comeBack(setup, browser);
    const state = url.searchParams.get("state")!;
    for (const at of [3, 40, Math.floor(state.length / 2), state.length - 5]) {
      url.searchParams.set(
        "state",
        state.slice(0, at) + (state[at] === "A" ? "B" : "A") + state.slice(at + 1),
      );
      const [status, cookies] = await visit(browser, url);
      expect([status, cookies]).toEqual([400, []]);
    }
  });
});

describe("a replayed state", () => {
  it("signs nobody in a second time, even with a fresh code", async () => {
    using browser = setup.browse();
    const url = await comeBack(setup, browser);
    expect((await visit(browser, url))[0]).toBe(302);
    const fresh = crypto.randomUUID();
    const code = url.searchParams.get("code")!;
    setup.provider.nonces.set(fresh, setup.provider.nonces.get(code)!);
    setup.provider.challenges.set(fresh, setup.provider.challenges.get(code)!);
    url.searchParams.set("code", fresh);
    const [status, cookies, text] = await visit(browser, url);
    expect([status, cookies]).toEqual([400, []]);
    expect(text).toContain("has ended before");
  });

  it("is refused after five minutes", async () => {
    using browser = setup.browse();
    const url = await comeBack(setup, browser);
    setup.clock.advance(5 * 60_000);
    const [status, cookies, text] = await visit(browser, url);
    expect([status, cookies]).toEqual([400, []]);
    expect(text).toContain("longer than five minutes");
  });
});

describe("the state of another browser (login CSRF)", () => {
  it.each([
    ["that has never been here", false],
    ["that has begun a sign-in of its own", true],
  ])("does not sign in one %s, and is not used up by it", async (_what, hasBegun) => {
    using attacker = setup.browse();
    const url = await comeBack(setup, attacker);
    using victim = setup.browse();
    if (hasBegun) await comeBack(setup, victim);
    const [status, cookies, text] = await visit(victim, url);
    expect([status, cookies]).toEqual([400, []]);
    expect(text).toContain("another browser");
    expect((await visit(attacker, url))[0]).toBe(302);
  });

  it("does not pass with a form posted from another site", async () => {
    using attacker = setup.browse();
    const url = await comeBack(setup, attacker);
    using victim = setup.browse();
    const response = await victim.request(url.origin + url.pathname, {
      method: "POST",
      body: url.searchParams,
    });
    expect([response.status, response.headers.getSetCookie()]).toEqual([303, []]);
    const next = new URL(response.headers.get("location")!, url);
    expect((await visit(victim, next)).slice(0, 2)).toEqual([400, []]);
  });
});

describe("code injection", () => {
  it("of a stranger's code into a victim's sign-in is refused by the PKCE verifier", async () => {
    using attacker = setup.browse();
    const theirs = await comeBack(setup, attacker);
    using victim = setup.browse();
    const url = await comeBack(setup, victim);
    url.searchParams.set("code", theirs.searchParams.get("code")!);
    const [status, cookies, text] = await visit(victim, url);
    expect([status, cookies]).toEqual([400, []]);
    expect(text).toContain("invalid_grant");
  });

  it("of a code twice in one address signs nobody in", async () => {
    using browser = setup.browse();
    const url = await comeBack(setup, browser);
    url.searchParams.append("code", "another");
    expect((await visit(browser, url)).slice(0, 2)).toEqual([400, []]);
  });
});

describe("an open redirect via the callback", () => {
  it.each([
    ["pomerium_redirect_uri", "https://evil.example/"],
    ["redirect_uri", "https://evil.example/"],
    ["pomerium_callback_uri", "https://evil.example/.pomerium/callback/"],
  ])("by %s leads nowhere but to the gateway", async (name, value) => {
    using browser = setup.browse();
    const url = await comeBack(setup, browser);
    url.searchParams.set(name, value);
    const response = await browser.request(url.href);
    expect(response.status).toBe(302);
    const next = new URL(response.headers.get("location")!);
    expect([next.origin, next.pathname]).toEqual([setup.gateway.url, "/.pomerium/callback/"]);
    expect(next.searchParams.get("pomerium_redirect_uri")).toBe(`${setup.gateway.url}/.pomerium/`);
  });

  it("by an error of the provider leads nowhere", async () => {
    using browser = setup.browse();
    const url = new URL(`${setup.gateway.url}/oauth2/callback?error=x&error_uri=https://evil.example/`);
    const response = await browser.request(url.href);
    expect([response.status, response.headers.get("location")]).toEqual([400, null]);
    expect(await response.text()).not.toContain("evil");
  });
});

describe("the log", () => {
  it("has no code, state or token in it, even when queries are asked for", async () => {
    using browser = setup.browse();
    const url = await comeBack(setup, browser);
    await visit(browser, url);
    const log = setup.gateway.written.join("\n");
    for (const name of ["code", "state"]) expect(log).not.toContain(url.searchParams.get(name)!);
    expect(log).not.toContain("opaque");
  });
});
