import type { Upstream } from "../../config/config.ts";
import type { HttpRoute, PathRule } from "../../config/http_settings.ts";
import type { CleanTarget } from "../request_path.ts";

const HOST = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, h2c: 80, https: 443 };

/**
 * The path and query that a service is asked for, without the session that may stand in the query.
 *
 * @throws {RangeError} when a rewritten path would be too long
 */
export function servicePath(http: HttpRoute, { path, query }: CleanTarget): string {
  return rewrittenPath(http, path) + withoutSession(query);
}

function rewrittenPath({ pathRewrite, path: rule }: HttpRoute, path: string): string {
  if (pathRewrite === null) return path;
  if (pathRewrite.kind === "prefix") return replacedPrefix(path, rule, pathRewrite.text);
  const rewritten = pathRewrite.rewrite(path);
  return rewritten.startsWith("/") ? rewritten : `/${rewritten}`;
}

/** Puts another prefix in the place of what the route matched; exactly one slash stands where they meet. */
export function replacedPrefix(path: string, rule: PathRule, prefix: string): string {
  const matched = "text" in rule ? rule.text : rule.kind === "any" ? "/" : path;
  const rest = path.slice(matched.length);
  if (prefix.endsWith("/") && rest.startsWith("/")) return prefix + rest.slice(1);
  const needsSlash = rest !== "" && !rest.startsWith("/") && matched.endsWith("/") && !prefix.endsWith("/");
  return prefix + (needsSlash ? "/" : "") + rest;
}

function withoutSession(query: string): string {
  if (query === "") return "";
  const kept = query.slice(1).split("&").filter((pair) => {
    const [name] = new URLSearchParams(pair).keys();
    return name !== "pomerium_session";
  });
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

/**
 * What the service is told as `Host`.
 *
 * @param options `host`: what the caller said; `header`: a header of the request, `null` when there is none
 * @returns `null` when what was made of the request is no host
 */
export function serviceHost(
  { hostRewrite }: HttpRoute,
  options: { upstream: Upstream; host: string; path: string; header: (name: string) => string | null },
): string | null {
  const checked = (host: string) => HOST.test(host) ? host : null;
  switch (hostRewrite.kind) {
    case "preserve":
      return checked(options.host);
    case "text":
      return hostRewrite.text;
    case "header":
      return checked(options.header(hostRewrite.name) ?? hostOf(options.upstream));
    case "path":
      return checked(hostRewrite.rewrite(options.path));
    case "service":
      return hostOf(options.upstream);
  }
}

function hostOf({ scheme, host, port, url }: Upstream): string {
  if (host === "") return "localhost";
  const written = host === "127.0.0.1" && /^[a-z0-9]+:\/\/(?:[^/@]*@)?localhost[:/]?/i.test(url)
    ? "localhost"
    : host;
  const bracketed = written.includes(":") ? `[${written}]` : written;
  return DEFAULT_PORTS[scheme] === port ? bracketed : `${bracketed}:${port}`;
}
