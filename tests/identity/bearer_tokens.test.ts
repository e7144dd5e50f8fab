import { exportJWK, generateKeyPair } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TokenIssuer } from "../../lib/config/config.ts";
import { BearerTokens, findBearerTokens } from "../../lib/identity/bearer_tokens.ts";
import { TestIssuer } from "../_support/issuer.ts";
import { ShiftedClock } from "../_support/shifted_clock.ts";

let issuer: TestIssuer;
let clock: ShiftedClock;
let bearer: BearerTokens;
beforeEach(async () => {
  issuer = await TestIssuer.start();
  clock = new ShiftedClock();
  bearer = new BearerTokens({ authorityPem: () => issuer.caPem, clock, timeoutMs: 500 });
});
afterEach(() => issuer[Symbol.asyncDispose]());

function accepted(overrides: Partial<TokenIssuer> = {}): TokenIssuer {
  return {
    name: "robots",
    issuer: issuer.url,
    jwksUrl: issuer.jwksUrl,
    algorithms: ["RS256", "ES256", "EdDSA"],
    audiences: ["gateway", "other"],
    ...overrides,
  };
}

function route(overrides: Partial<TokenIssuer> = {}, id = "route-1") {
  return { id, tokenIssuers: [accepted(overrides)] };
}

const INVALID = { code: "identity/bearer-invalid" };
const UNAVAILABLE = { code: "identity/issuer-unavailable" };

describe("BearerTokens.verify()", () => {
  it("states who the token says is calling, and until when", async () => {
    const exp = Math.floor(Date.now() / 1000) + 300;
    const token = await issuer.token({ exp, groups: ["ci", 1], team: "build" });
    const { session, expiresAt } = await bearer.verify(token, route());
    expect(session).toMatchObject({
      sessionId: expect.stringMatching(/^bearer-[\w-]{22}$/),
      userId: "robot-1",
      email: "robot@example.com",
      groups: ["ci"],
      claims: { iss: issuer.url, team: "build" },
    });
    expect(expiresAt).toBe(exp * 1000);
  });

  it.each(["RS256", "EdDSA"])("takes %s", async (alg) => {
    const { privateKey, publicKey } = await generateKeyPair(alg);
    const keys = [{ ...await exportJWK(publicKey), kid: "k2" }];
    issuer.instead.set("/keys", () => Response.json({ keys }));
    const token = await issuer.token({}, { alg, kid: "k2", key: privateKey });
    expect((await bearer.verify(token, route())).session.userId).toBe("robot-1");
  });

  it("takes no algorithm that the issuer is not known to use", async () => {
    const { privateKey, publicKey } = await generateKeyPair("EdDSA");
    const keys = [{ ...await exportJWK(publicKey), kid: "k2" }];
    issuer.instead.set("/keys", () => Response.json({ keys }));
    const token = await issuer.token({}, { alg: "EdDSA", kid: "k2", key: privateKey });
    await expect(bearer.verify(token, route({ algorithms: ["ES256"] }))).rejects.toMatchObject(INVALID);
  });

  it("finds the keys by the discovery document when it is not told where they are", async () => {
    expect((await bearer.verify(await issuer.token(), route({ jwksUrl: null }))).session.userId).toBe(
      "robot-1",
    );
    expect(issuer.asked.get("/.well-known/openid-configuration")).toBe(1);
  });

  it("reads the keys once for many tokens, and not at once again for an unknown one", async () => {
    for (let n = 0; n < 5; n++) await bearer.verify(await issuer.token({ n }), route());
    for (let n = 0; n < 5; n++) {
      const token = await issuer.token({}, { kid: `unknown-${n}` });
      await expect(bearer.verify(token, route())).rejects.toMatchObject(INVALID);
    }
    expect(issuer.asked.get("/keys")).toBe(1);
  });

  it("does not count an address that its issuer has not verified", async () => {
    const token = await issuer.token({ email_verified: false });
    const { session } = await bearer.verify(token, route());
    expect(session.email).toBe("");
    expect(session.claims).not.toHaveProperty("email");
  });

  it("asks an issuer that fails once a second at most, and again after that", async () => {
    issuer.instead.set("/keys", () => new Response(null, { status: 500 }));
    const token = await issuer.token();
    for (let n = 0; n < 5; n++) {
      await expect(bearer.verify(token, route())).rejects.toMatchObject(UNAVAILABLE);
    }
    expect(issuer.asked.get("/keys")).toBe(1);
    issuer.instead.clear();
    clock.advance(1000);
    expect((await bearer.verify(token, route())).session.userId).toBe("robot-1");
  });
});

describe("BearerTokens.sessionById()", () => {
  it("answers the same facts as long as the token holds", async () => {
    const { session } = await bearer.verify(await issuer.token(), route());
    expect(bearer.sessionById(session.sessionId, [route()])).toEqual(session);
    clock.advance(301_000);
    expect(bearer.sessionById(session.sessionId, [route()])).toBeNull();
  });

  it.each<[string, () => ReturnType<typeof route>[]]>([
    ["its route is gone", () => [route({}, "route-2")]],
    ["its route takes no tokens any more", () => [{ id: "route-1", tokenIssuers: [] }]],
    ["its issuer has other audiences", () => [route({ audiences: ["other"] })]],
    ["its issuer has other keys", () => [route({ jwksUrl: `${issuer.url}/others` })]],
  ])("answers nothing once %s", async (_, routes) => {
    const { session } = await bearer.verify(await issuer.token(), route());
    expect(bearer.sessionById(session.sessionId, routes())).toBeNull();
  });

  it("keeps one token on two routes apart", async () => {
    const token = await issuer.token();
    const ids = [await bearer.verify(token, route({}, "a")), await bearer.verify(token, route({}, "b"))]
      .map(({ session }) => session.sessionId);
    expect(new Set(ids).size).toBe(2);
  });
});

describe("findBearerTokens()", () => {
  it.each<[Record<string, string>, string[]]>([
    [{}, []],
    [{ authorization: "Bearer a.b.c" }, ["a.b.c"]],
    [{ authorization: "bearer  a.b.c" }, ["a.b.c"]],
    [{ "proxy-authorization": "Bearer a.b.c" }, ["a.b.c"]],
    [{ authorization: "Bearer a", "proxy-authorization": "Bearer a" }, ["a"]],
    [{ authorization: "Bearer a", "proxy-authorization": "Bearer b" }, ["a", "b"]],
    [{ authorization: "Bearer Pomerium-a.b.c" }, []],
    [{ authorization: "Pomerium a.b.c" }, []],
    [{ authorization: "Basic YTpi" }, []],
    [{ authorization: "Bearer a b" }, []],
    [{ authorization: "Bearer" }, []],
  ])("finds in %j %j", (headers, tokens) => {
    expect(findBearerTokens(new Headers(headers))).toEqual(tokens);
  });
});
