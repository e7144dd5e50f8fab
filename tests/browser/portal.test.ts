import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorPage } from "../../lib/http/pages/error_page.tsx";
import { STATUS } from "../../lib/http/status.ts";
import { compilePolicy } from "../../lib/policy/compile.ts";
import { explain } from "../../lib/policy/explain.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";
import { requirePeer } from "../_support/peers.ts";
import { ShiftedClock } from "../_support/shifted_clock.ts";
import { PASSWORD, startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import { fillIn, launchChromium, openPage, show, WINDOWS } from "./_chromium.ts";

const hasChromium = requirePeer("chromium");
const ANN = { name: "ann", password: PASSWORD };
const OTHER_BROWSER =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) " +
  "Version/18.5 Mobile/15E148 Safari/604.1";

const CONFIG = `
routes:
  - name: Orders database
    description: PostgreSQL, read-only replica. Ask the data team before long queries.
    from: tcp+https://orders.db.example.com:5432
    to: tcp://127.0.0.1:1
    policy: &engineering
      - allow:
          or:
            - claim/groups: engineering
  - name: Build cache
    description: Redis
    from: tcp+https://localhost:8443/cache.internal.example.com:6379
    to: tcp://127.0.0.1:1
    policy: *engineering
  - name: Payroll
    from: tcp+https://payroll.example.com:1433
    to: tcp://127.0.0.1:1
    policy:
      - allow:
          or:
            - claim/groups: finance
  - name: Machines of the lab
    description: SSH to any machine of the lab
    from: tcp+https://*.lab.example.com:22
    to: tcp://127.0.0.1:1
    policy: *engineering
  - name: Message broker
    from: tcp+https://localhost:8443/broker-1.example.com:5672/broker-2.example.com:5672
    to: tcp://127.0.0.1:1
    policy: *engineering
  - from: tcp+https://a-rather-long-name-without-any-words.eu-central-1.compute.internal.example.com:27017
    to: tcp://127.0.0.1:1
    policy: *engineering
  - name: On-call terminal
    from: ssh://on-call
    to: ssh://127.0.0.1:22
    policy:
      - allow:
          or:
            - claim/groups: on-call
`;

const clock = new ShiftedClock();
let browser: Browser;
let gateway: TestGateway;

beforeAll(async () => {
  if (!hasChromium) return;
  browser = await launchChromium();
  gateway = await startTestGateway(CONFIG, { clock });
  const user = { ...ANN, displayName: "Ann Example", email: "ann@example.com" };
  await gateway.gateway.users.add({ ...user, groups: ["engineering", "on-call"] });
}, 60_000);

afterAll(async () => {
  if (!hasChromium) return;
  await browser.close();
  await gateway[Symbol.asyncDispose]();
});

/** A browser in which ann is signed in, on her list of routes. */
async function signedIn(options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
  clock.advance(60_000);
  const opened = await openPage(browser, { refusals: /\/\.pomerium\/nothing/, ...options });
  await opened.page.goto(`${gateway.url}/.pomerium/routes`);
  await fillIn(opened.page, ANN);
  await opened.page.waitForURL(`${gateway.url}/.pomerium/routes`);
  return opened;
}

/** What a route that explains itself answers to somebody it does not let in. */
function deniedPage(): string {
  const policy = compilePolicy(
    parsePolicy([{
      allow: { or: [{ "claim/groups": "finance" }, { email: { is: "cfo@example.com" } }] },
      deny: { or: [{ "claim/groups": "contractors" }] },
    }]),
    {},
  );
  const facts = { userId: "u", sessionId: "s", email: "ann@example.com", groups: ["engineering"] };
  const session = { ...facts, claims: { groups: ["engineering", "on-call"] } };
  const explanation = explain(policy, { routeId: "r", now: 0, sourceIp: "192.0.2.7", session });
  const requestId = "9c31a87b-ba77-4782-a72d-c519045c701b";
  const text = STATUS["http/denied"].title;
  return `<!doctype html>${ErrorPage({ code: "http/denied", status: 403, text, requestId, explanation })}`;
}

const nav = (page: Page, name: string) => page.getByRole("navigation").getByRole("link", { name });

describe("a browser without JavaScript", () => {
  it.skipIf(!hasChromium)("goes from the sign-in to the routes, and finds one among them", async () => {
    const { page, complaints } = await signedIn({ javaScriptEnabled: false });
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Your routes");
    expect(await page.getByRole("heading", { level: 2 }).allTextContents()).toEqual([
      "Orders databaseTCP",
      "Build cacheTCP",
      "Machines of the labTCP",
      "Message brokerTCP",
      "tcp+https://a-rather-long-name-without-any-words.eu-central-1.compute.internal.example.com:27017TCP",
      "On-call terminalSSHNot available yet",
    ]);
    await page.getByRole("searchbox").fill("REDIS");
    await page.getByRole("button", { name: "Search" }).click();
    await page.waitForURL(`${gateway.url}/.pomerium/routes?q=REDIS`);
    expect(await page.getByRole("heading", { level: 2 }).allTextContents()).toEqual(["Build cacheTCP"]);
    expect(await page.locator("code").textContent()).toBe(
      "sallyport tcp tcp+https://localhost:8443/cache.internal.example.com:6379",
    );
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it.skipIf(!hasChromium)("ends another session, and then its own with all that are left", async () => {
    const other = await signedIn({ userAgent: OTHER_BROWSER, javaScriptEnabled: false });
    const { page, complaints } = await signedIn({ javaScriptEnabled: false });
    await nav(page, "Sessions").click();
    await page.waitForURL(`${gateway.url}/.pomerium/sessions`);
    expect(await page.getByRole("listitem").filter({ hasText: "This session" }).count()).toBe(1);
    await page.getByRole("button", { name: /^End: Safari on iPhone/ }).click();
    await page.getByText("Safari on iPhone").waitFor({ state: "detached" });
    await other.page.reload();
    expect(await other.page.getByRole("heading").textContent()).toBe("Sign in");

    await page.getByRole("button", { name: "Sign out everywhere" }).click();
    await page.waitForURL(`${gateway.url}/.pomerium/signed_out`);
    await page.goto(`${gateway.url}/.pomerium/`);
    expect(await page.getByRole("heading").textContent()).toBe("Not signed in");
    expect(complaints).toEqual([]);
    await page.context().close();
    await other.page.context().close();
  });

  it.skipIf(!hasChromium)("selects a command whole with one click", async () => {
    const { page } = await signedIn();
    await page.getByText("orders.db.example.com:5432").click();
    expect(await page.evaluate("getSelection().toString()")).toBe(
      `sallyport tcp orders.db.example.com:5432 --gateway-url ${gateway.url}`,
    );
    await page.context().close();
  });

  it.skipIf(!hasChromium)("is led by the keyboard past the navigation to the content", async () => {
    const { page } = await signedIn();
    await page.keyboard.press("Tab");
    const focused = "document.activeElement.textContent";
    expect(await page.evaluate(focused)).toBe("Skip to content");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.id")).toBe("q");
    expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
    await page.context().close();
  });
});

describe("the pages of somebody who is signed in", () => {
  it.skipIf(!hasChromium).each(WINDOWS)(
    "fit their window and complain of nothing: %s",
    async (name, options) => {
      const other = await signedIn({ userAgent: OTHER_BROWSER });
      await other.page.context().close();
      const { page, complaints } = await signedIn(options);
      await show(page, `${name}_routes`);
      await page.goto(`${gateway.url}/.pomerium/routes?q=nowhere`);
      await show(page, `${name}_routes_none`);
      await nav(page, "Sessions").click();
      await page.waitForURL(`${gateway.url}/.pomerium/sessions`);
      await show(page, `${name}_sessions`);
      await nav(page, "Account").click();
      await page.waitForURL(`${gateway.url}/.pomerium/`);
      await page.locator("summary").click();
      await show(page, `${name}_account`);
      await page.goto(`${gateway.url}/.pomerium/nothing`);
      await show(page, `${name}_not_found`);
      await page.route(
        `${gateway.url}/denied`,
        (route) => route.fulfill({ contentType: "text/html", body: deniedPage() }),
      );
      await page.goto(`${gateway.url}/denied`);
      await show(page, `${name}_denied`);
      await page.goto(`${gateway.url}/.pomerium/sessions`);
      await page.getByRole("button", { name: "Sign out everywhere" }).click();
      await page.waitForURL(`${gateway.url}/.pomerium/signed_out`);
      expect(complaints).toEqual([]);
      await page.context().close();
    },
  );
});
