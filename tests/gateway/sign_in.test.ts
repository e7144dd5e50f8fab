import { calculateJwkThumbprint, importJWK, type JWK } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { http2Session } from "../_support/http2_session.ts";
import { FormBrowser } from "../_support/form_browser.ts";
import { getRequest, sendRaw } from "../_support/raw_http.ts";
import { ShiftedClock } from "../_support/shifted_clock.ts";
import { freePort } from "../_support/free_port.ts";
import {
  PASSWORD,
  programmaticToken,
  startTestGateway,
  type TestGateway,
  until,
} from "../_support/test_gateway.ts";

const ROUTES = `
routes:
  - name: closed
    from: tcp+https://closed.test:1
    to: tcp://127.0.0.1:1
    allow_any_authenticated_user: true
`;
const LOOPBACK = "http://127.0.0.1:9/back";
const LOGIN = `/.pomerium/api/v1/login?pomerium_redirect_uri=${encodeURIComponent(LOOPBACK)}`;

const clock = new ShiftedClock();
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway(ROUTES, { clock });
  await gateway.addUser("bob");
  await gateway.addUser("ann", { email: "ann@example.com", groups: ["engineering"] });
});

// So that the limit of attempts from one address counts each test by itself.
beforeEach(() => clock.advance(60_000));

afterAll(() => gateway[Symbol.asyncDispose]());

function browse(): FormBrowser {
  return new FormBrowser({ caPem: gateway.caPem });
}

/** A browser that has signed in, and the page where that ended. */
async function signedIn() {
  const browser = browse();
  const end = await browser.signIn(`${gateway.url}/.pomerium/sign_in`, { name: "ann", password: PASSWORD });
  return { browser, ...end };
}

/** A request as a program makes it. */
async function ask(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
  using browser = browse();
  const response = await browser.request(gateway.url + path, {
    method,
    headers: { accept: "*/*", ...headers },
  });
  return new Response(
    response.status === 204 || response.status === 302 ? null : await response.text(),
    response,
  );
}

const bearer = (token: string) => ({ authorization: `Bearer Pomerium-${token}` });

describe("the login endpoint for programs", () => {
  it("answers with the bare address of the sign-in page", async () => {
    const response = await ask(LOGIN);
    const body = await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain; charset=utf-8$/i);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(body).toBe(body.trim());
    const url = new URL(body);
    expect(url.origin + url.pathname).toBe(`${gateway.url}/.pomerium/sign_in`);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      pomerium_callback_uri: `${gateway.url}/.pomerium/callback/`,
      pomerium_redirect_uri: LOOPBACK,
      pomerium_programmatic: "true",
      pomerium_idp_id: "local",
    });
    const { pomerium_issued, pomerium_expiry } = Object.fromEntries(url.searchParams);
    expect(Number(pomerium_expiry) - Number(pomerium_issued)).toBe(300_000);
  });

  it.each(["closed.test", "closed.test:443"])(
    "serves %s, which only the destination of a route names",
    async (host) => {
      const { status, body } = await sendRaw(gateway, getRequest(LOGIN, { Host: host }));
      expect(status).toBe(200);
      expect(body).toContain("https://closed.test/.pomerium/sign_in?");
    },
  );

  it("keeps the port on which the gateway listens", async () => {
    const { body } = await sendRaw(gateway, getRequest(LOGIN, { Host: `closed.test:${gateway.port}` }));
    expect(body).toContain(`https://closed.test:${gateway.port}/.pomerium/sign_in?`);
  });

  it.each([
    ["404 without a redirect address", "/.pomerium/api/v1/login", "GET", 404],
    ["404 with an empty one", "/.pomerium/api/v1/login?pomerium_redirect_uri=", "GET", 404],
    [
      "400 for a host that is not allowed",
      `/.pomerium/api/v1/login?pomerium_redirect_uri=https://x.org/`,
      "GET",
      400,
    ],
    ["400 for what is no address", "/.pomerium/api/v1/login?pomerium_redirect_uri=/path", "GET", 400],
    ["405 for another method", LOGIN, "POST", 405],
    ["405 for yet another", LOGIN, "DELETE", 405],
  ])("answers %s, in JSON for who wants that", async (_what, path, method, status) => {
    const response = await ask(path, { accept: "application/json" }, method);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(await response.json()).toEqual({
      error: expect.any(String),
      request_id: response.headers.get("x-request-id"),
    });
    if (status === 405) expect(response.headers.get("allow")).toBe("GET, HEAD");
  });
});

describe("a program that signs in", () => {
  it("gets a token at its loopback address, with path and query kept and nothing else added", async () => {
    const { promise, resolve } = Promise.withResolvers<URL>();
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      resolve(new URL(request.url));
      return new Response("done");
    });
    using browser = browse();
    const redirect = encodeURIComponent(`http://127.0.0.1:${server.addr.port}/callback/n0nce?keep=1`);
    const login = await browser.request(
      `${gateway.url}/.pomerium/api/v1/login?pomerium_redirect_uri=${redirect}`,
    );
    await browser.signIn(await login.text(), { name: "ann", password: PASSWORD });
    const url = await promise;
    expect(url.pathname).toBe("/callback/n0nce");
    expect([...url.searchParams.keys()]).toEqual(["keep", "pomerium_jwt"]);
    const [header, payload] = url.searchParams.get("pomerium_jwt")!.split(".");
    expect(JSON.parse(atob(header!))).toEqual({ alg: "HS256", typ: "JWT" });
    const claims = JSON.parse(atob(payload!.replaceAll("-", "+").replaceAll("_", "/")));
    expect(claims).toMatchObject({ iss: `localhost:${gateway.port}`, idp_id: "local" });
    expect(claims.aud).toContain(`127.0.0.1:${server.addr.port}`);
    expect(claims.exp - claims.iat).toBe(14 * 3600);
    expect(browser.cookiesOf(`localhost:${gateway.port}`).has("_pomerium")).toBe(false);
  });

  it("needs no password when the browser is signed in", async () => {
    const { browser } = await signedIn();
    using _ = browser;
    const posts = gateway.linesOf("signed in").length;
    const token = await programmaticTokenWithoutForm(browser);
    expect(token.split(".")).toHaveLength(3);
    expect(gateway.linesOf("signed in")).toHaveLength(posts);
  });
});

async function programmaticTokenWithoutForm(browser: FormBrowser): Promise<string> {
  let url = await (await browser.request(gateway.url + LOGIN)).text();
  while (!url.startsWith(LOOPBACK)) {
    const response = await browser.request(url);
    expect(response.status).toBe(302);
    url = new URL(response.headers.get("location")!, url).href;
  }
  return new URL(url).searchParams.get("pomerium_jwt")!;
}

describe("a person who signs in", () => {
  it("goes from the user page over the form back to it", async () => {
    using browser = browse();
    const before = await browser.open(`${gateway.url}/.pomerium/`);
    expect(before.response.status).toBe(200);
    const href = /class="button" href="([^"]+)"/.exec(before.text)![1]!;
    const { url, response, text } = await browser.signIn(gateway.url + href, {
      name: "ann",
      password: PASSWORD,
    });
    expect([url, response.status]).toEqual([`${gateway.url}/.pomerium/`, 200]);
    expect(text).toContain("<h1>ann</h1>");
    expect(text).toContain("ann@example.com");
    expect(text).toContain("engineering");
    expect(browser.visited.map((address) => new URL(address).pathname)).toEqual([
      "/.pomerium/",
      "/.pomerium/sign_in",
      "/.pomerium/sign_in",
      "/.pomerium/sign_in",
      "/.pomerium/callback/",
      "/.pomerium/",
    ]);
    expect(await gateway.line("signed in")).toMatchObject({ "user-name": "ann", ip: "127.0.0.1" });
  });

  it("gets a cookie that lasts as long as the session and that scripts do not see", async () => {
    using browser = browse();
    const page = await browser.open(`${gateway.url}/.pomerium/sign_in`);
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)![1]!;
    const body = new URLSearchParams({ csrf, username: "ann", password: PASSWORD });
    const posted = await browser.request(page.url, { method: "POST", body });
    const returned = await browser.request(posted.headers.get("location")!);
    const cookies = [...posted.headers.getSetCookie(), ...returned.headers.getSetCookie()];
    const [authenticate, session] = ["__Host-_pomerium_authenticate", "_pomerium"].map((name) =>
      cookies.find((cookie) => cookie.startsWith(`${name}=`))!
    );
    for (const cookie of [authenticate, session]) {
      expect(cookie).toMatch(/; Path=\/(;|$)/);
      expect(cookie).toMatch(/; HttpOnly(;|$)/);
      expect(cookie).toMatch(/; Secure(;|$)/);
      expect(cookie).not.toMatch(/Domain/i);
    }
    expect(session).not.toMatch(/SameSite/i);
    expect(authenticate).toMatch(/; SameSite=Lax(;|$)/);
    const [of1, of2] = [authenticate, session].map((cookie) =>
      Date.parse(/Expires=([^;]+)/.exec(cookie!)![1]!)
    );
    expect(of1).toBe(of2);
    const { exp } = JSON.parse(atob(session!.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/")));
    expect(of1).toBe(exp * 1000);
    expect(returned.headers.get("location")).toBe(`${gateway.url}/.pomerium/`);
    for (const response of [posted, returned]) expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it("does not need the password a second time", async () => {
    const { browser } = await signedIn();
    using _ = browser;
    browser.cookiesOf(`localhost:${gateway.port}`).delete("_pomerium");
    const { url, text } = await browser.open(`${gateway.url}/.pomerium/sign_in`);
    expect(url).toBe(`${gateway.url}/.pomerium/`);
    expect(text).toContain("ann@example.com");
  });

  it.each([
    ["a wrong password", "bob", "wrong"],
    ["an unknown name", "nobody", PASSWORD],
    ["no password", "bob", ""],
    ["a password of 10,000 characters", "bob", "x".repeat(10_000)],
  ])("with %s sees the form again, and the same answer", async (_what, name, password) => {
    using browser = browse();
    const { response, text } = await browser.signIn(`${gateway.url}/.pomerium/sign_in`, { name, password });
    expect(response.status).toBe(401);
    expect(text).toContain('role="alert">The name or the password is not right.</p>');
    expect(text).toContain(`name="username" value="${name}"`);
    expect(text).not.toContain(password === "" ? 'name="password" value' : password);
    expect(browser.cookiesOf(`localhost:${gateway.port}`).has("__Host-_pomerium_authenticate")).toBe(false);
    // The form that came back works.
    const csrf = /name="csrf" value="([^"]+)"/.exec(text)![1]!;
    expect(csrf).toHaveLength(43);
  });

  it("too often with a wrong password has to wait, and the trail says so", async () => {
    await using own = await startTestGateway(ROUTES);
    await own.addUser("ann");
    using browser = new FormBrowser({ caPem: own.caPem });
    const attempt = (password: string) =>
      browser.signIn(`${own.url}/.pomerium/sign_in`, { name: "ann", password });
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push((await attempt("wrong")).response.status);
    const { response, text } = await attempt(PASSWORD);
    expect([...answers, response.status]).toEqual([401, 401, 401, 429]);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(text).toContain("Too many attempts. Try again in 1 second.");
    expect(own.linesOf("sign in refused")).toHaveLength(3);
    expect(await own.line("sign in limited")).toMatchObject({ "user-name": "ann", ip: "127.0.0.1" });
  });
});

describe("GET /.pomerium/user", () => {
  it("sends a browser without a session to sign in, and back", async () => {
    using browser = browse();
    const end = await browser.signIn(`${gateway.url}/.pomerium/user`, { name: "ann", password: PASSWORD });
    expect(end.url).toBe(`${gateway.url}/.pomerium/user`);
    expect(JSON.parse(end.text)).toMatchObject({ email: "ann@example.com" });
  });

  it.each([
    ["one that wants JSON", { accept: "application/json" }],
    ["one with a bad token", bearer("a.b.c")],
    ["a script of a page", { accept: "text/html", "x-requested-with": "XMLHttpRequest" }],
  ])("tells a program 401: %s", async (_what, headers) => {
    const response = await ask("/.pomerium/user", headers as Record<string, string>);
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toContain("Bearer");
  });

  it("states the claims of a token, without those of the token itself", async () => {
    const token = await gateway.token("ann");
    const response = await ask("/.pomerium/user", bearer(token));
    expect(response.headers.get("cache-control")).toBe("no-store");
    const claims = await response.json();
    expect(claims).toMatchObject({ email: "ann@example.com", groups: ["engineering"], name: "ann" });
    for (const name of ["iss", "aud", "exp", "iat", "jti"]) expect(claims).not.toHaveProperty(name);
  });
});

describe("signing out", () => {
  it("asks first, then ends the session on the server and forgets the cookies", async () => {
    const { browser } = await signedIn();
    using _ = browser;
    const jar = browser.cookiesOf(`localhost:${gateway.port}`);
    const token = jar.get("_pomerium")!;
    const page = await browser.open(`${gateway.url}/.pomerium/sign_out`);
    expect(page.text).toContain("<h1>Sign out?</h1>");
    expect((await ask("/.pomerium/user", bearer(token))).status).toBe(200);

    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)![1]!;
    const end = await browser.open(page.url, { method: "POST", body: new URLSearchParams({ csrf }) });
    expect(end.url).toBe(`${gateway.url}/.pomerium/signed_out`);
    expect(end.text).toContain("<h1>Signed out</h1>");
    expect([...jar.keys()].filter((name) => !name.endsWith("_csrf"))).toEqual([]);
    expect((await ask("/.pomerium/user", bearer(token))).status).toBe(401);
    const { status, stream } = await gateway.connect("closed.test:1", { token });
    stream.close();
    expect(status).toBe(401);
    expect(await gateway.line("signed out")).toMatchObject({ service: "authenticate" });
  });

  it("by a program ends the session of its token", async () => {
    const token = await gateway.token("ann");
    const before = gateway.linesOf("signed out").length;
    expect((await ask("/.pomerium/api/v1/logout", bearer(token), "POST")).status).toBe(204);
    expect((await ask("/.pomerium/api/v1/logout", bearer(token), "POST")).status).toBe(204);
    expect(gateway.linesOf("signed out")).toHaveLength(before + 1);
    expect((await ask("/healthz", bearer(token))).status).toBe(401);
  });

  it.each([
    ["GET", {}, 405],
    ["POST", {}, 401],
  ])("by a program with %s and no token is refused", async (method, headers, status) => {
    expect((await ask("/.pomerium/api/v1/logout", headers, method)).status).toBe(status);
  });
});

describe("the endpoints for machines", () => {
  it.each(["/ping", "/healthz"])(
    "%s says OK, to HEAD as well, and nothing to other methods",
    async (path) => {
      const get = await ask(path);
      expect([get.status, await get.text(), get.headers.get("content-type")]).toEqual([
        200,
        "OK",
        "text/plain;charset=UTF-8",
      ]);
      const head = await ask(path, {}, "HEAD");
      expect([head.status, await head.text()]).toEqual([200, ""]);
      expect((await ask(path, {}, "POST")).status).toBe(405);
      expect((await ask(path, bearer("a.b.c"))).status).toBe(401);
      expect((await ask(path, { cookie: "_pomerium=a.b.c" })).status).toBe(200);
      expect((await ask(path, bearer(await gateway.token("ann")))).status).toBe(200);
    },
  );

  it.each(["/.well-known/pomerium", "/.well-known/pomerium/"])("%s says where things are", async (path) => {
    expect(await (await ask(path)).json()).toMatchObject({
      issuer: `${gateway.url}/`,
      jwks_uri: `${gateway.url}/.well-known/pomerium/jwks.json`,
    });
  });

  it("jwks.json holds a public key that JOSE libraries take, named by its thumbprint", async () => {
    const response = await ask("/.well-known/pomerium/jwks.json");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    const { keys } = await response.json() as { keys: JWK[] };
    expect(keys).toHaveLength(1);
    expect(Object.keys(keys[0]!).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
    expect(await calculateJwkThumbprint(keys[0]!)).toBe(keys[0]!.kid);
    expect(await importJWK(keys[0]!, "ES256")).toMatchObject({ type: "public" });
  });

  it("style.css is one style sheet", async () => {
    const response = await ask("/.pomerium/style.css");
    expect(response.headers.get("content-type")).toBe("text/css; charset=utf-8");
    expect(await response.text()).toContain("prefers-color-scheme: dark");
  });

  it("icon.svg is a picture", async () => {
    const response = await ask("/.pomerium/icon.svg");
    expect(response.headers.get("content-type")).toBe("image/svg+xml");
    expect(await response.text()).toMatch(/^<svg [^]*<\/svg>\n$/);
  });

  it("/ leads to the user page", async () => {
    expect((await ask("/")).headers.get("location")).toBe("/.pomerium/");
  });

  it.each(["/nothing", "/.pomerium/nothing", "/.pomerium/sign_in/", "/.Pomerium/", "/ping/"])(
    "%s is nothing: a page for browsers, with the id that the log has",
    async (path) => {
      const response = await ask(path, { accept: "text/html" });
      expect(response.status).toBe(404);
      const text = await response.text();
      expect(text).toContain("<h1>Not found</h1>");
      expect(text).toContain(response.headers.get("x-request-id"));
      const id = response.headers.get("x-request-id");
      await until(() => gateway.linesOf("http-request").find((line) => line["request-id"] === id));
    },
  );
});

describe("HTTP/2", () => {
  it("serves pages and the form as well as HTTP/1.1", async () => {
    const session = http2Session(gateway);
    const page = await requestHttp2(session, {
      ":path": "/.pomerium/api/v1/login" + LOGIN.slice(LOGIN.indexOf("?")),
    });
    expect(page.headers[":status"]).toBe(200);
    const { pathname, search } = new URL(page.text);
    const form = await requestHttp2(session, { ":path": pathname + search });
    expect(form.text).toContain("<h1>Sign in</h1>");
    const csrf = /name="csrf" value="([^"]+)"/.exec(form.text)![1]!;
    const cookie = form.headers["set-cookie"]!.map((value) => value.split(";")[0]).join("; ");
    const posted = await requestHttp2(session, {
      ":method": "POST",
      ":path": pathname + search,
      cookie,
      "content-type": "application/x-www-form-urlencoded",
    }, new URLSearchParams({ csrf, username: "ann", password: PASSWORD }).toString());
    expect(posted.headers[":status"]).toBe(302);
    const callback = new URL(posted.headers.location!);
    const last = await requestHttp2(session, { ":path": callback.pathname + callback.search });
    expect(last.headers.location).toMatch(/^http:\/\/127\.0\.0\.1:9\/back\?pomerium_jwt=/);
    session.destroy();
  });

  it("takes cookies that the client has split into fields of their own, as browsers do", async () => {
    const { browser, text } = await signedIn();
    using _ = browser;
    const cookie = [...browser.cookiesOf(`localhost:${gateway.port}`)].map((pair) => pair.join("="));
    expect(cookie).toHaveLength(3);
    const csrf = /name="csrf" value="([^"]+)"/.exec(text)![1]!;
    const session = http2Session(gateway);
    const tunnel = await requestHttp2(session, {
      ":method": "CONNECT",
      ":authority": "closed.test:1",
      cookie,
    });
    expect(tunnel.headers[":status"]).toBe(503);
    const form = { ":method": "POST", ":path": "/.pomerium/sign_out", cookie };
    const signedOut = await requestHttp2(session, form, new URLSearchParams({ csrf }).toString());
    expect(signedOut.headers.location).toBe("/.pomerium/signed_out");
    session.destroy();
  });
});

type Http2Session = ReturnType<typeof http2Session>;

async function requestHttp2(session: Http2Session, headers: Record<string, string | string[]>, body = "") {
  const request = session.request(headers);
  if (body !== "") request.end(body);
  const answered = Promise.withResolvers<
    Record<string, string> & { ":status"?: number; "set-cookie"?: string[] }
  >();
  request.once("response", (head) => answered.resolve(head as never));
  request.once("error", answered.reject);
  let text = "";
  request.setEncoding("utf8");
  for await (const chunk of request) text += chunk;
  return { headers: await answered.promise, text };
}

describe("authenticate_service_url", () => {
  it("has the sign-in pages on an origin of their own", async () => {
    const port = freePort();
    const config = `authenticate_service_url: https://127.0.0.1:${port}\n${ROUTES}`;
    await using own = await startTestGateway(config, { port });
    await own.addUser("ann", { email: "ann@example.com" });
    using browser = new FormBrowser({ caPem: own.caPem });

    const person = await browser.signIn(`${own.url}/.pomerium/user`, { name: "ann", password: PASSWORD });
    expect(person.url).toBe(`${own.url}/.pomerium/user`);
    expect(browser.visited.map((url) => new URL(url).host.split(":")[0])).toEqual([
      "localhost",
      "127.0.0.1",
      "127.0.0.1",
      "localhost",
      "localhost",
    ]);
    expect([...browser.cookiesOf(`127.0.0.1:${port}`).keys()]).toContain("__Host-_pomerium_authenticate");
    expect([...browser.cookiesOf(`localhost:${port}`).keys()]).toContain("_pomerium");
    expect([...browser.cookiesOf(`localhost:${port}`).keys()]).not.toContain("__Host-_pomerium_authenticate");

    const refused = await own.connect("closed.test:1");
    refused.stream.close();
    expect(refused.headers.get("location")).toMatch(
      new RegExp(`^https://127.0.0.1:${port}/.pomerium/sign_in`),
    );
    // What a CONNECT began cannot mark a browser: it goes round once more and ends at the user page.
    const end = await browser.open(refused.headers.get("location")!);
    expect([end.url, end.response.status]).toEqual([`https://127.0.0.1:${port}/.pomerium/`, 200]);
    expect(end.text).toContain("ann@example.com");

    const token = await programmaticToken(own, new FormBrowser({ caPem: own.caPem }), "ann");
    const claims = JSON.parse(atob(token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/")));
    expect(claims.iss).toBe(`127.0.0.1:${port}`);
    expect(claims.aud).toEqual([
      `127.0.0.1:${port}`,
      expect.stringMatching(/^127\.0\.0\.1:/),
      `localhost:${port}`,
    ]);
  });
});

describe("a restart", () => {
  it("keeps sessions, users, the authority and the certificate", async () => {
    const echo = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using _ = echo;
    const config = ROUTES.replace("127.0.0.1:1", `127.0.0.1:${(echo.addr as Deno.NetAddr).port}`);
    const first = await startTestGateway(config);
    await first.addUser("ann");
    const token = await first.token("ann");
    const jwks = await (await fetchFrom(first, "/.well-known/pomerium/jwks.json")).text();
    const files = ["ca.pem", "server.pem", "server-key.pem", "shared-secret"];
    const read = () =>
      Promise.all(files.map((file) => Deno.readTextFile(`${first.folder}/state/${file}`).catch(() => file)));
    const before = await read();
    await first.gateway.stop();

    await using second = await startTestGateway(config, { folder: first.folder });
    expect(await read()).toEqual(before);
    expect(second.caPem).toBe(first.caPem);
    expect(await (await fetchFrom(second, "/.well-known/pomerium/jwks.json")).text()).toBe(jwks);
    const { status, stream } = await second.connect("closed.test:1", { token });
    stream.close();
    expect(status).toBe(200);
  });
});

async function fetchFrom(own: TestGateway, path: string): Promise<Response> {
  using browser = new FormBrowser({ caPem: own.caPem });
  return new Response(await (await browser.request(own.url + path)).text());
}
