import { describe, expect, it } from "vitest";
import { codesOf, load } from "./_load.ts";

const NOTHING = ["warning config/no-routes"];

describe("idp_provider", () => {
  it("is read with all that belongs to it", async () => {
    const loaded = await load(`idp_provider: oidc
idp_provider_url: https://id.example.com/realms/staff
idp_client_id: gateway
idp_client_secret: "  s3cret "
idp_scopes: [openid, email]
idp_request_params: {prompt: login, max_age: 60}`);
    expect(codesOf(loaded)).toEqual(NOTHING);
    expect(loaded.config).toMatchObject({
      idpProvider: "oidc",
      idp: {
        url: "https://id.example.com/realms/staff",
        clientId: "gateway",
        clientSecret: "s3cret",
        scopes: ["openid", "email"],
        requestParams: { prompt: "login", max_age: "60" },
      },
    });
    expect(Object.isFrozen(loaded.config?.idp)).toBe(true);
  });

  it("needs no more than a client id where providers of its kind are known", async () => {
    const loaded = await load("idp_provider: google\nidp_client_id: x");
    expect(codesOf(loaded)).toEqual(NOTHING);
    expect(loaded.config?.idp).toEqual({
      url: null,
      clientId: "x",
      clientSecret: null,
      scopes: null,
      requestParams: {},
    });
  });

  it("reads the client secret from a file", async () => {
    const config = "idp_provider: github\nidp_client_id: x\nidp_client_secret_file: secret";
    expect((await load(config, { secret: "s3cret\n" })).config?.idp?.clientSecret).toBe("s3cret");
    expect(codesOf(await load(config, { secret: "\n" }))).toEqual(["error config/bad-value"]);
    expect(codesOf(await load(config))).toEqual(["error config/file-unreadable"]);
    expect(codesOf(await load(`${config}\nidp_client_secret: y`, { secret: "z" }))).toEqual([
      "error config/conflict",
    ]);
  });

  it.each([
    ["idp_provider: google", "missing-key"],
    ["{idp_provider: oidc, idp_client_id: x}", "missing-key"],
    ["{idp_provider: okta, idp_client_id: x, idp_provider_url: null}", "missing-key"],
    ["{idp_provider: googel, idp_client_id: x}", "bad-value"],
    ["{idp_provider: google, idp_client_id: ' '}", "bad-value"],
    ["{idp_provider: oidc, idp_client_id: x, idp_provider_url: 'http://id.example.com'}", "bad-value"],
    ["{idp_provider: oidc, idp_client_id: x, idp_provider_url: 'https://u:p@id.example.com'}", "bad-value"],
    ["{idp_provider: oidc, idp_client_id: x, idp_provider_url: 'https://id.example.com?x'}", "bad-value"],
    ["{idp_provider: google, idp_client_id: x, idp_request_params: {state: y}}", "bad-value"],
    ["{idp_provider: google, idp_client_id: x, idp_request_params: {nonce: y}}", "bad-value"],
    ["{idp_provider: google, idp_client_id: x, idp_request_params: {redirect_uri: y}}", "bad-value"],
    ["{idp_provider: google, idp_client_id: x, idp_request_params: [y]}", "wrong-type"],
  ])("%s is refused", async (text, code) => {
    const loaded = await load(text);
    expect([codesOf(loaded), loaded.config]).toEqual([[`error config/${code}`], null]);
  });

  it("absent, says of what belongs to one that it has no effect", async () => {
    const loaded = await load("idp_client_id: x\nidp_client_secret: y");
    expect(codesOf(loaded).sort()).toEqual([
      "warning config/no-effect",
      "warning config/no-effect",
      ...NOTHING,
    ]);
    expect(loaded.config?.idp).toBeNull();
  });
});

describe("idp_client_id of a route", () => {
  const PROVIDER = "idp_provider: google\nidp_client_id: x\nidp_client_secret: s3cret-of-all";
  const withRoutes = (...keys: Readonly<Record<string, unknown>>[]) =>
    `${PROVIDER}\nroutes: ${
      JSON.stringify(keys.map((more, index) => ({
        from: `tcp+https://db${index}.example.com:5432`,
        to: "tcp://10.0.0.5:5432",
        allow_any_authenticated_user: true,
        ...more,
      })))
    }`;

  it.each([
    ["is a client of its own", [{ idp_client_id: "y", idp_client_secret: "z" }], [
      { clientId: "y", clientSecret: "z" },
    ]],
    ["leaves the secret to the top level", [{ idp_client_id: "y" }], [{ clientId: "y", clientSecret: null }]],
    ["may stand in several routes", [{ idp_client_id: "y" }, { idp_client_id: "y" }], [
      { clientId: "y", clientSecret: null },
      { clientId: "y", clientSecret: null },
    ]],
    ["that of the top level is none", [{ idp_client_id: "x" }, {}], [null, null]],
  ])("%s", async (_, keys, clients) => {
    const loaded = await load(withRoutes(...keys));
    expect(codesOf(loaded)).toEqual([]);
    expect(loaded.config?.routes.map(({ idpClient }) => idpClient)).toEqual(clients);
  });

  it.each([
    ["a secret without a client", [{ idp_client_secret: "n0t-shown" }], "missing-key"],
    ["two secrets of one client", [
      { idp_client_id: "y", idp_client_secret: "n0t-shown" },
      { idp_client_id: "y", idp_client_secret: "n0t-shown-2" },
    ], "conflict"],
    ["another secret of the client of the top level", [
      { idp_client_id: "x", idp_client_secret: "n0t-shown" },
    ], "conflict"],
    ["a secret that is none", [{ idp_client_id: "y", idp_client_secret: ["n0t-shown"] }], "wrong-type"],
  ])("%s is refused, and no secret is shown", async (_, keys, code) => {
    const loaded = await load(withRoutes(...keys));
    expect(codesOf(loaded)).toEqual([`error config/${code}`]);
    expect(JSON.stringify(loaded.complaints)).not.toMatch(/n0t-shown|s3cret-of-all/);
  });

  it.each([{ idp_client_id: "y" }, { idp_client_secret: "z" }])(
    "is refused without a provider: %j",
    async (keys) => {
      const loaded = await load(withRoutes(keys).replace(PROVIDER, ""));
      expect(codesOf(loaded)).toEqual(["error config/missing-key"]);
    },
  );
});
