import type { PathRule, RouteRedirect } from "../../config/http_settings.ts";
import type { CleanTarget } from "../request_path.ts";
import { replacedPrefix } from "./service_target.ts";

/** Where a redirect leads, from the URL of the request and its target. */
export function redirectUrl(
  redirect: RouteRedirect,
  { url, target, rule }: { url: URL; target: CleanTarget; rule: PathRule },
): string {
  const scheme = redirect.scheme ?? "https";
  const path = redirect.path === null
    ? target.path
    : redirect.path.kind === "whole"
    ? redirect.path.text
    : replacedPrefix(target.path, rule, redirect.path.text);
  const query = redirect.stripsQuery ? "" : target.query;
  const staysHere = redirect.host === null && scheme === "https";
  const port = redirect.port ?? (staysHere && url.port !== "" ? Number(url.port) : null);
  const host = redirect.host ?? url.hostname;
  const isUsual = port === null || port === (scheme === "https" ? 443 : 80);
  return `${scheme}://${host}${isUsual ? "" : `:${port}`}${path}${query}`;
}
