import type { Context } from "hono";
import { IdentityError } from "../identity/identity_error.ts";
import { clientsOf } from "../identity/logout_token.ts";
import type { OidcProvider } from "../identity/oidc_provider.ts";
import { providerSubject, sessionsToEnd } from "../identity/provider_sessions.ts";
import { refuse } from "./answers.tsx";
import { endSession } from "./end_session.ts";
import type { HttpEnv } from "./env.ts";
import { readForm } from "./form.ts";
import { refuseForProvider } from "./oidc_failure.ts";
import type { HttpServices } from "./services.ts";

/**
 * `POST /.pomerium/backchannel_logout`: the identity provider says that a session or a person is signed out (OpenID
 * Connect Back-Channel Logout 1.0 section 2.5). Their sessions and tunnels end before the answer.
 */
export async function backchannelLogout(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  if (services.provider === null) return refuse(c, "http/not-found");
  const fields = await readForm(c, services);
  if (typeof fields === "string") return refuse(c, fields);
  try {
    const token = fields.get("logout_token") ?? "";
    for (const provider of addressed(token, services)) await logOut(c, services, { token, provider });
  } catch (error) {
    return refuseForProvider(c, services, error);
  }
  c.header("cache-control", "no-store");
  return c.body(null, 200);
}

/** Whose sessions a token is about, which is not verified yet; that of the top level verifies what names none. */
function addressed(token: string, { provider, providers }: HttpServices): readonly OidcProvider[] {
  const clients = clientsOf(token);
  const named = [...providers.values()].filter(({ clientId }) => clients.includes(clientId));
  return named.length > 0 || provider === null ? named : [provider];
}

async function logOut(
  c: Context<HttpEnv>,
  services: HttpServices,
  { token, provider }: { token: string; provider: OidcProvider },
): Promise<void> {
  const { store, clock } = services;
  const notice = await provider.readLogoutToken(token);
  if (!await store.useOnce(`logout:${provider.id}:${notice.tokenId}`, notice.expiresAt)) {
    throw new IdentityError("identity/logout-token-invalid", "The logout token was used before");
  }
  for (const session of await sessionsToEnd(notice, { store, provider, now: clock.now() })) {
    await endSession(c, services, { id: session.id, userId: providerSubject(provider, session) });
  }
}
