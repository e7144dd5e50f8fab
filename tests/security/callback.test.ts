import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ShiftedClock } from "../_support/shifted_clock.ts";
import { getRequest, sendRaw } from "../_support/raw_http.ts";
import { freePort } from "../_support/free_port.ts";
import { PASSWORD, type TestGateway } from "../_support/test_gateway.ts";
import { browse, callbackUrlFor, cookiesSetBy, programSignInUrl, startWithAnn } from "./_support.ts";

let gateway: TestGateway;
let clock: ShiftedClock;

beforeAll(async () => void ({ gateway, clock } = await startWithAnn()));
beforeEach(() => clock.advance(60_000));
afterAll(() => gateway[Symbol.asyncDispose]());

const signIn = () => `${gateway.url}/.pomerium/sign_in`;

describe("a replayed callback", () => {
  it("is refused, in the same browser and in another", async () => {
    using browser = browse(gateway);
    const url = await callbackUrlFor(browser, signIn());
    expect((await browser.request(url)).status).toBe(302);
    const again = await browser.request(url);
    expect([again.status, cookiesSetBy(again)]).toEqual([400, []]);
    expect(await again.text()).toContain("was used before");
    using thief = browse(gateway);
    expect((await thief.request(url)).status).toBe(400);
  });

  it("gives no second token to a program", async () => {
    using browser = browse(gateway);
    const url = await callbackUrlFor(browser, await programSignInUrl(gateway));
    expect((await browser.request(url)).headers.get("location")).toContain("pomerium_jwt=");
    const again = await browser.request(url);
    expect([again.status, again.headers.get("location")]).toEqual([400, null]);
  });

  it("is refused after its minute", async () => {
    using browser = browse(gateway);
    const url = await callbackUrlFor(browser, signIn());
    clock.advance(61_000);
    const response = await browser.request(url);
    expect([response.status, cookiesSetBy(response)]).toEqual([400, []]);
    expect(await response.text()).toContain("has expired");
  });

  it("is refused once the session has ended", async () => {
    using browser = browse(gateway);
    const url = await callbackUrlFor(browser, await programSignInUrl(gateway));
    await gateway.gateway.users.setPassword("ann", PASSWORD);
    const response = await browser.request(url);
    expect([response.status, response.headers.get("location")]).toEqual([401, null]);
  });
});

describe("login CSRF: the end of a stranger's sign-in in a victim's browser", () => {
  it.each([
    ["that has never been here", false],
    ["that has begun a sign-in of its own", true],
  ])("%s signs nobody in", async (_what, hasBegun) => {
    using attacker = browse(gateway);
    const url = await callbackUrlFor(attacker, signIn());
    using victim = browse(gateway);
    if (hasBegun) await victim.open(signIn());
    const response = await victim.request(url);
    expect([response.status, cookiesSetBy(response)]).toEqual([400, []]);
    expect([...victim.cookiesOf(`localhost:${gateway.port}`).keys()]).not.toContain("_pomerium");
  });

  it.each([
    ["without the browser mark", (url: URL) => url.searchParams.delete("pomerium_browser")],
    ["with the victim's mark", (url: URL) => url.searchParams.set("pomerium_browser", "A".repeat(43))],
    ["as if a program had asked", (url: URL) => url.searchParams.set("pomerium_programmatic", "true")],
    [
      "with another destination",
      (url: URL) => url.searchParams.set("pomerium_redirect_uri", "https://evil.example/"),
    ],
  ])("does not work %s", async (_what, change) => {
    using attacker = browse(gateway);
    const url = new URL(await callbackUrlFor(attacker, signIn()));
    change(url);
    const response = await attacker.request(url.href);
    expect([response.status, cookiesSetBy(response)]).toEqual([400, []]);
    expect(await response.text()).toContain("was changed");
  });

  it("does not work with what a refused CONNECT began, which carries no mark", async () => {
    const port = freePort();
    const config = `authenticate_service_url: https://localhost:${port}`;
    const { gateway: own } = await startWithAnn(config, { port });
    await using _ = own;
    const answer = await own.connect("closed.test:1");
    answer.stream.close();
    using attacker = browse(own);
    const url = await callbackUrlFor(attacker, answer.headers.get("location")!);
    using victim = browse(own);
    const response = await victim.request(url);
    expect([response.status, response.headers.get("location")]).toEqual([302, "/.pomerium/sign_in"]);
    expect(cookiesSetBy(response)).toEqual([]);
  });

  it("does not come at another host of the gateway", async () => {
    using browser = browse(gateway);
    const { pathname, search } = new URL(await callbackUrlFor(browser, signIn()));
    const cookie = [...browser.cookiesOf(`localhost:${gateway.port}`)].map((pair) => pair.join("=")).join(
      "; ",
    );
    const { status, text } = await sendRaw(
      gateway,
      getRequest(pathname + search, { Host: `closed.test:${gateway.port}`, Cookie: cookie }),
    );
    expect(status).toBe(400);
    expect(text).not.toMatch(/^set-cookie/im);
  });
});
