import type { Context } from "hono";
import { isAllowedRedirect } from "../identity/sign_in_rules.ts";
import { refuse } from "./answers.tsx";
import type { HttpEnv } from "./env.ts";
import { gatewayOrigin } from "./origins.ts";
import type { HttpServices } from "./services.ts";
import { PARAMETERS, signInUrl } from "./sign_in_chain.ts";

/**
 * `GET /.pomerium/api/v1/login`: a program asks where to send its user to sign in. The answer is the bare address of the
 * sign-in page, in the body.
 */
export async function programmaticLogin(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const redirectUri = c.req.query(PARAMETERS.redirectUri);
  if (redirectUri === undefined || redirectUri === "") return refuse(c, "http/not-found");
  if (!isAllowedRedirect(redirectUri, { hosts: services.config.programmaticRedirectHosts })) {
    return refuse(c, "http/bad-request", {
      detail: `The address in ${PARAMETERS.redirectUri} is not a loopback address or an allowed host.`,
    });
  }
  const origin = gatewayOrigin(new URL(c.req.url), services) ?? services.config.authenticateOrigin;
  if (origin === null) return refuse(c, "http/bad-request", { detail: unknownHost(c) });
  const url = await signInUrl({ origin, redirectUri, programmatic: true, browserMark: null }, services);
  c.header("cache-control", "no-store");
  return c.text(url);
}

/** What to tell somebody who came by a name that is not the gateway's. */
export function unknownHost(c: Context<HttpEnv>): string {
  const { host } = new URL(c.req.url);
  return `The gateway does not know itself as ${host.slice(0, 260)}: name it in a route or a certificate, ` +
    "or set authenticate_service_url.";
}
