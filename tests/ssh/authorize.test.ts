import { describe, expect, it } from "vitest";
import { systemClock } from "../../lib/base/clock.ts";
import type { Config, Route } from "../../lib/config/config.ts";
import { loadConfig } from "../../lib/config/load_config.ts";
import { providerIdOf } from "../../lib/identity/provider_ids.ts";
import { decideSsh } from "../../lib/ssh/authorize.ts";
import type { SshLogin } from "../../lib/ssh/handlers.ts";

const ROUTES = `
authenticate_service_url: https://gateway.example.com
ssh_address: 127.0.0.1:22
idp_provider: oidc
idp_provider_url: https://idp.example.com
idp_client_id: gateway
idp_client_secret: secret
routes:
  - from: ssh://plain
    to: ssh://127.0.0.1:2222
    allow_any_authenticated_user: true
  - from: ssh://vault
    to: ssh://127.0.0.1:2222
    allow_any_authenticated_user: true
    idp_client_id: vault
    idp_client_secret: secret
`;

async function loaded(): Promise<{ config: Config; plain: Route; vault: Route }> {
  const { config, complaints } = await loadConfig({
    file: "routes.yaml",
    readTextFile: () => Promise.resolve(ROUTES),
  });
  if (config === null) throw new Error(JSON.stringify(complaints));
  const [plain, vault] = config.routes;
  return { config, plain: plain!, vault: vault! };
}

describe("decideSsh()", () => {
  it.each(
    [
      ["plain", "plain", "allowed"],
      ["plain", "vault", "ssh/other-client"],
      ["vault", "vault", "allowed"],
      ["vault", "plain", "ssh/unauthenticated"],
    ] as const,
  )("of a sign-in through the client of %s, at the route %s, is: %s", async (from, to, expected) => {
    const { config, ...routes } = await loaded();
    const session = {
      sessionId: "session-1",
      userId: "user-1",
      email: "ada@example.com",
      groups: [],
      claims: {},
    };
    const login = {
      caller: { kind: "session", providerId: providerIdOf(config, routes[from]), session },
      ip: "192.0.2.1",
      ssh: { username: "ada", publicKey: new Uint8Array(), certificate: null },
    } as unknown as SshLogin;
    const services = { config, clock: systemClock, live: { mark: 1, recheck: () => Promise.resolve() } };
    const decided = decideSsh(login, { route: routes[to], services: services as never });
    expect("code" in decided ? decided.code : "allowed").toBe(expected);
  });
});
