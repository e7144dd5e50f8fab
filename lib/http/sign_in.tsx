import type { Context } from "hono";
import { randomId } from "../base/random.ts";
import { IdentityError } from "../identity/identity_error.ts";
import { userClaims } from "../identity/resolve_caller.ts";
import { verifySignedUrl } from "../identity/signed_url.ts";
import type { NewSession, SessionRecord, UserRecord } from "../store/store.ts";
import { refuse } from "./answers.tsx";
import { setSignInCookie, signInCookie } from "./cookies.ts";
import type { HttpEnv } from "./env.ts";
import { readOwnForm } from "./own_form.ts";
import { sendToProvider } from "./oidc_sign_in.ts";
import { gatewayOrigin } from "./origins.ts";
import { page } from "./pages/render.ts";
import { SignInPage } from "./pages/sign_in_page.tsx";
import { unknownHost } from "./programmatic_login.ts";
import { providerNamed } from "./route_client.ts";
import { setPagePolicy } from "./security_headers.ts";
import type { HttpServices } from "./services.ts";
import { browserToken, callbackUrl, issueToken, PARAMETERS, signInUrl } from "./sign_in_chain.ts";

/** As much of `User-Agent` as a session keeps. */
const MAX_USER_AGENT_LENGTH = 200;

/** `GET /.pomerium/sign_in`: the form, or straight on for a browser that is signed in already. */
export async function showSignIn(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const begun = await beginOrVerify(c, services);
  if (begun instanceof Response) return begun;
  const provider = providerNamed(begun.get(PARAMETERS.providerId), services);
  const session = await browserSession(c, services, provider?.id ?? "local");
  if (session !== null) return c.redirect(await callbackUrl(begun, session, services), 302);
  if (provider !== null) return await sendToProvider(c, services, { query: begun, provider });
  return await form(c, services, { query: begun, status: 200 });
}

/** `POST /.pomerium/sign_in`: the form, filled in. */
export async function submitSignIn(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  if (services.provider !== null) {
    return refuse(c, "http/method-not-allowed", { headers: { allow: "GET, HEAD" } });
  }
  const query = await beginOrVerify(c, services);
  if (query instanceof Response) return query;
  const fields = await readOwnForm(c, services);
  if (fields instanceof Response) return fields;

  const userName = (fields.get("username") ?? "").trim();
  const attempt = { address: c.get("ip"), account: userName };
  const verdict = services.limiter.check(attempt);
  if (!verdict.allowed) {
    note(c, services, { event: "sign-in-limited", userName });
    const seconds = Math.ceil(verdict.retryAfterMs / 1000);
    c.header("retry-after", String(seconds));
    const error = `Too many attempts. Try again in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`;
    return await form(c, services, { query, status: 429, userName, error });
  }
  const user = await services.users.authenticate(userName, fields.get("password") ?? "");
  if (user === null) {
    note(c, services, { event: "sign-in-refused", userName });
    const error = "The name or the password is not right.";
    return await form(c, services, { query, status: 401, userName, error });
  }
  services.limiter.succeeded(attempt);
  const session = await beginSession(c, services, user);
  note(c, services, { event: "signed-in", userName, session });
  const { host } = new URL(c.req.url);
  const token = await issueToken(session, { issuer: host, audience: [host], services });
  setSignInCookie(c, token, { cookie: services.config.cookie, expiresAt: session.expiresAt });
  return c.redirect(await callbackUrl(query, session, services), 302);
}

/**
 * The verified query of a signed sign-in URL. An address without query, or with a provider alone, begins a sign-in that leads
 * to the user page.
 */
async function beginOrVerify(
  c: Context<HttpEnv>,
  services: HttpServices,
): Promise<URLSearchParams | Response> {
  const url = new URL(c.req.url);
  const { authenticateOrigin } = services.config;
  const providerId = onlyProviderId(url.searchParams, services);
  if (url.search === "" || providerId !== undefined) {
    const origin = gatewayOrigin(url, services) ?? authenticateOrigin;
    if (origin === null) return refuse(c, "http/bad-request", { detail: unknownHost(c) });
    const browserMark = await browserToken(c, services, "sign-in");
    const redirectUri = `${origin}/.pomerium/`;
    const request = { origin, redirectUri, programmatic: false, browserMark };
    return c.redirect(
      await signInUrl(providerId === undefined ? request : { ...request, providerId }, services),
      302,
    );
  }
  try {
    await verifySignedUrl(url, { key: services.keys.urlSigning, now: services.clock.now() });
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error;
    return refuse(c, "http/bad-request", { detail: `${error.message}. Start the sign-in again.` });
  }
  const isSignIn = [PARAMETERS.callbackUri, PARAMETERS.redirectUri].every((name) =>
    url.searchParams.has(name)
  );
  return isSignIn ? url.searchParams : refuse(c, "http/bad-request");
}

/** The provider of an address that names one, and nothing else: that needs no signature. */
function onlyProviderId(query: URLSearchParams, { providers }: HttpServices): string | undefined {
  const id = query.get(PARAMETERS.providerId);
  return id !== null && query.size === 1 && providers.has(id) ? id : undefined;
}

async function browserSession(
  c: Context<HttpEnv>,
  services: HttpServices,
  providerId: string,
): Promise<SessionRecord | null> {
  const token = signInCookie(c, { cookie: services.config.cookie });
  if (token === null) return null;
  try {
    const { sessionId } = await services.tokens.verify(token);
    const session = await services.sessions.use(sessionId);
    // Whom another client or provider let in signs in anew.
    return session?.providerId === providerId ? session : null;
  } catch (error) {
    if (error instanceof IdentityError) return null;
    throw error;
  }
}

async function beginSession(
  c: Context<HttpEnv>,
  services: HttpServices,
  user: UserRecord,
): Promise<SessionRecord> {
  const now = services.clock.now();
  const userAgent = c.req.header("user-agent")?.slice(0, MAX_USER_AGENT_LENGTH);
  const session: NewSession = {
    id: randomId(services.random),
    userId: user.id,
    providerId: "local",
    claims: userClaims(user),
    createdAt: now,
    expiresAt: now + services.config.cookie.expireMs,
    createdFrom: c.get("ip"),
    ...(userAgent === undefined ? {} : { userAgent }),
  };
  await services.store.addSession(session);
  return { ...session, lastUsedAt: now };
}

async function form(
  c: Context<HttpEnv>,
  services: HttpServices,
  options: { query: URLSearchParams; status: 200 | 401 | 429; userName?: string; error?: string },
): Promise<Response> {
  const csrf = await browserToken(c, services, "form");
  const redirectUri = new URL(options.query.get(PARAMETERS.redirectUri)!);
  const callbackUri = new URL(options.query.get(PARAMETERS.callbackUri)!);
  // The form's answer redirects to the callback and on to the redirect URI; browsers hold that against form-action.
  setPagePolicy(c, { formAction: [callbackUri.origin, redirectUri.origin] });
  const programmatic = options.query.get(PARAMETERS.programmatic) === "true";
  return page(
    c,
    <SignInPage
      csrf={csrf}
      userName={options.userName ?? ""}
      error={options.error ?? null}
      purpose={programmatic ? "A program on this computer asks you to sign in." : null}
    />,
    options.status,
  );
}

function note(
  c: Context<HttpEnv>,
  services: HttpServices,
  entry: {
    event: "signed-in" | "sign-in-refused" | "sign-in-limited";
    userName: string;
    session?: SessionRecord;
  },
): void {
  services.audit.signIn({
    requestId: c.get("requestId"),
    ip: c.get("ip"),
    event: entry.event,
    userName: entry.userName.slice(0, 64),
    userId: entry.session?.userId ?? null,
    sessionId: entry.session?.id ?? null,
  });
}
