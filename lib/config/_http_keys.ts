import {
  headerMap,
  headerName,
  headerTemplate,
  headerValue,
  hostText,
  pathPattern,
  pathText,
  redirect,
  response,
  responseRewrites,
  upgradeName,
} from "./_http_types.ts";
import { count, limited } from "./_global_types.ts";
import { type KeyTable, notYetFor, optional, pointless, served } from "./key_table.ts";
import { duration, flag, listOf, oneOf, text } from "./value_types.ts";

const DEFAULT_RESPONSE_HEADERS = {
  "X-Frame-Options": "SAMEORIGIN",
  "X-XSS-Protection": "1; mode=block",
  "Strict-Transport-Security": "max-age=31536000",
};
const MAX_TRUSTED_HOPS = 10;
const onHttp = notYetFor("http");

/** The keys of the top level that concern HTTP routes. */
export const httpGlobalKeys = {
  pass_identity_headers: served({
    type: flag,
    absent: false,
    description: "Tells services who is calling, on routes that do not say it.",
  }),
  set_response_headers: served({
    type: headerMap(headerValue),
    absent: DEFAULT_RESPONSE_HEADERS,
    description:
      "Header fields for callers of HTTP routes, in place of the services'. One called `disable` leaves all out.",
  }),
  headers_with_underscores_action: served({
    type: oneOf<"allow" | "reject" | "drop">({
      reject: "reject",
      drop: "drop",
      allow: "allow",
      reject_request: "reject",
      drop_header: "drop",
      REJECT_REQUEST: "reject",
      DROP_HEADER: "drop",
      ALLOW: "allow",
    }),
    absent: "reject",
    description: "What becomes of requests that have header fields with `_` in their name.",
  }),
  merge_slashes: served({ type: flag, absent: true, description: "Whether `//` in a path counts as `/`." }),
  normalize_path: served({
    type: flag,
    absent: true,
    description: "Takes dot segments out of paths. Otherwise requests that have some are refused.",
  }),
  path_with_escaped_slashes_action: served({
    type: oneOf<"keep" | "reject" | "redirect" | "forward">({
      reject_request: "reject",
      keep_unchanged: "keep",
      unescape_and_redirect: "redirect",
      unescape_and_forward: "forward",
      reject: "reject",
      REJECT_REQUEST: "reject",
      KEEP_UNCHANGED: "keep",
      UNESCAPE_AND_REDIRECT: "redirect",
      UNESCAPE_AND_FORWARD: "forward",
    }),
    absent: "reject_request",
    description: "What becomes of requests that have `%2F` or `%5C` in their path.",
  }),
  xff_num_trusted_hops: served({
    type: limited(
      count,
      (hops) =>
        hops > MAX_TRUSTED_HOPS
          ? {
            message: `cannot be more than ${MAX_TRUSTED_HOPS}`,
            hint: "count the proxies before the gateway",
          }
          : null,
    ),
    absent: 0,
    description:
      "How many proxies stand before the gateway. The address of a caller is then that entry of `X-Forwarded-For`, counted from its end; without as many entries, that of the connection. Only for a gateway that nobody reaches around them.",
  }),
  skip_xff_append: served({
    type: flag,
    absent: false,
    description: "Leaves `X-Forwarded-For` as the caller sent it.",
  }),
  allow_upgrades: served({
    type: listOf(upgradeName),
    absent: [],
    description: "The protocols that requests may go over to, on routes that do not say it.",
  }),
  default_upstream_timeout: served({
    type: duration({ minMs: 0 }),
    absent: "30s",
    description:
      "In which time requests of HTTP routes are to be answered, on routes that do not say it; 0 is any time.",
  }),
} satisfies KeyTable;

/** The keys of HTTP routes alone. */
export const httpRouteKeys = {
  redirect: optional({
    type: redirect,
    description:
      "Sends browsers elsewhere instead of leading to a service: `https_redirect`, `scheme_redirect`, `host_redirect`, `port_redirect`, `path_redirect` or `prefix_rewrite`, `strip_query`, and `response_code` (301).",
    protocols: ["http"],
  }),
  response: optional({
    type: response,
    description: "Answers by itself: `status` (200) and `body`.",
    protocols: ["http"],
  }),
  path: optional({ type: pathText, description: "The whole path that it answers to.", protocols: ["http"] }),
  prefix: optional({
    type: pathText,
    description: "What the paths that it answers to begin with.",
    protocols: ["http"],
  }),
  regex: optional({
    type: pathPattern,
    description: "A regular expression for the whole path that it answers to.",
    protocols: ["http"],
  }),
  regex_priority_order: pointless("routes are tried in the order of the file"),
  depends_on: onHttp,
  cors_allow_preflight: served({
    type: flag,
    absent: false,
    description:
      "Lets the questions in that browsers ask before requests of other sites, without signing in.",
    protocols: ["http"],
  }),
  cors_preflight: onHttp,
  pass_identity_headers: optional({
    type: flag,
    description: "Tells the service who is calling. Without it: as at the top level.",
    protocols: ["http"],
  }),
  jwt_groups_filter: onHttp,
  kubernetes_service_account_token: onHttp,
  kubernetes_service_account_token_file: onHttp,
  enable_google_cloud_serverless_authentication: onHttp,
  mcp: onHttp,
  allow_websockets: served({
    type: flag,
    absent: false,
    description: "Lets requests go over to WebSocket.",
    protocols: ["http"],
  }),
  allow_spdy: served({
    type: flag,
    absent: false,
    description: "Lets requests go over to SPDY.",
    protocols: ["http"],
  }),
  allow_upgrades: optional({
    type: listOf(upgradeName),
    description: "The protocols that requests may go over to. Without it: as at the top level.",
    protocols: ["http"],
  }),
  prefix_rewrite: optional({
    type: pathText,
    description: "What the path begins with for the service, in place of what the route matched.",
    protocols: ["http"],
  }),
  regex_rewrite_pattern: optional({
    type: text,
    description: "A regular expression; every match in the path is replaced for the service.",
    protocols: ["http"],
  }),
  regex_rewrite_substitution: optional({
    type: text,
    description: "What stands in place of a match; `\\1` is its first group.",
    protocols: ["http"],
  }),
  host_rewrite: optional({
    type: hostText,
    description: "What the service is told as `Host`.",
    protocols: ["http"],
  }),
  host_rewrite_header: optional({
    type: headerName,
    description: "The header of the request that says what the service is told as `Host`.",
    protocols: ["http"],
  }),
  host_path_regex_rewrite_pattern: optional({
    type: text,
    description: "A regular expression that makes the `Host` for the service out of the path.",
    protocols: ["http"],
  }),
  host_path_regex_rewrite_substitution: optional({
    type: text,
    description: "What stands in place of a match.",
    protocols: ["http"],
  }),
  set_request_headers: served({
    type: headerMap(headerTemplate),
    absent: {},
    description:
      "Header fields for the service, in place of the caller's. Values may hold tokens, see docs/http.md.",
    protocols: ["http"],
  }),
  remove_request_headers: served({
    type: listOf(headerName),
    absent: [],
    description: "Header fields that the service does not get.",
    protocols: ["http"],
  }),
  set_response_headers: served({
    type: headerMap(headerValue),
    absent: {},
    description:
      "Header fields for the caller, in place of the service's and beside those of the top level; one called `disable` leaves all out.",
    protocols: ["http"],
  }),
  rewrite_response_headers: served({
    type: responseRewrites,
    absent: [],
    description:
      "Replaces what a header field of the service begins with: a list of `header`, `prefix` and `value`.",
    protocols: ["http"],
  }),
} satisfies KeyTable;
