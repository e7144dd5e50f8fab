import type { Context } from "hono";
import type { OidcProvider } from "../identity/oidc_provider.ts";
import type { HttpEnv } from "./env.ts";
import { refuseForProvider } from "./oidc_failure.ts";
import type { HttpServices } from "./services.ts";
import { browserToken } from "./sign_in_chain.ts";

/** Where identity providers send people back to; it has to be registered there. */
export const PROVIDER_CALLBACK_PATH = "/oauth2/callback";

/**
 * Sends a browser to the identity provider. What the sign-in is for travels along in the `state`, sealed and tied to this
 * browser.
 *
 * @param options `query`: that of the signed address of the sign-in page
 */
export async function sendToProvider(
  c: Context<HttpEnv>,
  services: HttpServices,
  { query, provider }: { query: URLSearchParams; provider: OidcProvider },
): Promise<Response> {
  const redirectUri = providerCallback(c, services);
  const browserMark = await browserToken(c, services, "sign-in");
  const begun = await services.providerStates.begin({ query: query.toString(), redirectUri, browserMark });
  try {
    const url = await provider.authorizationUrl({ ...begun, redirectUri });
    return c.redirect(url.href, 302);
  } catch (error) {
    return refuseForProvider(c, services, error);
  }
}

/** The address that the provider sends this browser back to, on the host of the sign-in pages. */
export function providerCallback(c: Context<HttpEnv>, services: HttpServices): string {
  const origin = services.config.authenticateOrigin ?? `https://${new URL(c.req.url).host}`;
  return origin + PROVIDER_CALLBACK_PATH;
}
