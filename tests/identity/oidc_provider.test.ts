import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemRandom } from "../../lib/base/random.ts";
import { OidcProvider } from "../../lib/identity/oidc_provider.ts";
import { beginProviderSession } from "../../lib/identity/provider_sessions.ts";
import { SessionRefresher } from "../../lib/identity/session_refresher.ts";
import { silentLog } from "../../lib/observe/log.ts";
import { openSqliteStore } from "../../lib/store/sqlite_store.ts";
import { callbackFromProvider, CLIENT, listenTls, TestProvider } from "../_support/oidc_provider.ts";
import { FormBrowser } from "../_support/form_browser.ts";
import { ShiftedClock } from "../_support/shifted_clock.ts";

const gatewayUrl = "https://localhost:1";
const secrets = { nonce: "n".repeat(43), codeVerifier: "v".repeat(43), state: "state" };

let idp: TestProvider;
let provider: OidcProvider;

function providerAt(url: string, { caPem = idp.caPem, timeoutMs = 5000 } = {}): OidcProvider {
  return new OidcProvider({
    name: "oidc",
    settings: {
      url,
      clientId: CLIENT.id,
      clientSecret: CLIENT.secret,
      scopes: null,
      requestParams: { prompt: "consent" },
    },
    authorityPem: caPem,
    clock: new ShiftedClock(),
    timeoutMs,
  });
}

beforeAll(async () => {
  idp = await TestProvider.start({ gatewayUrl });
  provider = providerAt(idp.issuer);
}, 30_000);
afterAll(() => idp[Symbol.asyncDispose]());

async function signIn(sub: string) {
  idp.accounts.set(sub, { email: `${sub}@example.com`, email_verified: true, groups: ["a"] });
  using browser = new FormBrowser({ caPem: idp.caPem });
  const url = await provider.authorizationUrl({ ...secrets, redirectUri: `${gatewayUrl}/oauth2/callback` });
  return await provider.exchange(new URL(await callbackFromProvider(browser, url.href, sub)), secrets);
}

describe("OidcProvider against oidc-provider", () => {
  it("exchanges a code for person and grant", async () => {
    const { person, grant } = await signIn("ann");
    expect(person).toMatchObject({ subject: "ann", email: "ann@example.com", groups: ["a"] });
    expect(grant).toMatchObject({
      accessToken: expect.any(String),
      refreshToken: expect.any(String),
      idToken: expect.any(String),
      providerSessionId: expect.any(String),
    });
    expect(grant.accessExpiresAt! - grant.claimsReadAt).toBe(3_600_000);
  });

  it("refreshes, and reads what has changed since", async () => {
    const { grant } = await signIn("bea");
    idp.accounts.set("bea", { email: "bea@example.com", email_verified: true, groups: ["b"] });
    const fresh = await provider.refresh(grant, { subject: "bea" });
    expect(fresh!.accessToken).not.toBe(grant.accessToken);
    expect(await provider.read(fresh!, { subject: "bea" })).toMatchObject({ groups: ["b"] });
  });

  it("is refused for somebody who may no longer", async () => {
    const { grant } = await signIn("cem");
    idp.accounts.delete("cem");
    await expect(provider.refresh(grant, { subject: "cem" })).rejects.toMatchObject({
      code: "identity/provider-refused",
    });
    await expect(provider.read(grant, { subject: "cem" })).rejects.toMatchObject({
      code: "identity/provider-refused",
    });
  });

  it("does not take what is said about somebody else", async () => {
    const { grant } = await signIn("dan");
    await expect(provider.read(grant, { subject: "eve" })).rejects.toMatchObject({
      code: "identity/provider-invalid",
    });
    await expect(provider.refresh(grant, { subject: "eve" })).rejects.toMatchObject({
      code: "identity/provider-invalid",
    });
  });

  it("names where to sign out", async () => {
    const url = await provider.endSessionUrl({ idToken: "t", postLogoutRedirectUri: "https://a.example/" });
    expect(url?.pathname).toBe("/session/end");
    expect(Object.fromEntries(url!.searchParams)).toEqual({
      client_id: CLIENT.id,
      id_token_hint: "t",
      post_logout_redirect_uri: "https://a.example/",
    });
  });

  it("tells two providers apart by where they are", () => {
    expect(provider.id).toMatch(/^oidc-[0-9a-f]{8}$/);
    expect(providerAt("https://other.example").id).not.toBe(provider.id);
  });
});

describe("a session of a provider", () => {
  async function setUp(sub: string) {
    const clock = new ShiftedClock();
    const store = await openSqliteStore({ path: ":memory:", clock });
    const ended: string[] = [];
    const refresher = new SessionRefresher({
      store,
      providers: () => [provider],
      onEnded: ({ id }) => void ended.push(id),
      clock,
      log: silentLog,
    });
    const { id } = await beginProviderSession(await signIn(sub), {
      store,
      provider,
      clock,
      random: systemRandom,
      lifetimeMs: 86_400_000,
      origin: {},
    });
    const session = () => store.liveSession(id, clock.now());
    const round = async (minutes: number) => {
      clock.advance(minutes * 60_000);
      await refresher.runRound();
    };
    return {
      session,
      round,
      ended,
      async [Symbol.asyncDispose]() {
        await refresher[Symbol.asyncDispose]();
        await store[Symbol.asyncDispose]();
      },
    };
  }

  it("goes on with another access token and what is new about the person", async () => {
    await using setup = await setUp("fay");
    idp.accounts.set("fay", { email: "fay@example.com", email_verified: true, groups: ["new"] });
    const before = await setup.session();
    await setup.round(59.5);
    const after = await setup.session();
    expect(after!.providerGrant!.accessToken).not.toBe(before!.providerGrant!.accessToken);
    expect(after!.claims.groups).toEqual(["new"]);
  });

  it.each([["at the next look at the person", 10], ["at the next refresh", 59.5]])(
    "ends %s once the person is gone from the provider",
    async (_when, minutes) => {
      await using setup = await setUp("gus");
      idp.accounts.delete("gus");
      await setup.round(minutes);
      expect(await setup.session()).toBeNull();
      expect(setup.ended).toHaveLength(1);
    },
  );

  it("outlives an outage of the provider, and is brought up to date after it", async () => {
    await using setup = await setUp("hal");
    idp.handler = (request) => void request.socket.destroy();
    await setup.round(59.5);
    expect((await setup.session())!.claims.groups).toEqual(["a"]);
    idp.handler = null;
    idp.accounts.set("hal", { groups: ["later"] });
    await setup.round(1);
    expect((await setup.session())!.claims.groups).toEqual(["later"]);
  });
});

describe("OidcProvider for GitHub", () => {
  const USER = { id: 42, login: "octo", name: null, avatar_url: "https://a.example/42" };

  async function startGithub(emails: unknown) {
    const { server, caPem } = await listenTls();
    const answers: Record<string, unknown> = {
      "/login/oauth/access_token": { access_token: "gho", token_type: "bearer", scope: "user:email" },
      "/api/v3/user": USER,
      "/api/v3/user/emails": emails,
    };
    let status = 200;
    server.on("request", (request, response) => {
      const isApi = request.url!.startsWith("/api/");
      const isKnown = !isApi || request.headers.authorization === "Bearer gho";
      response.writeHead(isApi ? status : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(isKnown ? answers[request.url!] : {}));
    });
    const { port } = server.address() as { port: number };
    const github = new OidcProvider({
      name: "github",
      settings: {
        url: `https://127.0.0.1:${port}`,
        clientId: "x",
        clientSecret: "y",
        scopes: null,
        requestParams: {},
      },
      authorityPem: caPem,
      clock: new ShiftedClock(),
    });
    return {
      github,
      answerWith: (next: number) => status = next,
      [Symbol.dispose]: () => {
        server.closeAllConnections();
        server.close();
      },
    };
  }

  const callback = new URL(
    `${gatewayUrl}/oauth2/callback?code=c&state=state&iss=https://github.com/login/oauth`,
  );

  it("asks without nonce, and knows people by number and primary address", async () => {
    using setup = await startGithub([
      { email: "octo@example.com", primary: true, verified: true },
      { email: "other@example.com", primary: false, verified: true },
    ]);
    const url = await setup.github.authorizationUrl({
      ...secrets,
      redirectUri: `${gatewayUrl}/oauth2/callback`,
    });
    expect(url.pathname).toBe("/login/oauth/authorize");
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      scope: "read:user user:email",
      code_challenge_method: "S256",
    });
    expect(url.searchParams.has("nonce")).toBe(false);
    const { person, grant } = await setup.github.exchange(callback, secrets);
    expect(person).toMatchObject({ subject: "42", email: "octo@example.com", displayName: "octo" });
    expect(grant).toMatchObject({ accessToken: "gho", refreshToken: null, idToken: null });
    setup.answerWith(401);
    await expect(setup.github.read(grant, { subject: "42" })).rejects.toMatchObject({
      code: "identity/provider-refused",
    });
  });

  it.each([
    [[{ email: "octo@example.com", primary: true, verified: false }]],
    [[{ email: "octo@example.com", primary: false, verified: true }]],
    [{ message: "no" }],
  ])("takes no address from %j", async (emails) => {
    using setup = await startGithub(emails);
    expect((await setup.github.exchange(callback, secrets)).person.email).toBe("");
  });
});

describe("OidcProvider", () => {
  const ask = (asked: OidcProvider) => asked.authorizationUrl({ ...secrets, redirectUri: `${gatewayUrl}/x` });

  it("gives up on a provider that does not answer", async () => {
    const { server, caPem } = await listenTls();
    const { port } = server.address() as { port: number };
    const slow = providerAt(`https://localhost:${port}`, { caPem, timeoutMs: 50 });
    await expect(ask(slow)).rejects.toMatchObject({ code: "identity/provider-unavailable" });
    server.closeAllConnections();
    server.close();
  });

  it("does not trust a certificate of another authority", async () => {
    const { caPem } = await listenTls().then(({ server, caPem }) => (server.close(), { caPem }));
    await expect(ask(providerAt(idp.issuer, { caPem }))).rejects.toMatchObject({
      code: "identity/provider-unavailable",
    });
  });

  it("does not take the metadata of another issuer", async () => {
    await expect(ask(providerAt(`${idp.issuer}/realms/x`))).rejects.toMatchObject({
      code: "identity/provider-unavailable",
    });
  });

  it("asks for metadata once for many, and not again right after a failure", async () => {
    let requests = 0;
    const { server, caPem } = await listenTls();
    server.on("request", (_request, response) => {
      requests++;
      response.writeHead(500).end();
    });
    const { port } = server.address() as { port: number };
    const broken = providerAt(`https://localhost:${port}`, { caPem });
    await Promise.allSettled(Array.from({ length: 20 }, () => ask(broken)));
    await expect(ask(broken)).rejects.toMatchObject({ code: "identity/provider-unavailable" });
    expect(requests).toBe(2);
    server.closeAllConnections();
    server.close();
  });
});
