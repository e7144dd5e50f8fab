import type { Context } from "hono";
import { callerOf } from "./caller.ts";
import type { HttpEnv } from "./env.ts";
import { navOf } from "./nav.ts";
import { page } from "./pages/render.ts";
import { SignedOutPage, UserPage } from "./pages/user_page.tsx";
import type { HttpServices } from "./services.ts";
import { browserToken } from "./sign_in_chain.ts";
import { signInFirst } from "./sign_in_first.ts";

/** `GET /.pomerium/`: who the gateway takes the caller for. */
export async function showUser(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const caller = await callerOf(c, services);
  if (caller.kind !== "session") return page(c, <SignedOutPage />, 200);
  const csrf = await browserToken(c, services, "form");
  const nav = navOf(caller.session, services, "user");
  const user = { ...caller.session, expiresAt: caller.sessionExpiresAt };
  return page(c, <UserPage {...{ nav, user, csrf }} />, 200);
}

/** `GET /.pomerium/user`: the claims of the caller as JSON. */
export async function userClaimsJson(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const caller = await callerOf(c, services);
  if (caller.kind !== "session") return await signInFirst(c, services, caller);
  c.header("cache-control", "no-store");
  const { userId, sessionId, email, groups, claims } = caller.session;
  return c.json({ ...claims, sub: userId, user: userId, sid: sessionId, email, groups });
}
