import type { Context, MiddlewareHandler } from "hono";
import type { HttpEnv } from "./env.ts";

/** Header fields for everything this gateway itself says to a browser. */
export function securityHeaders(): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    await next();
    if (c.env.connectTarget !== null) return;
    const headers = c.res.headers;
    if (!headers.has("content-security-policy")) headers.set("content-security-policy", policy(["'self'"]));
    if (!headers.has("referrer-policy")) headers.set("referrer-policy", "same-origin");
    if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
    headers.set("x-content-type-options", "nosniff");
    headers.set("x-frame-options", "DENY");
    headers.set("strict-transport-security", "max-age=31536000");
  };
}

/**
 * Lets the forms of this page lead further than to its own host.
 *
 * @param options `formAction`: origins
 */
export function setPagePolicy(c: Context<HttpEnv>, options: { formAction: readonly string[] }): void {
  c.header("content-security-policy", policy(["'self'", ...new Set(options.formAction)]));
}

function policy(formAction: readonly string[]): string {
  return [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    `form-action ${formAction.join(" ")}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; ");
}
