import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveEcho, type TestService } from "../_support/echo.ts";
import type { FormBrowser } from "../_support/form_browser.ts";
import {
  callbackFromProvider,
  CLIENT,
  providerConfig,
  type ProviderSetup,
  ROUTE_CLIENT,
  signInAtProvider,
  startWithProvider,
} from "../_support/oidc_provider.ts";

let echo: TestService;
let setup: ProviderSetup;

/** `plain` is reached through localhost, `vault` through 127.0.0.1. @param vaultClient keys of the latter */
function routes(vaultClient: string): string {
  return `routes:
  - from: tcp+https://localhost/plain.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_any_authenticated_user: true
  - from: tcp+https://127.0.0.1/vault.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_any_authenticated_user: true
    ${vaultClient}`;
}

const OWN_CLIENT = `idp_client_id: ${ROUTE_CLIENT.id}\n    idp_client_secret: ${ROUTE_CLIENT.secret}`;

beforeAll(async () => {
  echo = serveEcho();
  setup = await startWithProvider({ config: routes(OWN_CLIENT) });
}, 30_000);
afterAll(async () => {
  await setup[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

/** The token that a program gets which came to `host`. */
async function tokenAt(browser: FormBrowser, host: string, own = setup): Promise<string> {
  const redirect = encodeURIComponent("http://127.0.0.1:9/done");
  const login =
    `https://${host}:${own.gateway.port}/.pomerium/api/v1/login?pomerium_redirect_uri=${redirect}`;
  const callback = await callbackFromProvider(browser, await (await browser.request(login)).text());
  const chained = (await browser.request(callback)).headers.get("location")!;
  const done = new URL((await browser.request(chained)).headers.get("location")!);
  return done.searchParams.get("pomerium_jwt")!;
}

async function statusOf(target: string, options: Parameters<typeof setup.gateway.connect>[1], own = setup) {
  const { status, stream, headers } = await own.gateway.connect(target, options);
  stream.close();
  return { status, location: headers.get("location") };
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(atob(token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/")));
}

/** The client that the browser was sent to the provider for, at last. */
function askedClient(browser: FormBrowser): string | null {
  const url = browser.visited.findLast((url) => url.startsWith(`${setup.provider.issuer}/auth?`))!;
  return new URL(url).searchParams.get("client_id");
}

describe("a route with its own client", () => {
  it("takes the sessions of that client only, and the other routes take none of them", async () => {
    using browser = setup.browse();
    const plain = await tokenAt(browser, "localhost");
    const vault = await tokenAt(browser, "127.0.0.1");
    const statuses = await Promise.all(
      [["plain.test:7", plain], ["vault.test:7", vault], ["plain.test:7", vault], ["vault.test:7", plain]]
        .map(async ([target, token]) => (await statusOf(target!, { token: token! })).status),
    );
    expect(statuses).toEqual([200, 200, 401, 401]);
    expect(claimsOf(plain).idp_id).toMatch(/^oidc-[0-9a-f]{8}$/);
    expect(claimsOf(vault).idp_id).toMatch(/^oidc-[0-9a-f]{8}\.[0-9a-f]{8}$/);
    expect(claimsOf(vault).sub).toBe(claimsOf(plain).sub);
  });

  it("sends a caller with no session, or one of another client, to sign in through its own", async () => {
    using browser = setup.browse();
    await signInAtProvider(browser, `${setup.gateway.url}/.pomerium/sign_in`);
    expect(askedClient(browser)).toBe(CLIENT.id);
    const cookie = `_pomerium=${browser.cookiesOf(`localhost:${setup.gateway.port}`).get("_pomerium")}`;
    const anonymous = await statusOf("vault.test:7", {});
    const another = await statusOf("vault.test:7", { headers: { cookie } });
    expect([anonymous.status, another.status]).toEqual([302, 302]);
    const end = await signInAtProvider(browser, anonymous.location!);
    expect([end.response.status, new URL(end.url).hostname]).toEqual([200, "127.0.0.1"]);
    const asked = browser.visited.filter((url) => url.startsWith(`${setup.provider.issuer}/auth?`));
    expect(asked.map((url) => new URL(url).searchParams.get("client_id"))).toEqual([
      CLIENT.id,
      ROUTE_CLIENT.id,
    ]);
    const token = browser.cookiesOf(`127.0.0.1:${setup.gateway.port}`).get("_pomerium")!;
    expect((await statusOf("vault.test:7", { headers: { cookie: `_pomerium=${token}` } })).status).toBe(200);
  });

  it("is signed in to by its client on a host that it shares with others, too", async () => {
    const config = routes(OWN_CLIENT).replace("https://127.0.0.1/", "https://localhost/");
    await using own = await startWithProvider({ config });
    using browser = own.browse();
    const end = await signInAtProvider(browser, (await statusOf("vault.test:7", {}, own)).location!);
    expect([end.response.status, end.url]).toEqual([200, `${own.gateway.url}/.pomerium/`]);
    const token = browser.cookiesOf(`localhost:${own.gateway.port}`).get("_pomerium")!;
    expect((await statusOf("vault.test:7", { token }, own)).status).toBe(200);
    using program = own.browse();
    expect((await statusOf("plain.test:7", { token: await tokenAt(program, "localhost", own) }, own)).status)
      .toBe(200);
  });

  it("has people signed out at the provider by that client", async () => {
    using browser = setup.browse();
    const origin = `https://127.0.0.1:${setup.gateway.port}`;
    await signInAtProvider(browser, `${origin}/.pomerium/sign_in`);
    const page = await browser.open(`${origin}/.pomerium/sign_out`);
    const body = new URLSearchParams({ csrf: /name="csrf" value="([^"]+)"/.exec(page.text)![1]! });
    const response = await browser.request(`${origin}/.pomerium/sign_out`, { method: "POST", body });
    const next = new URL(/^0;url=(.+)$/.exec(response.headers.get("refresh")!)![1]!);
    expect(next.searchParams.get("client_id")).toBe(ROUTE_CLIENT.id);
  });

  it("has its tunnels ended when that client is told of a sign-out at the provider", async () => {
    await using own = await startWithProvider({ config: routes(OWN_CLIENT) });
    using browser = own.browse();
    const token = await tokenAt(browser, "127.0.0.1", own);
    expect((await own.gateway.connect("vault.test:7", { token })).status).toBe(200);
    const page = await browser.open(`${own.provider.issuer}/session/end`);
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)![1]!;
    const body = new URLSearchParams({ xsrf, logout: "yes" });
    await browser.open(`${own.provider.issuer}/session/end/confirm`, { method: "POST", body });
    expect(await own.gateway.line("tunnel ended")).toMatchObject({ reason: "session-ended" });
  });

  it("ends the tunnels of other clients when it gets its own", async () => {
    await using own = await startWithProvider({ config: routes("") });
    using browser = own.browse();
    const token = await tokenAt(browser, "127.0.0.1", own);
    expect((await own.gateway.connect("vault.test:7", { token })).status).toBe(200);
    expect((await own.gateway.connect("plain.test:7", { token })).status).toBe(200);
    await own.gateway.writeConfig(providerConfig(own.provider, routes(OWN_CLIENT)), {
      port: own.gateway.port,
    });
    await own.gateway.gateway.reloader.reload("test");
    expect(await own.gateway.line("tunnel ended")).toMatchObject({ reason: "session-ended" });
    expect(own.gateway.gateway.tunnels.list().map(({ target }) => target.host)).toEqual(["plain.test"]);
    expect(own.gateway.written.join("\n")).not.toContain(ROUTE_CLIENT.secret);
  });
});
