import { describe, expect, it } from "vitest";
import { codesOf, load, oneRoute } from "./_load.ts";

const ISSUER = { issuer: "https://issuer.example.com", audiences: ["gateway"] };

/** A configuration with one route of these keys and these keys at the top. */
function withGlobals(globals: Record<string, unknown>, route: Record<string, unknown> = {}): string {
  return JSON.stringify({ ...JSON.parse(oneRoute(route)), ...globals });
}

describe("send_proxy_protocol", () => {
  it.each([["v1", 1], ["v2", 2], [null, null]])("%s is read", async (send_proxy_protocol, version) => {
    const loaded = await load(oneRoute({ send_proxy_protocol }));
    expect(codesOf(loaded)).toEqual([]);
    expect(loaded.config!.routes[0]!.sendProxyProtocol).toBe(version);
  });

  it.each([[true], ["v3"], [2], ["V1"]])("%j is refused", async (send_proxy_protocol) => {
    expect((await load(oneRoute({ send_proxy_protocol }))).config).toBeNull();
  });

  it.each(["https://a.example.com", "ssh://a"])("has no effect on routes from %s", async (from) => {
    const to = from.startsWith("ssh") ? "ssh://b" : "http://b";
    const { complaints } = await load(oneRoute({ from, to, send_proxy_protocol: "v2" }));
    expect(complaints.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^send_proxy_protocol has no effect/),
    );
  });
});

describe("jwt_issuer_format", () => {
  it.each([
    [undefined, undefined, "hostOnly"],
    ["uri", undefined, "uri"],
    ["uri", "hostOnly", "hostOnly"],
    [undefined, "uri", "uri"],
  ])("%s at the top and %s on the route is %s", async (top, own, format) => {
    const { config } = await load(withGlobals({ jwt_issuer_format: top }, { jwt_issuer_format: own }));
    expect(config!.routes[0]!.jwtIssuerFormat).toBe(format);
  });
});

describe("jwt_claims_headers", () => {
  const both = { "x-pomerium-claim-email": "email", "x-pomerium-claim-groups": "groups" };

  it.each([
    [{ "X-Mail": "email" }, { "X-Mail": "email" }],
    [["email", "groups"], both],
    ["email,groups", both],
    ["email, groups,", both],
    [[], {}],
    ["", {}],
  ])("%j is read", async (jwt_claims_headers, headers) => {
    const loaded = await load(withGlobals({ jwt_claims_headers }));
    expect(codesOf(loaded)).toEqual([]);
    expect(loaded.config!.jwtClaimsHeaders).toEqual(headers);
  });

  it.each([
    [{ "X Mail": "email" }],
    [{ "X-Mail\r\nX-Admin": "email" }],
    [{ "X-Mail": "" }],
    [["https://example.com/claim"]],
    [[["email"]]],
    [true],
    [Array.from({ length: 101 }, (_, index) => `claim-${index}`)],
  ])("%j is refused", async (jwt_claims_headers) => {
    expect((await load(withGlobals({ jwt_claims_headers }))).config).toBeNull();
  });
});

describe("identity_providers", () => {
  it("are those of a route that takes bearer tokens: all, or the ones it names", async () => {
    const identity_providers = {
      a: ISSUER,
      b: { ...ISSUER, jwks_url: "https://keys.example.com/", supported_algs: ["ES256"] },
    };
    const issuersOf = async (route: Record<string, unknown>) =>
      (await load(withGlobals({ identity_providers }, route))).config!.routes[0]!.tokenIssuers;
    const [a, b] = [
      { name: "a", ...ISSUER, jwksUrl: null, algorithms: ["RS256", "ES256", "EdDSA"] },
      { name: "b", ...ISSUER, jwksUrl: "https://keys.example.com/", algorithms: ["ES256"] },
    ];
    expect(await issuersOf({ bearer_token_format: "jwt" })).toEqual([a, b]);
    expect(await issuersOf({ bearer_token_format: "jwt", identity_providers: ["b"] })).toEqual([b]);
    expect(await issuersOf({ identity_providers: ["b"] })).toEqual([]);
    expect(await issuersOf({ bearer_token_format: "default" })).toEqual([]);
  });

  it("are taken by every route when the top level says so, but by one that says otherwise", async () => {
    const globals = { identity_providers: { a: ISSUER }, bearer_token_format: "jwt" };
    expect((await load(withGlobals(globals))).config!.routes[0]!.tokenIssuers).toHaveLength(1);
    const other = withGlobals(globals, { bearer_token_format: "default" });
    expect((await load(other)).config!.routes[0]!.tokenIssuers).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["an issuer without TLS", { ...ISSUER, issuer: "http://issuer.example.com" }, "issuer"],
    ["an issuer that is no URL", { ...ISSUER, issuer: "issuer" }, "issuer"],
    ["no issuer", { audiences: ["gateway"] }, "issuer"],
    ["keys without TLS", { ...ISSUER, jwks_url: "http://keys.example.com" }, "jwks_url"],
    ["keys in a file", { ...ISSUER, jwks_url: "file:///etc/keys" }, "jwks_url"],
    ["no audiences", { issuer: ISSUER.issuer }, "audiences"],
    ["an empty list of audiences", { ...ISSUER, audiences: [] }, "audiences"],
    ["an empty audience", { ...ISSUER, audiences: [""] }, "audiences"],
    ["HMAC", { ...ISSUER, supported_algs: ["HS256"] }, "supported_algs"],
    ["none", { ...ISSUER, supported_algs: ["none"] }, "supported_algs"],
    ["no algorithm", { ...ISSUER, supported_algs: [] }, "supported_algs"],
    ["a misspelt key", { ...ISSUER, audience: "gateway" }, "audience"],
  ])("with %s are refused", async (_, provider, key) => {
    const { config, complaints } = await load(withGlobals({ identity_providers: { a: provider } }));
    expect(config).toBeNull();
    expect(complaints[0]!.message).toContain(key);
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["that nobody has named", { identity_providers: { a: ISSUER } }, { identity_providers: ["b"] }],
    ["of which there are none", {}, { bearer_token_format: "jwt" }],
    ["of which it takes none", { identity_providers: { a: ISSUER } }, {
      bearer_token_format: "jwt",
      identity_providers: [],
    }],
  ])("of a route %s are refused", async (_, globals, route) => {
    expect((await load(withGlobals(globals, route))).config).toBeNull();
  });
});

describe("bearer_token_format", () => {
  const IDP = {
    idp_provider: "oidc",
    idp_provider_url: "https://idp.example.com",
    idp_client_id: "gateway",
    idp_client_secret: "secret",
  };
  const RULE = { provider: "oidc", url: "https://idp.example.com", clientId: "gateway", audiences: null };

  it.each<[string, Record<string, unknown>, Record<string, unknown>, unknown]>([
    ["of a route", {}, { bearer_token_format: "idp_identity_token" }, { ...RULE, kind: "identity" }],
    ["of all routes", { bearer_token_format: "idp_access_token" }, {}, { ...RULE, kind: "access" }],
    ["that a route takes back", { bearer_token_format: "idp_access_token" }, {
      bearer_token_format: "default",
    }, null],
    [
      "with audiences",
      { bearer_token_format: "idp_access_token", idp_access_token_allowed_audiences: ["api"] },
      {},
      { ...RULE, kind: "access", audiences: ["api"] },
    ],
    [
      "with audiences of the route",
      { bearer_token_format: "idp_access_token", idp_access_token_allowed_audiences: ["api"] },
      { idp_access_token_allowed_audiences: ["db"] },
      { ...RULE, kind: "access", audiences: ["db"] },
    ],
  ])("%s says how tokens of the provider are taken", async (_, globals, route, rule) => {
    const loaded = await load(withGlobals({ ...IDP, ...globals }, route));
    expect(codesOf(loaded)).toEqual([]);
    expect(loaded.config!.routes[0]).toMatchObject({ idpBearer: rule, tokenIssuers: [] });
  });

  describe.each(["idp_access_token", "idp_identity_token"])("%s", (bearer_token_format) => {
    const github = { idp_provider: "github", idp_client_id: "gateway", idp_client_secret: "secret" };
    it.each<[string, Record<string, unknown>]>([
      ["no provider", {}],
      ["a provider that does not speak OpenID Connect", github],
    ])("is refused with %s", async (_, globals) => {
      expect(codesOf(await load(withGlobals(globals, { bearer_token_format })))).toContain(
        "error config/missing-key",
      );
    });
  });

  it("idp_access_token is refused with an empty list of audiences", async () => {
    const route = { bearer_token_format: "idp_access_token", idp_access_token_allowed_audiences: [] };
    expect(codesOf(await load(withGlobals(IDP, route)))).toEqual(["error config/bad-value"]);
  });

  it("that is none is refused", async () => {
    expect((await load(oneRoute({ bearer_token_format: "JWT" }))).config).toBeNull();
  });
});
