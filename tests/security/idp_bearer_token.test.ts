import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { decodeJwt, exportJWK, generateKeyPair } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { OidcProvider } from "../../lib/identity/oidc_provider.ts";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { TestIssuer } from "../_support/issuer.ts";
import { ShiftedClock } from "../_support/shifted_clock.ts";
import { readAll, readExactly, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

let echo: TestService;
let idp: TestIssuer;
let gateway: TestGateway;
let clock: ShiftedClock;
let userinfo: () => Response | Promise<Response>;

beforeAll(async () => {
  echo = serveEcho();
  idp = await TestIssuer.start();
  clock = new ShiftedClock();
  const discovery = {
    issuer: idp.url,
    jwks_uri: idp.jwksUrl,
    userinfo_endpoint: `${idp.url}/userinfo`,
    authorization_endpoint: `${idp.url}/auth`,
    token_endpoint: `${idp.url}/token`,
  };
  idp.instead.set("/.well-known/openid-configuration", () => Response.json(discovery));
  idp.instead.set("/userinfo", () => userinfo());
  gateway = await startTestGateway(configuration(), { clock });
});
beforeEach(() => {
  // A failure is remembered for a second.
  clock.advance(1000);
  userinfo = () => Response.json(PERSON);
  idp.asked.clear();
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await idp[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

const PERSON = { sub: "robot-1", email: "robot@example.com", email_verified: true, team: "build" };

function configuration(clientId = "gateway", audiences = "[api]"): string {
  const policy = "policy: [{ allow: { or: [{ email: { is: robot@example.com } }] } }]";
  const to = `to: "tcp://127.0.0.1:${echo.port}"`;
  const access = "bearer_token_format: idp_access_token";
  return `
idp_provider: oidc
idp_provider_url: ${idp.url}
idp_client_id: ${clientId}
idp_client_secret: not-a-secret-but-long-enough
certificate_authority: ${Buffer.from(idp.caPem).toString("base64")}
bearer_token_format: idp_identity_token
routes:
  - { from: "tcp+https://id.test:1", ${to}, ${policy} }
  - { from: "tcp+https://any.test:1", ${to}, ${access}, ${policy} }
  - { from: "tcp+https://api.test:1", ${to}, ${access}, idp_access_token_allowed_audiences: ${audiences}, ${policy} }
  - { from: "tcp+https://denied.test:1", ${to}, allowed_users: [nobody@example.com] }
  - { from: "tcp+https://plain.test:1", ${to}, bearer_token_format: default, ${policy} }
`;
}

async function connect(headers: Record<string, string>, target: string): Promise<number> {
  const { status, stream } = await gateway.connect(target, { headers });
  stream.close();
  return status;
}

const bearer = (token: string, target = "id.test:1") => connect({ authorization: `Bearer ${token}` }, target);
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const seconds = () => Math.floor(clock.now() / 1000);
const good = (claims: Record<string, unknown> = {}) =>
  idp.token({ exp: seconds() + 300, email_verified: true, ...claims });

/** Each takes the audience that is right. */
const FORGERIES: [string, (aud: string) => string | Promise<string>][] = [
  ["for another audience", () => good({ aud: "another" })],
  ["for nobody", () => good({ aud: undefined })],
  ["without signature, alg none", async (aud) => {
    return `${encode({ alg: "none" })}.${encode(decodeJwt(await good({ aud })))}.`;
  }],
  ["signed by HMAC with the public key in PEM", async (aud) => hmac(aud, await idp.publicPem())],
  [
    "signed by HMAC with the public key in JSON",
    async (aud) => hmac(aud, JSON.stringify(await idp.publicJwk())),
  ],
  ["signed by somebody else under the same key id", async (aud) => {
    const { privateKey: key } = await generateKeyPair("ES256");
    return idp.token({ aud, exp: seconds() + 300, email_verified: true }, { key });
  }],
  ["that has expired", (aud) => good({ aud, exp: seconds() - 1 })],
  ["that never expires", (aud) => good({ aud, exp: undefined })],
  ["that does not hold yet", (aud) => good({ aud, nbf: seconds() + 60 })],
  ["of nobody", (aud) => good({ aud, sub: undefined })],
  ["of another issuer", (aud) => good({ aud, iss: "https://issuer.example.com" })],
  ["that is a logout token", (aud) => {
    return good({ aud, events: { "http://schemas.openid.net/event/backchannel-logout": {} } });
  }],
  ["that is a logout token by its type", (aud) => {
    return idp.token({ aud, exp: seconds() + 300, email_verified: true }, { typ: "logout+jwt" });
  }],
  ["of more than 8192 characters", (aud) => good({ aud, padding: "x".repeat(9000) })],
  ["that is none", () => "nonsense"],
];

async function hmac(aud: string, key: string): Promise<string> {
  const text = `${encode({ alg: "HS256", kid: "k1" })}.${encode(decodeJwt(await good({ aud })))}`;
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
}

function providerAt({ url, caPem }: TestIssuer, { timeoutMs }: { timeoutMs: number }): OidcProvider {
  const settings = { url, clientId: "gateway", clientSecret: null, scopes: null, requestParams: {} };
  return new OidcProvider({ name: "oidc", settings, authorityPem: caPem, clock, timeoutMs });
}

describe("an ID token as bearer token", () => {
  it.each<[string, boolean]>([
    ["RS256", true],
    ["EdDSA", true],
    ["RS512", false],
    ["PS256", false],
    ["ES384", false],
  ])("signed with %s by a key of the provider is taken: %s", async (alg, isTaken) => {
    await using other = await TestIssuer.start();
    const { privateKey: key, publicKey } = await generateKeyPair(alg, { extractable: true });
    const keys = [{ ...await exportJWK(publicKey), kid: "k2" }];
    other.instead.set("/keys", () => Response.json({ keys }));
    const token = await other.token({ exp: seconds() + 300 }, { key, alg, kid: "k2" });
    const answer = await providerAt(other, { timeoutMs: 2000 }).ownerOfIdToken(token, { clientId: "gateway" })
      .then(({ person }) => person.subject, (error) => error.code);
    expect(answer).toBe(isTaken ? "robot-1" : "identity/bearer-invalid");
  });

  it("opens a tunnel for whom it names, and the trail names them", async () => {
    const { status, headers, stream } = await gateway.connect("id.test:1", {
      headers: { authorization: `Bearer ${await good()}` },
    });
    expect(status).toBe(200);
    await stream.write(utf8("ping"));
    expect(await readExactly(stream, 4)).toBe("ping");
    stream.close();
    const opened = gateway.linesOf("tunnel opened").find((line) =>
      line["request-id"] === headers.get("x-request-id")
    );
    expect(opened).toMatchObject({ email: "robot@example.com", user: "robot-1" });
    expect(idp.asked.get("/userinfo")).toBeUndefined();
  });

  it("counts by the policy as everyone", async () => {
    expect(await bearer(await good(), "denied.test:1")).toBe(403);
  });

  it("is not read where the route says so", async () => {
    expect(await bearer(await good(), "plain.test:1")).toBe(302);
  });

  it("does not bring an address that the provider has not verified", async () => {
    expect(await bearer(await good({ email_verified: false }))).toBe(403);
    expect(await bearer(await good({ email_verified: undefined }))).toBe(403);
  });

  it("for several is taken when it was made for this gateway", async () => {
    expect(await bearer(await good({ aud: ["another", "gateway"], azp: "gateway" }))).toBe(200);
  });

  it.each<[string, () => Promise<string>]>([
    ["made for another client", () => good({ azp: "another" })],
    ["for several, made for another", () => good({ aud: ["another", "gateway"], azp: "another" })],
    ["for several, made for nobody", () => good({ aud: ["another", "gateway"] })],
    ["that is an access token", () => {
      return idp.token({ exp: seconds() + 300, email_verified: true }, { typ: "at+jwt" });
    }],
  ])("%s is refused with 403", async (_, make) => {
    expect(await bearer(await make())).toBe(403);
  });

  it.each(FORGERIES)("%s is refused with 403", async (_, forge) => {
    expect(await bearer(await forge("gateway"))).toBe(403);
  });

  it("beside a session is refused with 400", async () => {
    const authorization = `Bearer ${await good()}`;
    expect(await connect({ authorization, cookie: "_pomerium=nonsense" }, "id.test:1")).toBe(400);
  });

  it("never stands in the log", async () => {
    const tokens = [await good(), await good({ aud: "another" })];
    for (const token of tokens) await bearer(token);
    const log = gateway.written.join("\n");
    for (const token of tokens) {
      for (const part of token.split(".").slice(1)) expect(log).not.toContain(part);
    }
  });
});

describe("an access token as bearer token", () => {
  it("is asked about once, and again after five minutes", async () => {
    for (let i = 0; i < 3; i++) expect(await bearer("opaque-1", "any.test:1")).toBe(200);
    expect(idp.asked.get("/userinfo")).toBe(1);
    clock.advance(299_000);
    expect(await bearer("opaque-1", "any.test:1")).toBe(200);
    expect(idp.asked.get("/userinfo")).toBe(1);
    clock.advance(1000);
    userinfo = () => new Response(null, { status: 401 });
    expect(await bearer("opaque-1", "any.test:1")).toBe(403);
  });

  it("is believed no longer than it holds", async () => {
    const token = await good({ exp: seconds() + 10, aud: "another" });
    expect(await bearer(token, "any.test:1")).toBe(200);
    clock.advance(11_000);
    expect(await bearer(token, "any.test:1")).toBe(403);
  });

  it("with an end that is no time is believed for five minutes", async () => {
    const token = `${encode({ alg: "none" })}.${encode({ exp: "never" })}.x`;
    for (let i = 0; i < 2; i++) expect(await bearer(token, "any.test:1")).toBe(200);
    expect(idp.asked.get("/userinfo")).toBe(1);
  });

  it.each([400, 401, 403])("that the provider refuses with %i is refused", async (status) => {
    userinfo = () => new Response(null, { status });
    expect(await bearer(`refused-${status}`, "any.test:1")).toBe(403);
  });

  it.each<[string, () => Response | Promise<Response>]>([
    ["of 65 KiB", () => Response.json({ ...PERSON, padding: "x".repeat(65 * 1024) })],
    [
      "that never ends",
      () => new Response(new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(65536)) })),
    ],
    ["with status 500", () => new Response(null, { status: 500 })],
    ["that leads elsewhere", () => Response.redirect("https://localhost/userinfo")],
    ["that is no JSON", () => new Response("nonsense")],
    ["that is a list", () => Response.json([PERSON])],
  ])("is refused with 503 at an answer %s", async (name, answer) => {
    userinfo = answer;
    expect(await bearer(`unanswered-${name.length}`, "any.test:1")).toBe(503);
  });

  it("is refused when the provider names nobody", async () => {
    userinfo = () => Response.json({ ...PERSON, sub: "" });
    expect(await bearer("nobodys", "any.test:1")).toBe(403);
  });

  it("that cannot stand in a header is not sent to the provider", async () => {
    expect(await bearer("a,b", "any.test:1")).toBe(403);
    expect(idp.asked.get("/userinfo")).toBeUndefined();
  });

  it("is refused without asking beyond 100 that are being asked about", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    userinfo = () => promise.then(() => Response.json(PERSON));
    const waiting = Array.from({ length: 100 }, (_, i) => bearer(`waiting-${i}`, "any.test:1"));
    await until(() => idp.asked.get("/userinfo") === 100);
    expect(await bearer("one-more", "any.test:1")).toBe(503);
    resolve();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([200]));
  });
});

describe("an access token on a route that names audiences", () => {
  it("is taken for one of them", async () => {
    expect(await bearer(await good({ aud: ["another", "api"] }), "api.test:1")).toBe(200);
    const typed = await idp.token({ exp: seconds() + 300, aud: "api" }, { typ: "at+jwt" });
    expect(await bearer(typed, "api.test:1")).toBe(200);
  });

  it("is refused when it is known from a route that names none", async () => {
    const token = await good({ aud: "another", jti: "known" });
    expect(await bearer(token, "any.test:1")).toBe(200);
    expect(await bearer(token, "api.test:1")).toBe(403);
  });

  it("is refused when the provider says it is somebody else's", async () => {
    expect(await bearer(await good({ aud: "api", sub: "robot-2" }), "api.test:1")).toBe(403);
  });

  it.each(FORGERIES)("%s is refused with 403, and not asked about", async (_, forge) => {
    expect(await bearer(await forge("api"), "api.test:1")).toBe(403);
    expect(idp.asked.get("/userinfo")).toBeUndefined();
  });

  it("keeps its tunnel through a reload, unless it is for none of the audiences any more", async () => {
    const authorization = `Bearer ${await good({ aud: "api" })}`;
    const { stream } = await gateway.connect("api.test:1", { headers: { authorization } });
    await gateway.gateway.reloader.reload("test");
    await stream.write(utf8("still"));
    expect(await readExactly(stream, 5)).toBe("still");
    const changed = `address: 127.0.0.1:0\n${configuration("gateway", "[db]")}`;
    await gateway.gateway.reloader.apply(changed, () => {});
    expect(await readAll(stream)).toHaveLength(0);
    stream.close();
    await until(() => gateway.gateway.tunnels.size === 0);
    await gateway.gateway.reloader.reload("test");
  });
});

describe("a provider that cannot be reached", () => {
  it("is not waited for beyond its time", async () => {
    const provider = providerAt(idp, { timeoutMs: 300 });
    userinfo = () => new Promise(() => {});
    await expect(provider.ownerOfAccessToken("slow")).rejects.toMatchObject({
      code: "identity/provider-unavailable",
    });
    expect(idp.asked.get("/userinfo")).toBe(1);
  });

  it.each(["id.test:1", "any.test:1", "api.test:1"])("is answered for with 503 at %s", async (target) => {
    const down = await TestIssuer.start();
    const [token, text] = [await down.token({ aud: "api" }), configuration().replace(idp.url, down.url)];
    await down[Symbol.asyncDispose]();
    await using gateway = await startTestGateway(text);
    const { status, stream } = await gateway.connect(target, {
      headers: { authorization: `Bearer ${token}` },
    });
    stream.close();
    expect(status).toBe(503);
  });

  it("is answered for with 503 when it is its keys that cannot be had", async () => {
    await using bad = await TestIssuer.start();
    bad.instead.set("/keys", () => new Response(null, { status: 500 }));
    const text = configuration().replace(idp.url, bad.url).replace(
      Buffer.from(idp.caPem).toString("base64"),
      Buffer.from(bad.caPem).toString("base64"),
    );
    await using gateway = await startTestGateway(text);
    for (let i = 0; i < 3; i++) {
      const { status, stream } = await gateway.connect("id.test:1", {
        headers: { authorization: `Bearer ${await bad.token()}` },
      });
      stream.close();
      expect(status).toBe(503);
    }
    expect(bad.asked.get("/keys")).toBe(1);
  });
});
