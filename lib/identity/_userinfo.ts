import type { CustomFetch } from "openid-client";
import { unavailable } from "./_provider_fetch.ts";
import { invalidBearer } from "./_shown_tokens.ts";

/** RFC 6750 section 2.1: nothing else can stand in the header. */
const TOKEN = /^[A-Za-z0-9._~+/-]{1,8192}=*$/;
/** That the token is not good, or not good for this (RFC 6750 section 3.1). */
const REFUSALS = [400, 401, 403];

/**
 * Asks whose access token this is (OpenID Connect Core 1.0 section 5.3). Only JSON is understood.
 *
 * @param options `url`: the userinfo endpoint; `fetch`: bounds size and time of the answer
 * @throws {IdentityError} `identity/bearer-invalid` when the provider refuses it, `identity/provider-unavailable`
 */
export async function ownerByUserinfo(
  token: string,
  { url, fetch }: { url: string | undefined; fetch: CustomFetch },
): Promise<Record<string, unknown>> {
  if (!TOKEN.test(token)) throw invalidBearer("is none");
  if (url === undefined || URL.parse(url)?.protocol !== "https:") {
    throw unavailable("it has no userinfo endpoint with an https URL");
  }
  const response = await fetch(url, {
    method: "GET",
    headers: { accept: "application/json", authorization: `Bearer ${token}` },
    body: null,
    redirect: "manual",
  });
  if (REFUSALS.includes(response.status)) {
    throw invalidBearer(`is refused by its provider with status ${response.status}`);
  }
  if (response.status !== 200) throw unavailable(`it answers with status ${response.status}`);
  const told: unknown = await response.json().catch(() => null);
  if (typeof told !== "object" || told === null || Array.isArray(told)) {
    throw unavailable("its userinfo endpoint does not answer with a JSON object");
  }
  return { ...told };
}
