import { type Configuration, fetchProtectedResource } from "openid-client";
import { unavailable } from "./_provider_fetch.ts";
import { IdentityError } from "./identity_error.ts";

/**
 * Asks GitHub for the person behind an access token, in the words of OpenID Connect. The numeric id is the subject, since
 * login names can be given up and taken by others; of the e-mail addresses the primary one counts.
 *
 * @param options `url`: `https://github.com`, or where GitHub Enterprise is
 */
export async function readGithubUser(
  options: { config: Configuration; accessToken: string; url: string },
): Promise<Record<string, unknown>> {
  const user = await readJson("/user", options);
  const emails = await readJson("/user/emails", options);
  if (!isObject(user) || typeof user.id !== "number") throw unavailable("it does not say who signs in");
  const primary = Array.isArray(emails)
    ? emails.find((email) => isObject(email) && email.primary === true) as Record<string, unknown> | undefined
    : undefined;
  return {
    sub: String(user.id),
    preferred_username: user.login,
    name: user.name ?? user.login,
    picture: user.avatar_url,
    ...(primary === undefined ? {} : { email: primary.email, email_verified: primary.verified === true }),
  };
}

async function readJson(
  path: string,
  { config, accessToken, url }: { config: Configuration; accessToken: string; url: string },
): Promise<unknown> {
  const base = url.replace(/\/+$/, "");
  const api = base === "https://github.com" ? "https://api.github.com" : `${base}/api/v3`;
  const headers = new Headers({ accept: "application/vnd.github+json" });
  const response = await fetchProtectedResource(
    config,
    accessToken,
    new URL(api + path),
    "GET",
    null,
    headers,
  );
  if (response.status === 401) {
    throw new IdentityError("identity/provider-refused", "The identity provider refuses with status 401");
  }
  if (!response.ok) throw unavailable(`it answers with status ${response.status}`);
  return await response.json().catch(() => null);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
