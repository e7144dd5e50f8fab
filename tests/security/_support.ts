import { FormBrowser } from "../_support/form_browser.ts";
import { ShiftedClock } from "../_support/shifted_clock.ts";
import { PASSWORD, startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

/** A gateway with the user `ann`, and a clock that the test can move. */
export async function startWithAnn(
  config = "",
  options: { port?: number } = {},
): Promise<{ gateway: TestGateway; clock: ShiftedClock }> {
  const clock = new ShiftedClock();
  const gateway = await startTestGateway(
    `${config}
routes:
  - name: closed
    from: tcp+https://closed.test:1
    to: tcp://127.0.0.1:1
    allow_any_authenticated_user: true
  - name: wild
    from: tcp+https://*.wild.test:22
    to: tcp://127.0.0.1:1
    allow_any_authenticated_user: true
  - name: any top-level domain
    from: tcp+https://db.*:22
    to: tcp://127.0.0.1:1
    allow_any_authenticated_user: true
`,
    { ...options, clock },
  );
  await gateway.addUser("ann", { email: "ann@example.com" });
  return { gateway, clock };
}

/** A browser that trusts the gateway. */
export function browse(gateway: TestGateway): FormBrowser {
  return new FormBrowser({ caPem: gateway.caPem });
}

/** A browser in which ann is signed in. */
export async function browseAsAnn(gateway: TestGateway): Promise<FormBrowser> {
  const browser = browse(gateway);
  await browser.signIn(`${gateway.url}/.pomerium/sign_in`, { name: "ann", password: PASSWORD });
  return browser;
}

/** Value of the hidden field of the form on a page. */
export function csrfOf(page: string): string {
  return /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? "";
}

/** Fills in the form behind `url`, and stops at the address of the callback that the answer leads to. */
export async function callbackUrlFor(browser: FormBrowser, url: string): Promise<string> {
  const page = await browser.open(url);
  const body = new URLSearchParams({ csrf: csrfOf(page.text), username: "ann", password: PASSWORD });
  const response = await browser.request(page.url, { method: "POST", body });
  await response.body?.cancel();
  return response.headers.get("location")!;
}

/** The names and values of the cookies that an answer sets. */
export function cookiesSetBy(response: Response): string[] {
  return response.headers.getSetCookie().map((cookie) => cookie.split(";")[0]!);
}

/** The address of the sign-in page that a program is given. */
export async function programSignInUrl(
  gateway: TestGateway,
  redirect = "http://127.0.0.1:9/",
): Promise<string> {
  using browser = browse(gateway);
  const query = `pomerium_redirect_uri=${encodeURIComponent(redirect)}`;
  return await (await browser.request(`${gateway.url}/.pomerium/api/v1/login?${query}`)).text();
}
