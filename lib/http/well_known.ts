import type { Context } from "hono";
import { refuse } from "./answers.tsx";
import { callerOf, isProgram } from "./caller.ts";
import type { HttpEnv } from "./env.ts";
import type { HttpServices } from "./services.ts";

/** `GET /.well-known/pomerium`: where things are. */
export function discovery(c: Context<HttpEnv>): Response {
  const origin = `https://${new URL(c.req.url).host}`;
  return c.json({
    issuer: `${origin}/`,
    authentication_callback_endpoint: `${origin}/oauth2/callback`,
    jwks_uri: `${origin}/.well-known/pomerium/jwks.json`,
    frontchannel_logout_uri: `${origin}/.pomerium/sign_out`,
  });
}

/** `GET /.well-known/pomerium/jwks.json`: the keys that verify what this gateway signs for services (RFC 7517). */
export function jwks(c: Context<HttpEnv>, services: HttpServices): Response {
  c.header("access-control-allow-origin", "*");
  c.header("cache-control", "public, max-age=60");
  return c.json(services.jwks);
}

/** `GET /ping` and `/healthz`: OK, unless a program brings a token that holds no more, which it can find out so. */
export async function health(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const caller = await callerOf(c, services);
  if (caller.kind === "invalid" && isProgram(caller)) return refuse(c, "http/invalid-token");
  return c.text("OK");
}
