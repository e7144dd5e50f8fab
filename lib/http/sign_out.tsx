import type { Context } from "hono";
import { refuse } from "./answers.tsx";
import { callerOf, isProgram } from "./caller.ts";
import { clearSessionCookies } from "./cookies.ts";
import { endSession } from "./end_session.ts";
import type { HttpEnv } from "./env.ts";
import { readOwnForm } from "./own_form.ts";
import { GoOnPage } from "./pages/go_on_page.tsx";
import { MessagePage } from "./pages/message_page.tsx";
import { page } from "./pages/render.ts";
import { SignOutPage } from "./pages/sign_out_page.tsx";
import type { HttpServices } from "./services.ts";
import { browserToken } from "./sign_in_chain.ts";

/** `GET /.pomerium/sign_out`: asks first, because any page could send a browser here. */
export async function showSignOut(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  return page(c, <SignOutPage csrf={await browserToken(c, services, "form")} />, 200);
}

/** `POST /.pomerium/sign_out`: ends the session and forgets the cookies. */
export async function submitSignOut(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const fields = await readOwnForm(c, services);
  if (fields instanceof Response) return fields;
  const next = await whereNext(c, services);
  await endOwnSession(c, services);
  return answerSignedOut(c, services, next);
}

/**
 * The answer to a form that has ended the session of this browser: forgets the cookies, and leads on.
 *
 * @param next what {@link whereNext} said before the session ended
 */
export function answerSignedOut(c: Context<HttpEnv>, services: HttpServices, next: string | null): Response {
  clearSessionCookies(c, { cookie: services.config.cookie });
  if (next === null) return c.redirect("/.pomerium/signed_out", 302);
  // Not by a redirect, which would be part of the form's answer: browsers hold that against form-action, however far it leads.
  c.header("refresh", `0;url=${next}`);
  c.header("referrer-policy", "no-referrer");
  return page(c, <GoOnPage title="Signed out" url={next} />, 200);
}

/** Another site to go to after signing out: that of the identity provider, to end its session as well, or the one configured. */
export async function whereNext(c: Context<HttpEnv>, services: HttpServices): Promise<string | null> {
  const { providers, store, clock, config } = services;
  const caller = await callerOf(c, services);
  if (caller.kind !== "session") return config.signOutRedirectUrl;
  const session = await store.liveSession(caller.session.sessionId, clock.now());
  const provider = providers.get(session?.providerId ?? "");
  if (session === null || provider === undefined) return config.signOutRedirectUrl;
  const origin = config.authenticateOrigin ?? `https://${new URL(c.req.url).host}`;
  const url = await provider.endSessionUrl({
    idToken: session.providerGrant?.idToken ?? null,
    postLogoutRedirectUri: config.signOutRedirectUrl ?? `${origin}/.pomerium/signed_out`,
  });
  return url?.href ?? config.signOutRedirectUrl;
}

/** `GET /.pomerium/signed_out`. */
export function showSignedOut(c: Context<HttpEnv>): Response {
  return page(
    c,
    <MessagePage title="Signed out" text="Your session has ended. You can close this page." />,
    200,
  );
}

/** `POST /.pomerium/api/v1/logout`: a program ends the session of the token it brings. */
export async function programmaticLogout(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  // A cookie comes along whoever asks; the other carriers prove that the asker holds the token.
  if (!isProgram(await callerOf(c, services))) return refuse(c, "http/invalid-token");
  await endOwnSession(c, services);
  return c.body(null, 204);
}

async function endOwnSession(c: Context<HttpEnv>, services: HttpServices): Promise<void> {
  const caller = await callerOf(c, services);
  if (caller.kind !== "session") return;
  const { sessionId: id, userId } = caller.session;
  await endSession(c, services, { id, userId });
}
