import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { serveEcho } from "../_support/echo.ts";
import {
  callbackFromProvider,
  CLIENT,
  type ProviderSetup,
  signInAtProvider,
  startWithProvider,
} from "../_support/oidc_provider.ts";

let setup: ProviderSetup;

beforeAll(async () => {
  setup = await startWithProvider();
  setup.provider.accounts.set("bob/2", { email: "bob@example.com", email_verified: false, name: "Bob" });
}, 30_000);
afterEach(() => {
  vi.useRealTimers();
  setup.provider.handler = null;
});
afterAll(() => setup[Symbol.asyncDispose]());

const signIn = () => `${setup.gateway.url}/.pomerium/sign_in`;

describe("signing in with a provider", () => {
  it("leads from the sign-in page through the provider and back, with what it says about the person", async () => {
    using browser = setup.browse();
    const end = await signInAtProvider(browser, signIn());
    expect([end.response.status, end.url]).toEqual([200, `${setup.gateway.url}/.pomerium/`]);
    const claims = await (await browser.request(`${setup.gateway.url}/.pomerium/user`)).json();
    expect(claims).toMatchObject({
      iss: setup.provider.issuer,
      sub: "ann-1",
      user: "ann-1",
      email: "ann@example.com",
      name: "Ann Example",
      groups: ["engineering"],
    });
    expect(claims).not.toHaveProperty("nonce");
    expect(claims).not.toHaveProperty("at_hash");
  });

  it("asks with PKCE, nonce and state, and says where to come back to", async () => {
    using browser = setup.browse();
    await browser.open(signIn());
    const url = new URL(browser.visited.find((url) => url.startsWith(`${setup.provider.issuer}/auth?`))!);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_id: CLIENT.id,
      response_type: "code",
      scope: "openid profile email offline_access",
      redirect_uri: `${setup.gateway.url}/oauth2/callback`,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: "S256",
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/),
      prompt: "consent",
    });
  });

  it("goes on to another host without asking the provider again", async () => {
    using browser = setup.browse();
    await signInAtProvider(browser, signIn());
    browser.visited.length = 0;
    const end = await browser.open(signIn());
    expect(end.url).toBe(`${setup.gateway.url}/.pomerium/`);
    expect(browser.visited.filter((url) => url.startsWith(setup.provider.issuer))).toEqual([]);
  });

  it("takes no e-mail address that the provider has not verified", async () => {
    using browser = setup.browse();
    await signInAtProvider(browser, signIn(), "bob/2");
    const claims = await (await browser.request(`${setup.gateway.url}/.pomerium/user`)).json();
    expect(claims).toMatchObject({ sub: "bob/2", email: "" });
  });

  it("shows no form for passwords, and takes none", async () => {
    using browser = setup.browse();
    const response = await browser.request(signIn(), { method: "POST", body: new URLSearchParams() });
    expect(response.status).toBe(405);
    await response.body?.cancel();
  });

  it("takes the answer of a provider that sends it by POST", async () => {
    using browser = setup.browse();
    const callback = new URL(await callbackFromProvider(browser, signIn()));
    const { origin, pathname, searchParams } = callback;
    const response = await browser.request(origin + pathname, { method: "POST", body: searchParams });
    expect(response.status).toBe(303);
    const end = await browser.open(new URL(response.headers.get("location")!, origin).href);
    expect(end.text).toContain("ann@example.com");
  });

  it.each([
    ["access_denied", 401],
    ["unauthorized_client", 401],
    ["server_error", 400],
    ["<script>", 400],
  ])("answers the error %s of the provider with %d", async (error, status) => {
    using browser = setup.browse();
    const url = `${setup.gateway.url}/oauth2/callback?error=${
      encodeURIComponent(error)
    }&error_description=evil`;
    const response = await browser.request(url);
    expect(response.status).toBe(status);
    expect(await response.text()).not.toMatch(/evil|<script>/);
  });

  it("goes on when the provider has changed its keys", async () => {
    using first = setup.browse();
    await signInAtProvider(first, signIn());
    await setup.provider.rotateKeys();
    // The library asks for keys at most once a minute.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
    using second = setup.browse();
    const end = await signInAtProvider(second, signIn());
    expect(end.text).toContain("ann@example.com");
  });

  it("is there for programs too", async () => {
    using browser = setup.browse();
    const redirect = encodeURIComponent("http://127.0.0.1:9/done");
    const login = `${setup.gateway.url}/.pomerium/api/v1/login?pomerium_redirect_uri=${redirect}`;
    const url = await (await browser.request(login)).text();
    const callback = await callbackFromProvider(browser, url);
    const chained = (await browser.request(callback)).headers.get("location")!;
    const done = new URL((await browser.request(chained)).headers.get("location")!);
    expect(done.origin + done.pathname).toBe("http://127.0.0.1:9/done");
    expect(done.searchParams.get("pomerium_jwt")).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  });
});

describe("signing out", () => {
  it("ends the session at the provider too, and comes back", async () => {
    using browser = setup.browse();
    await signInAtProvider(browser, signIn());
    const page = await browser.open(`${setup.gateway.url}/.pomerium/sign_out`);
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)![1]!;
    const body = new URLSearchParams({ csrf });
    const response = await browser.request(`${setup.gateway.url}/.pomerium/sign_out`, {
      method: "POST",
      body,
    });
    const next = new URL(/^0;url=(.+)$/.exec(response.headers.get("refresh")!)![1]!);
    expect(next.origin + next.pathname).toBe(`${setup.provider.issuer}/session/end`);
    expect(next.searchParams.get("post_logout_redirect_uri")).toBe(
      `${setup.gateway.url}/.pomerium/signed_out`,
    );
    const asked = await browser.open(next.href);
    expect(asked.response.status).toBe(200);
    const user = await browser.request(`${setup.gateway.url}/.pomerium/user`, {
      headers: { accept: "application/json" },
    });
    expect(user.status).toBe(401);
  });

  it("at the provider ends sessions here, and their tunnels", async () => {
    using echo = serveEcho();
    await using own = await startWithProvider({
      config: `routes:
  - from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    policy: [{allow: {and: [{claim/groups: engineering}]}}]`,
    });
    using browser = own.browse();
    await signInAtProvider(browser, `${own.gateway.url}/.pomerium/sign_in`);
    const token = browser.cookiesOf(`localhost:${own.gateway.port}`).get("_pomerium")!;
    const { status } = await own.gateway.connect("echo.test:7", { token });
    expect(status).toBe(200);
    const page = await browser.open(`${own.provider.issuer}/session/end`);
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)![1]!;
    const body = new URLSearchParams({ xsrf, logout: "yes" });
    await browser.open(`${own.provider.issuer}/session/end/confirm`, { method: "POST", body });
    expect(await own.gateway.line("tunnel ended")).toMatchObject({ reason: "session-ended" });
    expect((await own.gateway.connect("echo.test:7", { token })).status).toBe(401);
  });
});

describe("a provider that fails", () => {
  it.each([
    ["is down", "down"],
    ["answers with a page", "garbage"],
    ["answers with status 500", "broken"],
    ["never ends its answer", "endless"],
  ])("that %s: 503 with a request id, and who is signed in stays so", async (_what, how) => {
    await using own = await startWithProvider();
    using browser = own.browse();
    await signInAtProvider(browser, `${own.gateway.url}/.pomerium/sign_in`);
    // The metadata is known by now: a reload forgets it.
    await own.gateway.gateway.reloader.reload("test");
    own.provider.handler = (request, response) => {
      if (how === "down") return void request.socket.destroy();
      if (how === "garbage") return void response.end("<h1>Welcome</h1>");
      if (how === "broken") return void response.writeHead(500).end();
      const timer = setInterval(() => response.write(" ".repeat(64 * 1024)), 1);
      response.on("close", () => clearInterval(timer));
      response.writeHead(200, { "content-type": "application/json" });
    };
    using stranger = own.browse();
    const { response, text } = await stranger.open(`${own.gateway.url}/.pomerium/sign_in`);
    expect(response.status).toBe(503);
    expect(text).toContain("The identity provider cannot be reached");
    expect(text).toContain(response.headers.get("x-request-id"));
    expect((await browser.request(`${own.gateway.url}/.pomerium/user`)).status).toBe(200);
    own.provider.handler = null;
    using again = own.browse();
    const retry = async () => (await again.open(`${own.gateway.url}/.pomerium/sign_in`)).response.status;
    // The test's own time limit ends it.
    while (await retry() !== 200);
  });
});
