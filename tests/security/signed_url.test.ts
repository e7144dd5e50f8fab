import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ShiftedClock } from "../_support/shifted_clock.ts";
import { PASSWORD, type TestGateway } from "../_support/test_gateway.ts";
import { browse, cookiesSetBy, csrfOf, programSignInUrl, startWithAnn } from "./_support.ts";

let gateway: TestGateway;
let clock: ShiftedClock;

beforeAll(async () => void ({ gateway, clock } = await startWithAnn()));
beforeEach(() => clock.advance(60_000));
afterAll(() => gateway[Symbol.asyncDispose]());

describe("a tampered sign-in address", () => {
  it.each<[string, (parameters: URLSearchParams) => void]>([
    ["another redirect", (p) => p.set("pomerium_redirect_uri", "https://evil.example/")],
    ["a second redirect", (p) => p.append("pomerium_redirect_uri", "https://evil.example/")],
    ["another callback", (p) => p.set("pomerium_callback_uri", "https://evil.example/.pomerium/callback/")],
    ["a longer life", (p) => p.set("pomerium_expiry", String(Number(p.get("pomerium_expiry")) + 1))],
    ["no expiry", (p) => p.delete("pomerium_expiry")],
    ["one parameter more", (p) => p.set("x", "1")],
    ["one parameter less", (p) => p.delete("pomerium_programmatic")],
    ["no signature", (p) => p.delete("pomerium_signature")],
    ["an empty signature", (p) => p.set("pomerium_signature", "")],
    ["two signatures", (p) => p.append("pomerium_signature", p.get("pomerium_signature")!)],
    ["another signature", (p) => p.set("pomerium_signature", "A".repeat(43))],
  ])("with %s gets no form, and takes none", async (_what, change) => {
    const url = new URL(await programSignInUrl(gateway));
    using browser = browse(gateway);
    const { text } = await browser.open(url.href);
    change(url.searchParams);
    const page = await browser.request(url.href);
    expect(page.status).toBe(400);
    expect(await page.text()).not.toContain("<form");
    const body = new URLSearchParams({ csrf: csrfOf(text), username: "ann", password: PASSWORD });
    const posted = await browser.request(url.href, { method: "POST", body });
    expect([posted.status, cookiesSetBy(posted), posted.headers.get("location")]).toEqual([400, [], null]);
  });
});

describe("an expired sign-in address", () => {
  it("gets no form, and takes none that was open", async () => {
    const url = await programSignInUrl(gateway);
    using browser = browse(gateway);
    const { text } = await browser.open(url);
    clock.advance(5 * 60_000 + 59_000);
    expect((await browser.request(url)).status).toBe(200);
    clock.advance(2000);
    const page = await browser.request(url);
    expect(page.status).toBe(400);
    expect(await page.text()).toContain("not valid at this time");
    const body = new URLSearchParams({ csrf: csrfOf(text), username: "ann", password: PASSWORD });
    const posted = await browser.request(url, { method: "POST", body });
    expect([posted.status, cookiesSetBy(posted)]).toEqual([400, []]);
  });

  it("is not valid before its time either", async () => {
    clock.advance(3_600_000);
    const url = await programSignInUrl(gateway);
    clock.advance(-3_600_000);
    using browser = browse(gateway);
    expect((await browser.request(url)).status).toBe(400);
  });
});

it("the address of a sign-in signed by another gateway is refused", async () => {
  const other = await startWithAnn();
  await using _ = other.gateway;
  const foreign = await programSignInUrl(other.gateway);
  using browser = browse(gateway);
  const url = foreign.replaceAll(String(other.gateway.port), String(gateway.port));
  expect((await browser.request(url)).status).toBe(400);
});
