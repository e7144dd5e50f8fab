import type { Context } from "hono";
import { findCredentials } from "../identity/credentials.ts";
import { IdentityError } from "../identity/identity_error.ts";
import { END_SENTENCES } from "../tunnel/tunnel_end.ts";
import { refuse } from "./answers.tsx";
import type { HttpEnv } from "./env.ts";
import type { HttpServices } from "./services.ts";

/**
 * `GET /.pomerium/api/v1/tunnels/:id`: why a tunnel ended, for the client that had it. The session of the token may be over
 * by now, as that may be the very reason; but it must be the session that opened the tunnel.
 */
export async function tunnelEnd(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const id = c.req.param("id") ?? "";
  const past = services.tunnels.pastTunnel(id) ?? await services.siblings?.pastTunnel(id) ?? null;
  if (past === null) return refuse(c, "http/not-found");
  if (past.sessionId !== null && past.sessionId !== await sessionIdOf(c, services)) {
    return refuse(c, "http/invalid-token");
  }
  const { reason, detail } = past;
  return c.json({ reason, sentence: END_SENTENCES[reason], detail });
}

async function sessionIdOf(c: Context<HttpEnv>, services: HttpServices): Promise<string | null> {
  const cookieName = services.config.cookie.name;
  const credentials = findCredentials({ headers: c.req.raw.headers, url: null, cookieName });
  if (credentials === null) return null;
  try {
    return (await services.tokens.verify(credentials.token)).sessionId;
  } catch (error) {
    if (error instanceof IdentityError) return null;
    throw error;
  }
}
