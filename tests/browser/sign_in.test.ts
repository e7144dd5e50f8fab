import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requirePeer } from "../_support/peers.ts";
import { ShiftedClock } from "../_support/shifted_clock.ts";
import { PASSWORD, startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import * as chromium from "./_chromium.ts";

const REFUSALS = /\/\.pomerium\/(sign_in|callback)/;
const hasChromium = requirePeer("chromium");

const clock = new ShiftedClock();
let browser: Browser;
let gateway: TestGateway;

beforeAll(async () => {
  if (!hasChromium) return;
  browser = await chromium.launchChromium();
  gateway = await startTestGateway("routes: []", { clock });
  const user = { name: "ann", password: PASSWORD, displayName: "Ann Example", email: "ann@example.com" };
  await gateway.gateway.users.add({ ...user, groups: ["engineering", "on-call"] });
}, 60_000);

afterAll(async () => {
  if (!hasChromium) return;
  await browser.close();
  await gateway[Symbol.asyncDispose]();
});

const openPage = (options: BrowserContextOptions = {}) =>
  chromium.openPage(browser, { refusals: REFUSALS, ...options });

const fillIn = (page: Page, password = PASSWORD) => chromium.fillIn(page, { name: "ann", password });

describe("a browser without JavaScript", () => {
  it.skipIf(!hasChromium)("signs in from the user page, sees who it is, and signs out", async () => {
    const { page, complaints } = await openPage({ javaScriptEnabled: false });
    await page.goto(`${gateway.url}/.pomerium/`);
    expect(await page.getByRole("heading").textContent()).toBe("Not signed in");
    await page.getByRole("link", { name: "Sign in" }).click();
    await fillIn(page, "not the password");
    expect(await page.getByRole("alert").textContent()).toBe("The name or the password is not right.");
    expect(await page.getByLabel("User name").inputValue()).toBe("ann");
    await fillIn(page);
    await page.waitForURL(`${gateway.url}/.pomerium/`);
    expect(await page.getByRole("heading").textContent()).toBe("Ann Example");
    expect(await page.locator("dl").textContent()).toContain("ann@example.com");
    expect((await page.context().cookies()).map(({ name }) => name).sort()).toEqual([
      "__Host-_pomerium_authenticate",
      "__Host-_pomerium_csrf",
      "_pomerium",
    ]);

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${gateway.url}/.pomerium/signed_out`);
    expect((await page.context().cookies()).map(({ name }) => name)).toEqual(["__Host-_pomerium_csrf"]);
    await page.goto(`${gateway.url}/.pomerium/`);
    expect(await page.getByRole("heading").textContent()).toBe("Not signed in");
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

describe("a program's sign-in", () => {
  it.skipIf(!hasChromium)(
    "ends at its loopback address: the page's policy lets the form lead there",
    async () => {
      const received = Promise.withResolvers<URL>();
      await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
        const url = new URL(request.url);
        if (url.pathname === "/favicon.ico") return new Response(null, { status: 204 });
        received.resolve(url);
        return new Response("login complete");
      });
      const redirect = encodeURIComponent(`http://127.0.0.1:${server.addr.port}/callback/nonce`);
      const login = `${gateway.url}/.pomerium/api/v1/login?pomerium_redirect_uri=${redirect}`;
      const { page, complaints } = await openPage();
      const address = await (await page.request.get(login)).text();
      await page.goto(address);
      expect(await page.locator("main").textContent()).toContain(
        "A program on this computer asks you to sign in.",
      );
      await fillIn(page);
      const url = await received.promise;
      expect(url.pathname).toBe("/callback/nonce");
      expect(url.searchParams.get("pomerium_jwt")!.split(".")).toHaveLength(3);
      await page.getByText("login complete").waitFor();

      // Signed in now: the second time there is no form.
      await page.goto(await (await page.request.get(login)).text());
      await page.getByText("login complete").waitFor();
      expect(complaints).toEqual([]);
      await page.context().close();
    },
  );
});

describe("the pages", () => {
  it.skipIf(!hasChromium).each(chromium.WINDOWS)(
    "fit their window and complain of nothing: %s",
    async (name, options) => {
      clock.advance(60_000);
      const { page, complaints } = await openPage(options);
      const show = (what: string) => chromium.show(page, `${name}_${what}`);
      await page.goto(`${gateway.url}/.pomerium/`);
      await show("not_signed_in");
      await page.goto(`${gateway.url}/.pomerium/sign_in`);
      await show("sign_in");
      await fillIn(page, "wrong");
      await show("wrong_password");
      await fillIn(page);
      await page.waitForURL(`${gateway.url}/.pomerium/`);
      await show("user");
      await page.goto(`${gateway.url}/.pomerium/sign_out`);
      await show("sign_out");
      await page.goto(`${gateway.url}/.pomerium/callback/?pomerium_session_encrypted=x`);
      await show("error");
      expect(complaints).toEqual([]);
      await page.context().close();
    },
  );
});
