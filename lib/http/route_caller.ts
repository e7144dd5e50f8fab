import type { Route } from "../config/config.ts";
import { findBearerTokens } from "../identity/bearer_tokens.ts";
import { findCredentials } from "../identity/credentials.ts";
import { IdentityError } from "../identity/identity_error.ts";
import { countsOn, providerIdOf } from "../identity/provider_ids.ts";
import type { Caller } from "../identity/resolve_caller.ts";
import { callerOf } from "./caller.ts";
import type { RequestContext } from "./request_context.ts";
import type { HttpServices } from "./services.ts";
import type { AnswerCode } from "./status.ts";

/**
 * Who is calling a route: whoever their session says, or on a route that takes bearer tokens of others, whoever such a token
 * says. Both at once could be two, so that neither counts. A session that began through another client of the identity
 * provider than that of the route counts as none.
 *
 * @returns the caller, or why the request is to be refused
 * @throws {StoreError} when the store cannot be asked
 */
export async function routeCaller(
  c: RequestContext,
  services: HttpServices,
  route: Route,
): Promise<Caller | AnswerCode> {
  const { headers } = c.req.raw;
  const readsBearer = route.tokenIssuers.length > 0 || route.idpBearer !== null;
  const [token, another] = readsBearer ? findBearerTokens(headers) : [];
  if (token === undefined) return await sessionCaller(c, services, route);
  const url = c.env.connectTarget === null ? new URL(c.req.url) : null;
  const credentials = findCredentials({ headers, url, cookieName: services.config.cookie.name });
  if (credentials !== null || another !== undefined) return "http/two-credentials";
  try {
    const { session, expiresAt } = await services.bearer.verify(token, route);
    const caller: Caller = {
      kind: "session",
      session,
      providerId: null,
      sessionExpiresAt: expiresAt,
      carrier: "authorization",
    };
    c.set("caller", caller);
    return caller;
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error;
    const { code, message, cause } = error;
    const isInvalid = code === "identity/bearer-invalid";
    services.log[isInvalid ? "debug" : "warn"]("bearer token refused", {
      "request-id": c.get("requestId"),
      error: cause instanceof Error ? `${message}: ${cause.message}` : message,
    });
    return isInvalid ? "http/invalid-bearer" : "http/issuer-unavailable";
  }
}

async function sessionCaller(c: RequestContext, services: HttpServices, route: Route): Promise<Caller> {
  const caller = await callerOf(c, services);
  if (caller.kind !== "session" || caller.providerId === null) return caller;
  if (countsOn(providerIdOf(services.config, route), caller.providerId)) return caller;
  return { kind: "invalid", carrier: caller.carrier };
}
