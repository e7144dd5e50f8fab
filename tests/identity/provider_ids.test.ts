import { describe, expect, it } from "vitest";
import type { Config } from "../../lib/config/config.ts";
import { countsOn, providerIdOf } from "../../lib/identity/provider_ids.ts";

const ISSUER = "oidc-7e92b5f2";

describe("providerIdOf()", () => {
  const idp = {
    url: "https://id.example.com",
    clientId: "x",
    clientSecret: null,
    scopes: null,
    requestParams: {},
  };
  const client = (clientId: string) => ({ idpClient: { clientId, clientSecret: null } });

  it.each<[string, Pick<Config, "idpProvider" | "idp">, Parameters<typeof providerIdOf>[1], RegExp]>([
    ["this gateway itself", { idpProvider: "local", idp: null }, { idpClient: null }, /^local$/],
    [
      "a known provider",
      { idpProvider: "google", idp: { ...idp, url: null } },
      { idpClient: null },
      /^google$/,
    ],
    ["a provider by URL", { idpProvider: "oidc", idp }, { idpClient: null }, /^oidc-[0-9a-f]{8}$/],
    ["a client of a route", { idpProvider: "oidc", idp }, client("y"), /^oidc-[0-9a-f]{8}\.[0-9a-f]{8}$/],
  ])("names %s", (_, config, route, id) => {
    expect(providerIdOf(config, route)).toMatch(id);
  });

  it("tells clients apart, and does not change with the client of the top level", () => {
    const config = { idpProvider: "oidc", idp } as const;
    expect(providerIdOf(config, client("y"))).not.toBe(providerIdOf(config, client("z")));
    const other = { ...config, idp: { ...idp, clientId: "another" } };
    expect(providerIdOf(other, { idpClient: null })).toBe(providerIdOf(config, { idpClient: null }));
  });
});

describe("countsOn()", () => {
  it.each([
    [ISSUER, ISSUER, true],
    [`${ISSUER}.11111111`, `${ISSUER}.11111111`, true],
    [`${ISSUER}.11111111`, `${ISSUER}.22222222`, false],
    [`${ISSUER}.11111111`, ISSUER, false],
    [`${ISSUER}.11111111`, "local", false],
    [ISSUER, `${ISSUER}.11111111`, false],
    ["local", `${ISSUER}.11111111`, false],
    // From before a provider was configured.
    [ISSUER, "local", true],
  ])("on a route of %s a session of %s: %s", (wanted, providerId, expected) => {
    expect(countsOn(wanted, providerId)).toBe(expected);
  });
});
