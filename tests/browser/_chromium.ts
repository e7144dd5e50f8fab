import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { expect } from "vitest";

const EXECUTABLE = "/usr/bin/chromium";
const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const OUTPUT = new URL("../_output/", import.meta.url).pathname;

/** The windows that every page must fit. */
export const WINDOWS: readonly [name: string, options: BrowserContextOptions][] = [
  ["light", { colorScheme: "light", viewport: { width: 1024, height: 720 } }],
  ["dark", { colorScheme: "dark", viewport: { width: 1024, height: 720 } }],
  ["phone", { colorScheme: "light", viewport: { width: 320, height: 640 } }],
  ["phone_dark", { colorScheme: "dark", viewport: { width: 320, height: 640 } }],
];

/** Starts Chromium, without HTTP/3 unless `args` say otherwise. Whoever starts it closes it. */
export async function launchChromium(args: readonly string[] = ["--disable-quic"]): Promise<Browser> {
  const { chromium } = await import("playwright-core");
  await Deno.mkdir(OUTPUT, { recursive: true });
  return await chromium.launch({ executablePath: EXECUTABLE, args: [...ARGS, ...args] });
}

/**
 * A fresh browser profile with one page; what its console complains about is collected.
 *
 * @param options `refusals`: pages whose status may be an error, which the console tells of
 */
export async function openPage(
  browser: Browser,
  { refusals, ...options }: BrowserContextOptions & { refusals?: RegExp } = {},
): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    const isRefusal = refusals?.test(message.location().url) ?? false;
    const isStatus = isRefusal && /^Failed to load resource: .* status of [45]\d\d/.test(message.text());
    if (message.type() === "error" && !isStatus) {
      complaints.push(`${message.location().url}: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("requestfailed", (request) => {
    // Going on to the next page ends what the last one was still loading.
    const reason = request.failure()?.errorText;
    if (reason !== "net::ERR_ABORTED") complaints.push(`${request.url()}: ${reason}`);
  });
  return { page, complaints };
}

/** Fills in the sign-in form. */
export async function fillIn(page: Page, user: { name: string; password: string }): Promise<void> {
  await page.getByLabel("User name").fill(user.name);
  await page.getByLabel("Password").fill(user.password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Keeps a picture of the whole page, and checks that it fits its window. */
export async function show(page: Page, name: string): Promise<void> {
  await page.waitForLoadState("load");
  await page.screenshot({ path: `${OUTPUT}${name}.png`, animations: "disabled", fullPage: true });
  const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
  expect(overflow, `${name} is wider than its window`).toBeLessThanOrEqual(0);
}
