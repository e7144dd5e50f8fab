import type { Context } from "hono";
import { IdentityError } from "../identity/identity_error.ts";
import { isAllowedRedirect } from "../identity/sign_in_rules.ts";
import { verifySignedUrl } from "../identity/signed_url.ts";
import { refuse } from "./answers.tsx";
import { setSessionCookie } from "./cookies.ts";
import type { HttpEnv } from "./env.ts";
import { providerIdAt } from "./route_client.ts";
import type { HttpServices } from "./services.ts";
import { isFromBrowser, issueToken, PARAMETERS } from "./sign_in_chain.ts";

/**
 * `GET /.pomerium/callback/`: the end of a sign-in on the host where it began. A browser gets its cookie and goes where it
 * wanted; a program gets the token in `pomerium_jwt` of its loopback address, and the browser that helped gets nothing.
 */
export async function callback(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const url = new URL(c.req.url);
  try {
    return await finish(c, url, services);
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error;
    return refuse(c, "http/bad-request", { detail: `${error.message}. Start the sign-in again.` });
  }
}

async function finish(c: Context<HttpEnv>, url: URL, services: HttpServices): Promise<Response> {
  await verifySignedUrl(url, { key: services.keys.urlSigning, now: services.clock.now() });
  const { redirectUri, programmatic, sessionId } = await openCode(url, services);
  const mark = url.searchParams.get(PARAMETERS.browser);
  // It began with a CONNECT, which cannot mark a browser. The page it came from knows the user now.
  if (!programmatic && mark === null) {
    return c.redirect(await signInPath(`https://${url.host}`, { sessionId, services }), 302);
  }
  if (!programmatic && !await isFromBrowser(c, services, { purpose: "sign-in", token: mark })) {
    return refuse(c, "http/forged-form");
  }
  const redirect = new URL(redirectUri);
  const mayGo = programmatic
    ? isAllowedRedirect(redirectUri, { hosts: services.config.programmaticRedirectHosts })
    : redirect.origin === `https://${url.host}`;
  if (!mayGo) return refuse(c, "http/bad-request");
  const session = await services.sessions.use(sessionId);
  if (session === null) return refuse(c, "http/invalid-token");

  const issuer = new URL(services.config.authenticateOrigin ?? `https://${url.host}`).host;
  const token = await issueToken(session, { issuer, audience: [issuer, redirect.host, url.host], services });
  if (programmatic) redirect.searchParams.set(PARAMETERS.token, token);
  else setSessionCookie(c, token, { cookie: services.config.cookie, expiresAt: session.expiresAt });
  c.header("cache-control", "no-store");
  c.header("referrer-policy", "no-referrer");
  return c.redirect(redirect.href, 302);
}

/** Where to begin anew on this host; by the client that the session is of, when that is not the one of the host. */
async function signInPath(
  origin: string,
  { sessionId, services }: { sessionId: string; services: HttpServices },
): Promise<string> {
  const session = await services.sessions.use(sessionId);
  const path = "/.pomerium/sign_in";
  if (session === null || session.providerId === providerIdAt(origin, services)) return path;
  return `${path}?${new URLSearchParams({ [PARAMETERS.providerId]: session.providerId })}`;
}

function openCode(url: URL, services: HttpServices) {
  return services.codes.open(url.searchParams.get(PARAMETERS.sealed) ?? "", { callbackHost: url.host });
}
