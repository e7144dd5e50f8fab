import type { HttpRoute } from "../../config/http_settings.ts";
import type { RawHeaders } from "../exchange.ts";
import { fieldPairs } from "../raw_headers.ts";
import { hopByHop } from "./field_names.ts";
import { isOwnCookie } from "./request_headers.ts";

const NONE: ReadonlySet<string> = new Set();

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
  const { setResponseHeaders: set } = http;
  const overwritten = set.length === 0 ? NONE : new Set(set.map(([name]) => name.toLowerCase()));
  const headers: string[] = [];
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    if (lower === "alt-svc" || lower === "x-request-id" || dropped.has(lower) || overwritten.has(lower)) {
      continue;
    }
    if (lower === "set-cookie" && isOwnCookie(cookieNameOf(value), cookieName)) continue;
    headers.push(name, rewritten(lower, value, http));
  }
  for (const [name, value] of set) headers.push(name, value);
  if (altSvc !== null && !overwritten.has("alt-svc")) headers.push("alt-svc", altSvc);
  headers.push("x-request-id", requestId);
  return headers;
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
