import type { HttpRoute } from "../../config/http_settings.ts";
import type { RawHeaders } from "../exchange.ts";
import { fieldPairs } from "../raw_headers.ts";
import { hopByHop } from "./field_names.ts";
import { isOwnCookie } from "./request_headers.ts";

/**
 * The header fields for the caller: what the service sent, in its order, without what is for its connection only, and
 * without sessions and ways around the gateway (RFC 7838), which are not the service's to give; then as the route says.
 *
 * @param options `cookieName`: of the session; `requestId`: ties the answer to the log; `altSvc`: where HTTP/3 is served,
 * `null` when the caller is not told
 */
export function responseHeaders(
  received: RawHeaders,
  { http, cookieName, requestId, altSvc }: {
    http: HttpRoute;
    cookieName: string;
    requestId: string;
    altSvc: string | null;
  },
): string[] {
  const fields = fieldPairs(received);
  const dropped = hopByHop(fields);
  const overwritten = new Set(http.setResponseHeaders.map(([name]) => name.toLowerCase()));
  const kept = fields.filter(([name, value]) => {
    const lower = name.toLowerCase();
    if (lower === "alt-svc" || lower === "x-request-id" || dropped.has(lower)) return false;
    if (lower === "set-cookie" && isOwnCookie(cookieNameOf(value), cookieName)) return false;
    return !overwritten.has(lower);
  });
  return [
    ...kept.map(([name, value]) => [name, rewritten(name.toLowerCase(), value, http)]),
    ...http.setResponseHeaders,
    ...(altSvc === null || overwritten.has("alt-svc") ? [] : [["alt-svc", altSvc]]),
    ["x-request-id", requestId],
  ].flat();
}

/** A cookie without name is sent back as its value alone, which then looks like one with a name (RFC 6265bis section 5.6). */
function cookieNameOf(setCookie: string): string {
  const pair = setCookie.split(";")[0]!.replace(/^[\s=]+/, "");
  return pair.split("=")[0]!.trim();
}

function rewritten(name: string, value: string, { rewriteResponseHeaders: rules }: HttpRoute): string {
  const rule = rules.find(({ header, prefix }) => header === name && value.startsWith(prefix));
  return rule === undefined ? value : rule.value + value.slice(rule.prefix.length);
}
