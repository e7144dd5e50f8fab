import type { Context } from "hono";
import type { OidcProvider, Vouched } from "../identity/oidc_provider.ts";
import { beginProviderSession } from "../identity/provider_sessions.ts";
import type { SessionRecord } from "../store/store.ts";
import { refuse } from "./answers.tsx";
import { setSignInCookie } from "./cookies.ts";
import type { HttpEnv } from "./env.ts";
import { readForm } from "./form.ts";
import { refuseForProvider } from "./oidc_failure.ts";
import { PROVIDER_CALLBACK_PATH, providerCallback } from "./oidc_sign_in.ts";
import { providerNamed } from "./route_client.ts";
import type { HttpServices } from "./services.ts";
import { callbackUrl, isFromBrowser, issueToken, PARAMETERS } from "./sign_in_chain.ts";

/** As much of `User-Agent` as a session keeps. */
const MAX_USER_AGENT_LENGTH = 200;
/** What an authorization response may hold that is looked at (RFC 6749 section 4.1.2, RFC 9207). */
const RESPONSE_PARAMETERS = ["code", "state", "iss", "error"];
/** Errors that are a word about the person, not about the request. */
const REFUSALS = ["access_denied", "unauthorized_client"];

/** `GET /oauth2/callback`: the browser comes back from the identity provider, with a code or an error. */
export async function finishProviderSignIn(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  if (services.provider === null) return refuse(c, "http/not-found");
  const url = new URL(c.req.url);
  const error = url.searchParams.get("error");
  if (error !== null) return refuseAsTold(c, services, error);
  try {
    return await finish(c, services);
  } catch (error) {
    return refuseForProvider(c, services, error);
  }
}

/**
 * `POST /oauth2/callback` (OAuth 2.0 Form Post Response Mode). Another site posts it, so the browser leaves our cookies at
 * home (`SameSite=Lax`); it brings them when it is sent on to the same by GET.
 */
export async function receiveProviderForm(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  if (services.provider === null) return refuse(c, "http/not-found");
  const fields = await readForm(c, services);
  if (typeof fields === "string") return refuse(c, fields);
  const query = new URLSearchParams();
  for (const name of RESPONSE_PARAMETERS) {
    const value = fields.get(name);
    if (value !== null) query.set(name, value);
  }
  c.header("cache-control", "no-store");
  c.header("referrer-policy", "no-referrer");
  return c.redirect(`${PROVIDER_CALLBACK_PATH}?${query}`, 303);
}

async function finish(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const url = new URL(c.req.url);
  const redirectUri = providerCallback(c, services);
  const state = url.searchParams.get("state") ?? "";
  const begun = await services.providerStates.end(state, {
    redirectUri,
    isFromBrowser: (token) => isFromBrowser(c, services, { purpose: "sign-in", token }),
  });
  const query = new URLSearchParams(begun.query);
  const provider = providerNamed(query.get(PARAMETERS.providerId), services);
  if (provider === null) return refuse(c, "http/not-found");
  const vouched = await provider.exchange(new URL(redirectUri + url.search), { ...begun, state });
  const session = await beginSession(c, services, { vouched, provider });
  const token = await issueToken(session, { issuer: url.host, audience: [url.host], services });
  setSignInCookie(c, token, { cookie: services.config.cookie, expiresAt: session.expiresAt });
  c.header("cache-control", "no-store");
  c.header("referrer-policy", "no-referrer");
  return c.redirect(await callbackUrl(query, session, services), 302);
}

async function beginSession(
  c: Context<HttpEnv>,
  services: HttpServices,
  { vouched, provider }: { vouched: Vouched; provider: OidcProvider },
): Promise<SessionRecord> {
  const { store, clock, random, config } = services;
  const userAgent = c.req.header("user-agent")?.slice(0, MAX_USER_AGENT_LENGTH);
  const session = await beginProviderSession(vouched, {
    store,
    provider,
    clock,
    random,
    lifetimeMs: config.cookie.expireMs,
    origin: { createdFrom: c.get("ip"), ...(userAgent === undefined ? {} : { userAgent }) },
  });
  const { email, claims, subject } = vouched.person;
  if (email === "") {
    services.log.info("the identity provider told no verified e-mail address", {
      "request-id": c.get("requestId"),
      user: subject,
    });
  }
  services.audit.signIn({
    requestId: c.get("requestId"),
    ip: c.get("ip"),
    event: "signed-in",
    userName: String(claims.preferred_username ?? email).slice(0, 64),
    userId: subject,
    sessionId: session.id,
  });
  return session;
}

/** What the provider writes beside the error may come from anybody, so that it is neither shown nor logged. */
function refuseAsTold(c: Context<HttpEnv>, services: HttpServices, error: string): Response {
  services.log.info("the identity provider sent back an error", {
    "request-id": c.get("requestId"),
    error: error.slice(0, 64),
  });
  if (REFUSALS.includes(error)) return refuse(c, "http/sign-in-refused");
  return refuse(c, "http/bad-request", {
    detail: "The identity provider did not finish the sign-in. Start it again.",
  });
}
