import { afterAll, beforeAll, expect, it } from "vitest";
import { OidcProvider } from "../../lib/identity/oidc_provider.ts";
import type { ProviderGrant } from "../../lib/store/store.ts";
import { serveEcho, type TestService } from "../_support/echo.ts";
import {
  callbackFromProvider,
  CLIENT,
  type ProviderSetup,
  startWithProvider,
} from "../_support/oidc_provider.ts";
import { ShiftedClock } from "../_support/shifted_clock.ts";

let echo: TestService;
let setup: ProviderSetup;
let grant: ProviderGrant;

beforeAll(async () => {
  echo = serveEcho();
  const policy = "policy: [{ allow: { and: [{ claim/groups: engineering }, { user: { is: ann-1 } }] } }]";
  const to = `to: "tcp://127.0.0.1:${echo.port}"`;
  setup = await startWithProvider({
    config: `routes:
  - { from: "tcp+https://id.test:1", ${to}, bearer_token_format: idp_identity_token, allowed_users: [ann-1] }
  - { from: "tcp+https://access.test:1", ${to}, bearer_token_format: idp_access_token, ${policy} }
  - { from: "tcp+https://api.test:1", ${to}, bearer_token_format: idp_access_token, idp_access_token_allowed_audiences: [${CLIENT.id}], ${policy} }
`,
  });
  grant = await signIn();
}, 30_000);
afterAll(async () => {
  await setup[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

/** As a program would that signs in by itself as the same client. */
async function signIn(): Promise<ProviderGrant> {
  const { issuer: url, caPem: authorityPem } = setup.provider;
  const settings = {
    url,
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    scopes: null,
    requestParams: { prompt: "consent" },
  };
  const provider = new OidcProvider({ name: "oidc", settings, authorityPem, clock: new ShiftedClock() });
  const secrets = { nonce: "n".repeat(43), codeVerifier: "v".repeat(43), state: "state" };
  const redirectUri = `${setup.gateway.url}/oauth2/callback`;
  using browser = setup.browse();
  const begin = await provider.authorizationUrl({ ...secrets, redirectUri });
  const callback = await callbackFromProvider(browser, begin.href);
  return (await provider.exchange(new URL(callback), secrets)).grant;
}

it.each<[string, () => string, string, number]>([
  ["takes an ID token", () => grant.idToken!, "id.test:1", 200],
  ["takes an access token", () => grant.accessToken, "access.test:1", 200],
  ["takes no access token for an ID token", () => grant.accessToken, "id.test:1", 403],
  ["takes no ID token for an access token", () => grant.idToken!, "access.test:1", 403],
  ["takes no ID token for an access token with audiences", () => grant.idToken!, "api.test:1", 403],
  ["takes no access token that is no JWT where audiences count", () => grant.accessToken, "api.test:1", 403],
  ["takes no refresh token for an access token", () => grant.refreshToken!, "access.test:1", 403],
])("a gateway with a certified provider %s", async (_, token, target, wanted) => {
  const { status, stream } = await setup.gateway.connect(target, {
    headers: { authorization: `Bearer ${token()}` },
  });
  stream.close();
  expect(status).toBe(wanted);
});
