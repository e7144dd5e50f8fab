import { findCredentials } from "../identity/credentials.ts";
import { type Caller, resolveCaller } from "../identity/resolve_caller.ts";
import type { RequestContext } from "./request_context.ts";
import type { HttpServices } from "./services.ts";

/**
 * Who is calling, found out once a request.
 *
 * @throws {StoreError} when the store cannot be asked
 */
export async function callerOf(c: RequestContext, services: HttpServices): Promise<Caller> {
  const known = c.get("caller");
  if (known !== undefined) return known;
  const { store, sessions, tokens, clock, config } = services;
  const url = c.env.requestTarget.includes("?") ? new URL(c.req.url) : null;
  const credentials = findCredentials({ headers: c.req.raw.headers, url, cookieName: config.cookie.name });
  const caller = await resolveCaller({ credentials, store, sessions, tokens, clock });
  c.set("caller", caller);
  return caller;
}

/** Whether the token of the request stood where only programs put one: those are told 401, not sent to a page. */
export function isProgram(caller: Caller): boolean {
  return caller.kind !== "anonymous" && caller.carrier !== "cookie";
}
