import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestGateway } from "../_support/test_gateway.ts";
import { browse, browseAsAnn, callbackUrlFor, csrfOf, startWithAnn } from "./_support.ts";

let gateway: TestGateway;

beforeAll(async () => {
  // A domain for the session cookie must not widen the others.
  ({ gateway } = await startWithAnn("cookie_domain: localhost"));
});
afterAll(() => gateway[Symbol.asyncDispose]());

describe("cookie tossing from a sibling domain", () => {
  it("cannot plant what ties forms and sign-ins to a browser: browsers keep __Host- names to their host", async () => {
    using browser = browse(gateway);
    const page = await browser.request(`${gateway.url}/.pomerium/sign_in`);
    const [cookie, ...others] = page.headers.getSetCookie();
    expect(others).toEqual([]);
    // What RFC 6265bis section 4.1.3.2 asks of the prefix, without which browsers would drop the cookie.
    expect(cookie).toMatch(/^__Host-_pomerium_csrf=[\w-]{22};/);
    expect(cookie).toMatch(/; Path=\/(;|$)/);
    expect(cookie).toMatch(/; Secure(;|$)/);
    expect(cookie).toMatch(/; HttpOnly(;|$)/);
    expect(cookie).not.toMatch(/Domain/i);
  });

  it("cannot plant the session of the sign-in pages", async () => {
    using browser = browse(gateway);
    const page = await browser.open(`${gateway.url}/.pomerium/sign_in`);
    const body = new URLSearchParams({
      csrf: csrfOf(page.text),
      username: "ann",
      password: "correct horse battery staple",
    });
    const response = await browser.request(page.url, { method: "POST", body });
    const cookies = response.headers.getSetCookie().filter((cookie) => !cookie.includes("_csrf="));
    expect(cookies).toHaveLength(1);
    expect(cookies[0]).toMatch(/^__Host-_pomerium_authenticate=/);
    expect(cookies[0]).not.toMatch(/Domain/i);
  });

  it.each(["_pomerium_csrf", "__Secure-_pomerium_csrf", "__host-_pomerium_csrf"])(
    "does nothing with the name %s",
    async (name) => {
      using attacker = browse(gateway);
      const page = await attacker.open(`${gateway.url}/.pomerium/sign_in`);
      const value = attacker.cookiesOf(`localhost:${gateway.port}`).get("__Host-_pomerium_csrf")!;
      const url = await callbackUrlFor(attacker, page.url);
      using victim = browse(gateway);
      victim.cookiesOf(`localhost:${gateway.port}`).set(name, value);
      expect((await victim.request(url)).status).toBe(400);
    },
  );

  it.each(["_pomerium_authenticate", "_pomerium"])(
    "does not sign the sign-in pages in with the name %s",
    async (name) => {
      using attacker = await browseAsAnn(gateway);
      const value = attacker.cookiesOf(`localhost:${gateway.port}`).get("__Host-_pomerium_authenticate")!;
      using victim = browse(gateway);
      victim.cookiesOf(`localhost:${gateway.port}`).set(name, value);
      const { text } = await victim.open(`${gateway.url}/.pomerium/sign_in`);
      expect(text).toContain("<h1>Sign in</h1>");
    },
  );
});
