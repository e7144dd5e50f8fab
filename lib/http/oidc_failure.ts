import type { Context } from "hono";
import { IdentityError } from "../identity/identity_error.ts";
import { refuse } from "./answers.tsx";
import type { HttpEnv } from "./env.ts";
import type { HttpServices } from "./services.ts";

/**
 * Answers a sign-in that failed at, or because of, the identity provider; the log says more. Rethrows what is no
 * {@link IdentityError}.
 */
export function refuseForProvider(c: Context<HttpEnv>, services: HttpServices, error: unknown): Response {
  if (!(error instanceof IdentityError)) throw error;
  services.log.warn("sign-in with the identity provider failed", {
    "request-id": c.get("requestId"),
    code: error.code,
    error: error.message,
  });
  if (error.code === "identity/provider-unavailable") return refuse(c, "http/provider-unavailable");
  return refuse(c, "http/bad-request", { detail: `${error.message}. Start the sign-in again.` });
}
