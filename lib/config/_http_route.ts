import { RegexError } from "../base/regex/regex_error.ts";
import { compileRewrite } from "../base/regex/rewrite.ts";
import { caught } from "./_caught.ts";
import type { HttpGlobals, HttpRoute, PathRule } from "./http_settings.ts";
import type { Values } from "./key_table.ts";
import type { MappingPlace } from "./_read_keys.ts";
import type { routeKeys } from "./route_keys.ts";
import type { globalKeys } from "./global_keys.ts";

type RouteValues = Values<typeof routeKeys>;

/** Reads what the top level says about HTTP routes. */
export function httpGlobals(values: Values<typeof globalKeys>): HttpGlobals {
  const headers = values.set_response_headers;
  return Object.freeze({
    normalizesPath: values.normalize_path,
    mergesSlashes: values.merge_slashes,
    escapedSlashes: values.path_with_escaped_slashes_action,
    underscores: values.headers_with_underscores_action,
    skipsForwardedFor: values.skip_xff_append,
    trustedHops: values.xff_num_trusted_hops,
    timeoutMs: values.default_upstream_timeout,
    upgrades: values.allow_upgrades,
    passesIdentity: values.pass_identity_headers,
    setResponseHeaders: isDisabled(headers) ? [] : headers,
  });
}

/** Reads what only HTTP routes have, and reports what contradicts itself in it. */
export function buildHttpRoute(
  values: RouteValues,
  { place, defaults }: { place: MappingPlace; defaults: HttpGlobals },
): HttpRoute {
  const upgrades = new Set(values.allow_upgrades ?? defaults.upgrades);
  if (values.allow_websockets) upgrades.add("websocket");
  if (values.allow_spdy) upgrades.add("spdy/3.1");
  const hasTimeout = values.timeout > 0 || Object.hasOwn(place.mapping, "timeout");
  const defaultTimeoutMs = values.allow_websockets ? 0 : defaults.timeoutMs;
  return Object.freeze({
    path: pathRule(values),
    redirect: values.redirect,
    response: values.response,
    isPublic: values.allow_public_unauthenticated_access,
    requestTimeoutMs: hasTimeout ? values.timeout : defaultTimeoutMs,
    upgrades,
    pathRewrite: pathRewrite(values, place),
    hostRewrite: hostRewrite(values, place),
    setRequestHeaders: values.set_request_headers,
    removeRequestHeaders: new Set(values.remove_request_headers.map((name) => name.toLowerCase())),
    setResponseHeaders: responseHeaders(values, defaults),
    rewriteResponseHeaders: values.rewrite_response_headers,
    passesIdentity: values.pass_identity_headers ?? defaults.passesIdentity,
  });
}

/** Of several, the regular expression counts, then the whole path. */
function pathRule({ path, prefix, regex }: RouteValues): PathRule {
  if (regex !== null) return { kind: "regex", matches: regex };
  if (path !== null) return { kind: "path", text: path };
  return prefix === null || prefix === "/" ? { kind: "any" } : { kind: "prefix", text: prefix };
}

function pathRewrite(values: RouteValues, place: MappingPlace): HttpRoute["pathRewrite"] {
  const { prefix_rewrite: prefix, regex_rewrite_pattern: pattern } = values;
  if (prefix !== null && pattern !== null) {
    place.report.error("config/conflict", {
      message: "This route has both prefix_rewrite and regex_rewrite_pattern",
      hint: "keep one of them",
      path: [...place.path, "regex_rewrite_pattern"],
      at: "key",
    });
  }
  if (prefix !== null) return { kind: "prefix", text: prefix };
  if (pattern !== null) {
    const substitution = values.regex_rewrite_substitution ?? "";
    const rewrite = rewriteOf("regex_rewrite", { pattern, substitution, place });
    return rewrite === null ? null : { kind: "regex", rewrite };
  }
  // The path of the first service is where the paths of requests begin there.
  const base = /^[a-z0-9+]+:\/\/[^/?#]*(\/[^?#,]*)/i.exec(values.to?.[0] ?? "")?.[1] ?? "/";
  return base === "/" || values.to?.[0]?.includes("unix:") ? null : { kind: "prefix", text: base };
}

function hostRewrite(values: RouteValues, place: MappingPlace): HttpRoute["hostRewrite"] {
  if (values.host_rewrite !== null) return { kind: "text", text: values.host_rewrite };
  if (values.host_rewrite_header !== null) {
    return { kind: "header", name: values.host_rewrite_header.toLowerCase() };
  }
  const pattern = values.host_path_regex_rewrite_pattern;
  if (pattern !== null) {
    const substitution = values.host_path_regex_rewrite_substitution ?? "";
    const rewrite = rewriteOf("host_path_regex_rewrite", { pattern, substitution, place });
    if (rewrite !== null) return { kind: "path", rewrite };
  }
  return place.mapping.preserve_host_header === true ? { kind: "preserve" } : { kind: "service" };
}

function rewriteOf(
  key: string,
  options: { pattern: string; substitution: string; place: MappingPlace },
): ((text: string) => string) | null {
  const { pattern, substitution, place } = options;
  // What stands in place of a match becomes part of a path or a host.
  const fault = /^[\x21-\x7e]*$/.test(substitution) && !/[?#]/.test(substitution)
    ? caught(() => compileRewrite(pattern, substitution), RegexError)
    : new RegexError("regex/unsupported", "The substitution has a character that is none of a path");
  if (!(fault instanceof RegexError)) return fault;
  const path = [...place.path, `${key}_pattern`];
  place.report.error("config/bad-value", { message: fault.message, hint: fault.hint, path });
  return null;
}

/** Those of the route win; one that is called `disable` leaves all out. */
function responseHeaders(values: RouteValues, defaults: HttpGlobals): HttpRoute["setResponseHeaders"] {
  const own = values.set_response_headers;
  if (isDisabled(own)) return [];
  const names = new Set(own.map(([name]) => name.toLowerCase()));
  return [...defaults.setResponseHeaders.filter(([name]) => !names.has(name.toLowerCase())), ...own];
}

function isDisabled(headers: HttpGlobals["setResponseHeaders"]): boolean {
  return headers.some(([name]) => name.toLowerCase() === "disable");
}
