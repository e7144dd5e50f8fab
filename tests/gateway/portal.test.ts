import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { FormBrowser } from "../_support/form_browser.ts";
import { ShiftedClock } from "../_support/shifted_clock.ts";
import { PASSWORD, readAll, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

const clock = new ShiftedClock();
let echo: TestService;
let gateway: TestGateway;

/** Each route is named after whom its policy lets in. */
const config = () => `
routes:
  - name: everybody who is signed in
    description: Anyone
    from: tcp+https://any.test:1
    to: tcp://127.0.0.1:${echo.port}
    logo_url: https://example.com/any.svg
    allow_any_authenticated_user: true
  - name: nobody
    from: tcp+https://nobody.test:1
    to: tcp://127.0.0.1:1
  - name: public
    from: tcp+https://public.test:1
    to: tcp://127.0.0.1:1
    allow_public_unauthenticated_access: true
  - name: engineers by claim
    from: tcp+https://localhost:8443/claim.test:1
    to: tcp://127.0.0.1:1
    policy:
      - allow:
          or:
            - claim/groups: engineering
  - name: engineers but bob
    from: tcp+https://deny.test:1
    to: tcp://127.0.0.1:1
    policy:
      - allow:
          and:
            - claim/groups: engineering
        deny:
          or:
            - email:
                is: bob@example.com
  - name: this machine
    from: tcp+https://here.test:1
    to: tcp://127.0.0.1:1
    policy:
      - allow:
          and:
            - source_ip: 127.0.0.0/8
            - authenticated_user: true
  - name: another network
    from: tcp+https://elsewhere.test:1
    to: tcp://127.0.0.1:1
    policy:
      - allow:
          and:
            - source_ip: 192.0.2.0/24
            - authenticated_user: true
  - name: web page of engineers
    from: https://wiki.test
    to: http://127.0.0.1:1
    policy:
      - allow:
          and:
            - claim/groups: engineering
            - http_method: GET
  - name: shell by login name
    from: ssh://shell
    to: ssh://127.0.0.1:22
    policy:
      - allow:
          and:
            - ssh_username: root
  - name: never reached
    from: tcp+https://elsewhere-too.test:8443/any.test:1
    to: tcp://127.0.0.1:1
    allow_any_authenticated_user: true
`;

const EVERYBODY = ["everybody who is signed in", "public", "this machine"];
const ENGINEERS = ["engineers by claim", "web page of engineers"];

beforeAll(async () => {
  echo = serveEcho();
  gateway = await startTestGateway(config(), { clock });
  await gateway.addUser("ann", { email: "ann@example.com", groups: ["engineering"] });
  await gateway.addUser("bob", { email: "bob@example.com", groups: ["engineering"] });
  await gateway.addUser("eve", { email: "eve@example.com" });
});
// Attempts to sign in are bounded by the minute.
beforeEach(() => clock.advance(60_000));
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

async function signedIn(name: string, headers: HeadersInit = {}): Promise<FormBrowser> {
  const browser = new FormBrowser({ caPem: gateway.caPem });
  await browser.signIn(`${gateway.url}/.pomerium/sign_in`, { name, password: PASSWORD }, headers);
  return browser;
}

interface Listed {
  readonly name: string;
  readonly [key: string]: unknown;
}

/** What the API answers to somebody. */
async function routesOf(name: string): Promise<Listed[]> {
  using browser = new FormBrowser({ caPem: gateway.caPem });
  const headers = { authorization: `Pomerium ${await gateway.token(name)}`, accept: "application/json" };
  const response = await browser.request(`${gateway.url}/.pomerium/api/v1/routes`, { headers });
  expect([response.status, response.headers.get("cache-control")]).toEqual([200, "no-store"]);
  return (await response.json()).routes;
}

const namesOf = (routes: readonly Listed[]) => routes.map(({ name }) => name).sort();

describe("GET /.pomerium/api/v1/routes", () => {
  it.each<[who: string, names: string[]]>([
    ["ann", [...EVERYBODY, ...ENGINEERS, "engineers but bob"]],
    ["bob", [...EVERYBODY, ...ENGINEERS]],
    ["eve", EVERYBODY],
  ])(
    "lists for %s exactly what the policies allow: claims, deny rules and addresses count",
    async (who, names) => {
      expect(namesOf(await routesOf(who))).toEqual(names.sort());
    },
  );

  it("agrees with what a CONNECT is answered", async () => {
    const token = await gateway.token("bob");
    const open = new Set(namesOf(await routesOf("bob")));
    const destinations = [
      ["any.test", "everybody who is signed in"],
      ["nobody.test", "nobody"],
      ["claim.test", "engineers by claim"],
      ["deny.test", "engineers but bob"],
      ["here.test", "this machine"],
      ["elsewhere.test", "another network"],
    ] as const;
    for (const [host, name] of destinations) {
      const { status, stream } = await gateway.connect(`${host}:1`, { token });
      await stream.close();
      expect([name, status !== 403], host).toEqual([name, open.has(name)]);
    }
  });

  it("says of each route what existing clients read, and whether it is served", async () => {
    const routes = await routesOf("ann");
    const byName = (name: string) => routes.find((route) => route.name === name);
    expect(byName("everybody who is signed in")).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      name: "everybody who is signed in",
      type: "tcp",
      from: "tcp+https://any.test:1",
      description: "Anyone",
      logo_url: "https://example.com/any.svg",
      connect_command: "pomerium-cli tcp any.test:1",
      available: true,
    });
    expect(byName("engineers by claim")!.connect_command).toBe(
      "pomerium-cli tcp tcp+https://localhost:8443/claim.test:1",
    );
    expect(byName("web page of engineers")).toMatchObject({ type: "http", from: "https://wiki.test" });
    expect(byName("web page of engineers")).not.toHaveProperty("connect_command");
  });

  it("follows the session from one request to the next", async () => {
    const token = await gateway.token("eve");
    using browser = new FormBrowser({ caPem: gateway.caPem });
    const ask = () =>
      browser.request(`${gateway.url}/.pomerium/api/v1/routes`, {
        headers: { authorization: `Pomerium ${token}` },
      });
    expect((await ask()).status).toBe(200);
    await browser.request(`${gateway.url}/.pomerium/api/v1/logout`, {
      method: "POST",
      headers: { authorization: `Pomerium ${token}` },
    });
    expect((await ask()).status).toBe(401);
  });

  it.each<[what: string, headers: Record<string, string>, status: number]>([
    ["a browser without session", { accept: "text/html" }, 302],
    ["a program that wants JSON", { accept: "application/json" }, 401],
    ["a token that is none", { authorization: "Pomerium x" }, 401],
  ])("sends %s to sign in: %j is %i", async (_what, headers, status) => {
    using browser = new FormBrowser({ caPem: gateway.caPem });
    for (const path of ["/.pomerium/api/v1/routes", "/.pomerium/routes", "/.pomerium/sessions"]) {
      const response = await browser.request(gateway.url + path, { headers });
      await response.body?.cancel();
      expect([path, response.status]).toEqual([path, status]);
    }
  });
});

describe("GET /.pomerium/routes", () => {
  it("leads through the sign-in back to the page, and shows no route that is closed", async () => {
    using browser = new FormBrowser({ caPem: gateway.caPem });
    const { url, text } = await browser.signIn(`${gateway.url}/.pomerium/routes`, {
      name: "bob",
      password: PASSWORD,
    });
    expect(url).toBe(`${gateway.url}/.pomerium/routes`);
    expect(text).toContain("engineers by claim");
    expect(text).not.toContain("engineers but bob");
    expect(text).not.toContain("another network");
    expect(text).toContain(`<code>sallyport tcp any.test:1 --gateway-url ${gateway.url}</code>`);
  });

  it("narrows the list down to what is searched for, never beyond what is open", async () => {
    using browser = await signedIn("bob");
    const search = async (q: string) =>
      (await browser.open(`${gateway.url}/.pomerium/routes?q=${encodeURIComponent(q)}`)).text;
    expect((await search("CLAIM")).match(/<li class="item">/g)).toHaveLength(1);
    expect(await search("engineers but bob")).not.toContain(`<li class="item">`);
  });

  it("serves 500 routes", async () => {
    const many = Array.from({ length: 500 }, (_, index) => `
  - name: route ${index}
    description: Number ${index}
    from: tcp+https://r${index}.test:1
    to: tcp://127.0.0.1:1
    allow_any_authenticated_user: true`);
    await using large = await startTestGateway(`routes:${many.join("")}`);
    await large.addUser("ann");
    using browser = new FormBrowser({ caPem: large.caPem });
    const { text } = await browser.signIn(`${large.url}/.pomerium/routes`, {
      name: "ann",
      password: PASSWORD,
    });
    expect(text.match(/<li class="item">/g)).toHaveLength(500);
  });

  it("is not there when the portal is off: the page leads to the account, the API is nothing", async () => {
    await using closed = await startTestGateway("routes: []\nruntime_flags:\n  routes_portal: false\n");
    await closed.addUser("ann");
    using browser = new FormBrowser({ caPem: closed.caPem });
    const user = { name: "ann", password: PASSWORD };
    const { text } = await browser.signIn(`${closed.url}/.pomerium/sign_in`, user);
    expect(text).not.toContain("/.pomerium/routes");
    expect((await browser.open(`${closed.url}/.pomerium/routes`)).url).toBe(`${closed.url}/.pomerium/`);
    expect((await browser.open(`${closed.url}/.pomerium/api/v1/routes`)).response.status).toBe(404);
  });
});

describe("/.pomerium/sessions", () => {
  async function pageOf(browser: FormBrowser) {
    const { text } = await browser.open(`${gateway.url}/.pomerium/sessions`);
    const ids = [...text.matchAll(/name="session" value="([^"]+)"/g)].map(([, id]) => id!);
    return { text, ids, csrf: /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? "" };
  }

  async function post(browser: FormBrowser, fields: Record<string, string>, headers = {}) {
    const body = new URLSearchParams(fields);
    return await browser.request(`${gateway.url}/.pomerium/sessions`, { method: "POST", body, headers });
  }

  const isSignedIn = async (browser: FormBrowser) =>
    (await browser.request(`${gateway.url}/.pomerium/user`)).status === 200;

  it("shows the sessions of this person only, this one first", async () => {
    using eve = await signedIn("eve");
    using first = await signedIn("ann");
    using _second = await signedIn("ann");
    const { text, ids } = await pageOf(first);
    expect(ids.length).toBeGreaterThanOrEqual(2);
    expect(text.match(/This session/g)).toHaveLength(1);
    expect(text.indexOf("This session")).toBeLessThan(text.indexOf(ids[0]!));
    expect(text).toContain("from 127.0.0.1");
    expect((await pageOf(eve)).ids.filter((id) => ids.includes(id))).toEqual([]);
  });

  it("ends one session with its tunnels, and leaves the other", async () => {
    using first = await signedIn("ann");
    const token = await gateway.token("ann");
    const { status, stream } = await gateway.connect("any.test:1", { token });
    expect(status).toBe(200);
    const sessionId = await until(() => gateway.gateway.tunnels.list().at(-1)?.sessionId);
    const { csrf, text, ids } = await pageOf(first);
    expect(ids).toContain(sessionId);
    expect(text).toContain("1 open tunnel");
    const answer = await post(first, { csrf, session: sessionId });
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/.pomerium/sessions"]);
    expect(await readAll(stream).catch(() => "reset")).toBeDefined();
    await until(() => gateway.linesOf("tunnel ended").find((line) => line.reason === "session-ended"));
    expect((await pageOf(first)).ids).not.toContain(sessionId);
    expect(gateway.linesOf("signed out").at(-1)).toMatchObject({ "session-id": sessionId });
    expect(await isSignedIn(first)).toBe(true);
    await stream.close();
  });

  it("signs this browser out when it ends its own session", async () => {
    using browser = await signedIn("ann");
    const { csrf, ids } = await pageOf(browser);
    const answer = await post(browser, { csrf, session: ids[0]! });
    expect([answer.status, answer.headers.get("location")]).toEqual([302, "/.pomerium/signed_out"]);
    expect([...browser.cookiesOf(new URL(gateway.url).host).keys()]).toEqual(["__Host-_pomerium_csrf"]);
    expect(await isSignedIn(browser)).toBe(false);
  });

  it("signs out everywhere, but nobody else", async () => {
    using eve = await signedIn("eve");
    using first = await signedIn("ann");
    using second = await signedIn("ann");
    const { csrf } = await pageOf(first);
    expect((await post(first, { csrf, everywhere: "yes" })).status).toBe(302);
    expect(await Promise.all([first, second, eve].map(isSignedIn))).toEqual([false, false, true]);
  });

  it("does not end the session of somebody else", async () => {
    using eve = await signedIn("eve");
    using ann = await signedIn("ann");
    const { ids } = await pageOf(ann);
    const { csrf } = await pageOf(eve);
    for (const session of [...ids, "", "no such session"]) {
      expect((await post(eve, { csrf, session })).status).toBe(303);
    }
    expect(await isSignedIn(ann)).toBe(true);
  });

  it.each<[what: string, csrf: (own: string, other: string) => string, headers: Record<string, string>]>([
    ["without a token", () => "", {}],
    ["with the token of another browser", (_own, other) => other, {}],
    ["from another site", (own) => own, { "sec-fetch-site": "cross-site" }],
  ])("refuses a form %s", async (_what, csrfFor, headers) => {
    using browser = await signedIn("ann");
    using other = await signedIn("eve");
    const csrf = csrfFor((await pageOf(browser)).csrf, (await pageOf(other)).csrf);
    expect((await post(browser, { csrf, everywhere: "yes" }, headers)).status).toBe(400);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it("refuses a form when the session is over", async () => {
    using browser = await signedIn("ann");
    const { csrf } = await pageOf(browser);
    expect((await post(browser, { csrf, everywhere: "yes" })).status).toBe(302);
    expect((await post(browser, { csrf, everywhere: "yes" })).status).toBe(401);
  });

  it.each([[100, true], [200, false]])(
    "reads a User-Agent up to 200 characters: after %i it finds the browser: %s",
    async (before, finds) => {
      using browser = await signedIn("eve", { "user-agent": `${"x".repeat(before)} Firefox/1.0 (Linux)` });
      const own = (await pageOf(browser)).text.split(`<li class="item split">`)[1]!;
      expect(own).toContain("This session");
      expect(own.includes("Firefox on Linux")).toBe(finds);
    },
  );
});

describe("a denial over CONNECT", () => {
  it("explains itself in the text when the route says so", async () => {
    await using explaining = await startTestGateway(`
routes:
  - name: closed
    from: tcp+https://closed.test:1
    to: tcp://127.0.0.1:1
    show_error_details: true
    policy:
      - allow:
          and:
            - email:
                is: nobody@example.com
`);
    await explaining.addUser("ann", { email: "ann@example.com" });
    const { status, stream } = await explaining.connect("closed.test:1", {
      token: await explaining.token("ann"),
    });
    expect(status).toBe(403);
    expect(new TextDecoder().decode(await readAll(stream))).toContain(
      `found "ann@example.com": email-unauthorized`,
    );
  });
});
