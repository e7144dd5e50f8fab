import type { Context } from "hono";
import type { Caller } from "../identity/resolve_caller.ts";
import { refuse } from "./answers.tsx";
import type { HttpEnv } from "./env.ts";
import { gatewayOrigin } from "./origins.ts";
import { unknownHost } from "./programmatic_login.ts";
import { requireSignIn } from "./require_sign_in.ts";
import type { HttpServices } from "./services.ts";
import { browserToken, signInUrl } from "./sign_in_chain.ts";

/** The answer to a caller without session on a page of their own: 302 to the sign-in, which leads back, or 401. */
export async function signInFirst(
  c: Context<HttpEnv>,
  services: HttpServices,
  caller: Caller,
): Promise<Response> {
  const url = new URL(c.req.url);
  const origin = gatewayOrigin(url, services) ?? services.config.authenticateOrigin;
  if (origin === null) return refuse(c, "http/bad-request", { detail: unknownHost(c) });
  const location = async () =>
    await signInUrl({
      origin,
      redirectUri: `${origin}${url.pathname}`,
      programmatic: false,
      browserMark: await browserToken(c, services, "sign-in"),
    }, services);
  return await requireSignIn(c, caller, { location });
}
