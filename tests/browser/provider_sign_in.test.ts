import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ProviderSetup, startWithProvider } from "../_support/oidc_provider.ts";
import { requirePeer } from "../_support/peers.ts";

const hasChromium = requirePeer("chromium");
let browser: Browser;
let setup: ProviderSetup;

beforeAll(async () => {
  if (!hasChromium) return;
  const { chromium } = await import("playwright-core");
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
  setup = await startWithProvider();
}, 60_000);

afterAll(async () => {
  if (!hasChromium) return;
  await browser.close();
  await setup[Symbol.asyncDispose]();
});

describe("a browser", () => {
  it.skipIf(!hasChromium)("signs in at the provider, and out again at both", async () => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(10_000);
    const page = await context.newPage();
    await page.goto(`${setup.gateway.url}/.pomerium/`);
    await page.getByRole("link", { name: "Sign in" }).click();
    await page.screenshot({ path: "tests/_output/provider_form.png" });
    await page.getByPlaceholder("Enter any login").fill("ann-1");
    await page.getByPlaceholder("and password").fill("any");
    await page.getByRole("button", { name: "Sign-in" }).click();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.waitForURL(`${setup.gateway.url}/.pomerium/`);
    expect(await page.textContent("main")).toContain("ann@example.com");

    await page.getByRole("link", { name: "Routes" }).first().click();
    await page.waitForURL(`${setup.gateway.url}/.pomerium/routes`);
    await page.screenshot({ path: "tests/_output/provider_routes.png", fullPage: true });
    await page.getByRole("link", { name: "Account" }).first().click();
    await page.waitForURL(`${setup.gateway.url}/.pomerium/`);

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${setup.provider.issuer}/session/end?*`);
    await page.getByRole("button", { name: "Yes, sign me out" }).click();
    await page.waitForURL(`${setup.gateway.url}/.pomerium/signed_out`);
    await page.goto(`${setup.gateway.url}/.pomerium/sign_in`);
    expect(new URL(page.url()).origin).toBe(setup.provider.issuer);
  }, 60_000);

  it.skipIf(!hasChromium)("brings its cookies when the provider answers by POST", async () => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(10_000);
    const page = await context.newPage();
    const begun = page.waitForRequest((request) =>
      request.url().startsWith(`${setup.provider.issuer}/auth?`)
    );
    await page.goto(`${setup.gateway.url}/.pomerium/sign_in`);
    const url = new URL((await begun).url());
    url.searchParams.set("response_mode", "form_post");
    await page.goto(url.href);
    await page.getByPlaceholder("Enter any login").fill("ann-1");
    await page.getByPlaceholder("and password").fill("any");
    await page.getByRole("button", { name: "Sign-in" }).click();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.waitForURL(`${setup.gateway.url}/.pomerium/`);
    expect(await page.textContent("main")).toContain("ann@example.com");
  }, 60_000);
});
