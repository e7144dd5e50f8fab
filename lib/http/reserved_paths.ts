import type { RequestContext } from "./request_context.ts";
import type { HttpServices } from "./services.ts";

/** Whether a path is the gateway's own on every host, whatever its routes say. */
export function isReserved(c: RequestContext, { config }: HttpServices, path: string): boolean {
  if (path === "/oauth2/callback") {
    // With one host for all sign-ins, those of other hosts have this path for themselves.
    return config.authenticateOrigin === null || new URL(c.req.url).origin === config.authenticateOrigin;
  }
  return path === "/ping" || path === "/healthz" ||
    /^\/(?:\.pomerium|\.well-known\/pomerium)(?:\/|$)/.test(path);
}
