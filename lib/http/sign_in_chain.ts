import type { Context } from "hono";
import { type CsrfPurpose, issueCsrf, verifyCsrf } from "../identity/csrf.ts";
import type { SessionTokenClaims } from "../identity/session_token.ts";
import { signUrl } from "../identity/signed_url.ts";
import type { SessionRecord } from "../store/store.ts";
import { browserCookie, setBrowserCookie } from "./cookies.ts";
import type { HttpEnv } from "./env.ts";
import { providerIdAt } from "./route_client.ts";
import type { HttpServices } from "./services.ts";

/** Names of the parameters of the sign-in chain; existing clients and bookmarks know them. */
export const PARAMETERS = {
  redirectUri: "pomerium_redirect_uri",
  callbackUri: "pomerium_callback_uri",
  programmatic: "pomerium_programmatic",
  providerId: "pomerium_idp_id",
  sealed: "pomerium_session_encrypted",
  /** Ties the chain to the browser that began it. */
  browser: "pomerium_browser",
  token: "pomerium_jwt",
} as const;

/** Where a sign-in begins and where it leads. */
export interface SignInRequest {
  /** Origin of the gateway that the caller came to; its callback receives the result. */
  readonly origin: string;
  /** Where the caller goes in the end. */
  readonly redirectUri: string;
  /** Whether a program asked, which then receives the token itself. */
  readonly programmatic: boolean;
  /** For a browser: the mark that the callback compares with the browser's cookie; `null` for a program. */
  readonly browserMark: string | null;
  /** Whom to sign in with; default: as suits the host of `origin`. */
  readonly providerId?: string;
}

/**
 * The address of the sign-in page: on `authenticate_service_url` when one is configured, else on the origin the caller
 * came to. It is signed, and valid for 5 minutes.
 */
export async function signInUrl(request: SignInRequest, services: HttpServices): Promise<string> {
  const url = new URL("/.pomerium/sign_in", services.config.authenticateOrigin ?? request.origin);
  url.searchParams.set(PARAMETERS.callbackUri, `${request.origin}/.pomerium/callback/`);
  url.searchParams.set(PARAMETERS.providerId, request.providerId ?? providerIdAt(request.origin, services));
  url.searchParams.set(PARAMETERS.redirectUri, request.redirectUri);
  if (request.programmatic) url.searchParams.set(PARAMETERS.programmatic, "true");
  if (request.browserMark !== null) url.searchParams.set(PARAMETERS.browser, request.browserMark);
  return (await signUrl(url, { key: services.keys.urlSigning, now: services.clock.now() })).href;
}

/** The address of the callback that hands `session` over to the host where the sign-in began; valid for a minute. */
export async function callbackUrl(
  query: URLSearchParams,
  session: { readonly id: string },
  services: HttpServices,
): Promise<string> {
  const url = new URL(query.get(PARAMETERS.callbackUri)!);
  const redirectUri = query.get(PARAMETERS.redirectUri)!;
  const programmatic = query.get(PARAMETERS.programmatic) === "true";
  const sealed = await services.codes.seal({
    sessionId: session.id,
    callbackHost: url.host,
    redirectUri,
    programmatic,
  });
  if (programmatic) url.searchParams.set(PARAMETERS.programmatic, "true");
  url.searchParams.set(PARAMETERS.redirectUri, redirectUri);
  url.searchParams.set(PARAMETERS.sealed, sealed);
  const mark = query.get(PARAMETERS.browser);
  if (mark !== null) url.searchParams.set(PARAMETERS.browser, mark);
  return (await signUrl(url, { key: services.keys.urlSigning, now: services.clock.now() })).href;
}

/**
 * A token that only this browser can use, by a cookie that is set along with it. As the `sign-in` mark it keeps a
 * stranger from handing somebody the end of a sign-in that is not theirs: the callback takes only what this browser
 * began. In a `form` it keeps other sites from sending that form.
 */
export async function browserToken(
  c: Context<HttpEnv>,
  services: HttpServices,
  purpose: CsrfPurpose,
): Promise<string> {
  const { cookie } = services.config;
  const { key, random } = { key: services.keys.csrf, random: services.random };
  const pair = await issueCsrf({ key, random, purpose, cookie: browserCookie(c, { cookie }) });
  setBrowserCookie(c, pair.cookie, { cookie });
  return pair.token;
}

/** Whether `token` was made for this browser and this purpose. */
export function isFromBrowser(
  c: Context<HttpEnv>,
  services: HttpServices,
  options: { purpose: CsrfPurpose; token: string | null },
): Promise<boolean> {
  const cookie = browserCookie(c, { cookie: services.config.cookie });
  return verifyCsrf({ key: services.keys.csrf, cookie, ...options });
}

/** The token that names `session`, for the hosts in `audience`. */
export function issueToken(
  session: SessionRecord,
  options: { issuer: string; audience: readonly string[]; services: HttpServices },
): Promise<string> {
  const claims: SessionTokenClaims = {
    issuer: options.issuer,
    userId: session.userId,
    audience: [...new Set(options.audience)],
    sessionId: session.id,
    providerId: session.providerId,
    issuedAt: options.services.clock.now(),
    expiresAt: session.expiresAt,
  };
  return options.services.tokens.issue(claims);
}
