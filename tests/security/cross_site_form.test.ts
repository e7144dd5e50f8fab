import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ShiftedClock } from "../_support/shifted_clock.ts";
import { PASSWORD, type TestGateway } from "../_support/test_gateway.ts";
import { browse, browseAsAnn, cookiesSetBy, csrfOf, startWithAnn } from "./_support.ts";

let gateway: TestGateway;
let clock: ShiftedClock;

beforeAll(async () => void ({ gateway, clock } = await startWithAnn()));
beforeEach(() => clock.advance(60_000));
afterAll(() => gateway[Symbol.asyncDispose]());

/** The token that another browser got for the same form. */
async function foreignToken(path: string): Promise<string> {
  using other = path.endsWith("sign_out") ? await browseAsAnn(gateway) : browse(gateway);
  return csrfOf((await other.open(`${gateway.url}${path}`)).text);
}

type Forgery = [
  what: string,
  csrf: (own: string, url: string) => string | null | Promise<string>,
  site: string | null,
];

const FORGERIES: Forgery[] = [
  ["from another site", (own) => own, "cross-site"],
  ["from a sibling domain", (own) => own, "same-site"],
  ["without a token", () => null, null],
  ["with an empty token", () => "", null],
  ["with the token of another browser", () => foreignToken("/.pomerium/sign_in"), null],
  ["with a token of the right shape", () => "A".repeat(43), null],
  [
    "with the mark that stands in the address",
    (_own, url) => new URL(url).searchParams.get("pomerium_browser") ?? "",
    null,
  ],
];

describe("a forged sign-in form", () => {
  it.each(FORGERIES)("%s is refused", async (_what, tokenFor, site) => {
    using browser = browse(gateway);
    const page = await browser.open(`${gateway.url}/.pomerium/sign_in`);
    const csrf = await tokenFor(csrfOf(page.text), page.url);
    const body = new URLSearchParams({
      username: "ann",
      password: PASSWORD,
      ...(csrf === null ? {} : { csrf }),
    });
    const headers = site === null ? {} : { "sec-fetch-site": site };
    const response = await browser.request(page.url, { method: "POST", body, headers });
    expect([response.status, cookiesSetBy(response)]).toEqual([400, []]);
  });

  it("without the cookie is refused", async () => {
    using browser = browse(gateway);
    const page = await browser.open(`${gateway.url}/.pomerium/sign_in`);
    using bare = browse(gateway);
    const body = new URLSearchParams({ csrf: csrfOf(page.text), username: "ann", password: PASSWORD });
    const response = await bare.request(page.url, { method: "POST", body });
    expect([response.status, cookiesSetBy(response)]).toEqual([400, []]);
  });

  it.each(["same-origin", "none"])("does not include one with Sec-Fetch-Site: %s", async (site) => {
    using browser = browse(gateway);
    const page = await browser.open(`${gateway.url}/.pomerium/sign_in`);
    const body = new URLSearchParams({ csrf: csrfOf(page.text), username: "ann", password: PASSWORD });
    const headers = { "sec-fetch-site": site };
    expect((await browser.request(page.url, { method: "POST", body, headers })).status).toBe(302);
  });
});

describe("CSRF on sign-out", () => {
  it.each(FORGERIES)("%s does not end the session", async (_what, tokenFor, site) => {
    using browser = await browseAsAnn(gateway);
    const page = await browser.open(`${gateway.url}/.pomerium/sign_out`);
    const csrf = await tokenFor(csrfOf(page.text), page.url);
    const body = new URLSearchParams(csrf === null ? {} : { csrf });
    const headers = site === null ? {} : { "sec-fetch-site": site };
    const response = await browser.request(page.url, { method: "POST", body, headers });
    expect(response.status).toBe(400);
    expect((await browser.open(`${gateway.url}/.pomerium/user`)).text).toContain("ann@example.com");
  });

  it.each([
    ["an image that loads /.pomerium/sign_out", "/.pomerium/sign_out", "GET"],
    ["a HEAD", "/.pomerium/sign_out", "HEAD"],
    ["an image that loads the logout for programs", "/.pomerium/api/v1/logout", "GET"],
    ["a form that posts to the logout for programs", "/.pomerium/api/v1/logout", "POST"],
  ])("by %s does not end the session", async (_what, path, method) => {
    using browser = await browseAsAnn(gateway);
    const response = await browser.request(gateway.url + path, { method });
    await response.body?.cancel();
    expect((await browser.open(`${gateway.url}/.pomerium/user`)).text).toContain("ann@example.com");
  });
});
