import { isDeepStrictEqual } from "node:util";
import { formatHost } from "../base/authority.ts";
import type { Config, IdpSettings, Route, SshSettings, TokenIssuer } from "./config.ts";
import type { HttpGlobals } from "./http_settings.ts";
import { udpLimitTexts } from "./udp_limits.ts";

/** What taking one configuration in place of another changes. */
export interface ConfigChanges {
  /** Keys of the top level, without `routes` and `policy`. */
  readonly globals: readonly GlobalChange[];
  /** What happens to the routes. */
  readonly routes: {
    /** Only in the new one. */
    readonly added: readonly Route[];
    /** Only in the old one. */
    readonly removed: readonly Route[];
    /** In both, with other settings. */
    readonly changed: readonly RouteChange[];
    /** How many are the same in both. */
    readonly unchanged: number;
    /** Whether those in both stand in another order, which decides when several fit a request. */
    readonly isReordered: boolean;
  };
}

/** A key of the top level that has another value. Keys in a mapping are written `runtime_flags.name`. */
export interface GlobalChange {
  /** The key. */
  readonly key: string;
  /** The old value for people, or `not shown` for a secret. */
  readonly before: string;
  /** The new value for people, or `changed` for a secret. */
  readonly after: string;
}

/** A route with other settings. */
export interface RouteChange {
  /** With the old settings. */
  readonly before: Route;
  /** With the new ones. */
  readonly after: Route;
  /** The keys whose values differ, sorted. */
  readonly keys: readonly string[];
}

interface Shown {
  readonly key: string;
  /** Compared, and written for people. */
  readonly value: unknown;
  /** Compared only. */
  readonly isSecret?: true;
}

type Pair = readonly [before: Route, after: Route];

/**
 * Says what taking `next` in place of `old` changes. Routes are the same route when they have the same `from`; of
 * several with one `from`, those with the same id, and then those at the same position among the rest.
 *
 * What it returns names no secret of the top level; the settings of a route may hold some, so print only their keys.
 */
export function compareConfigs(old: Config, next: Config): ConfigChanges {
  const after = new Map(globalsOf(next).map((shown) => [shown.key, shown]));
  const globals = globalsOf(old).flatMap((before) => changeOf(before, after.get(before.key)!));
  const { pairs, added, removed } = pairRoutes(old.routes, next.routes);
  const changed = pairs.map(([before, after]) => ({ before, after, keys: differingKeys(before, after) }))
    .filter(({ keys }) => keys.length > 0);
  const positionOf = new Map(old.routes.map((route, index) => [route, index]));
  const positions = pairs.map(([before]) => positionOf.get(before)!);
  return {
    globals,
    routes: {
      added,
      removed,
      changed,
      unchanged: pairs.length - changed.length,
      isReordered: positions.some((position, index) => index > 0 && position < positions[index - 1]!),
    },
  };
}

/** Every setting of the top level. What is added to {@link Config} has to be added here. */
function globalsOf(config: Config): readonly Shown[] {
  const {
    cookie,
    timeouts,
    storeUnavailable,
    codecs,
    http,
    idp,
    ssh,
    file: _,
    digest: _digest,
    routes: _routes,
    ...rest
  } = config;
  const byField: Readonly<Record<keyof typeof rest, Shown>> = {
    address: { key: "address", value: addressText(config.address) },
    workers: { key: "workers", value: rest.workers },
    certificates: { key: "certificates", value: config.certificates, isSecret: true },
    certificateAuthorityPem: {
      key: "certificate_authority",
      value: rest.certificateAuthorityPem,
      isSecret: true,
    },
    circuitBreakers: {
      key: "circuit_breaker_thresholds",
      value: Object.entries(rest.circuitBreakers).map(([key, limit]) => `${key}: ${limit ?? "none"}`),
    },
    downstreamMtls: { key: "downstream_mtls", value: rest.downstreamMtls, isSecret: true },
    sessionRecordings: {
      key: "session_recordings",
      value: Object.entries(rest.sessionRecordings).map(([field, value]) =>
        `${field}: ${value ?? "default"}`
      ),
    },
    sharedSecret: { key: "shared_secret", value: rest.sharedSecret, isSecret: true },
    signingKeyPem: { key: "signing_key", value: rest.signingKeyPem, isSecret: true },
    sessionIdleTimeoutMs: { key: "session_idle_timeout", value: durationText(rest.sessionIdleTimeoutMs) },
    authenticateOrigin: { key: "authenticate_service_url", value: rest.authenticateOrigin },
    signOutRedirectUrl: { key: "signout_redirect_url", value: rest.signOutRedirectUrl },
    idpProvider: { key: "idp_provider", value: rest.idpProvider },
    jwtIssuerFormat: { key: "jwt_issuer_format", value: rest.jwtIssuerFormat },
    jwtClaimsHeaders: { key: "jwt_claims_headers", value: pairsText(rest.jwtClaimsHeaders) },
    bearerTokenFormat: { key: "bearer_token_format", value: rest.bearerTokenFormat },
    accessTokenAudiences: { key: "idp_access_token_allowed_audiences", value: rest.accessTokenAudiences },
    tokenIssuers: { key: "identity_providers", value: rest.tokenIssuers.map(issuerText) },
    programmaticRedirectHosts: {
      key: "programmatic_redirect_domain_whitelist",
      value: rest.programmaticRedirectHosts,
    },
    udpLimits: { key: "udp_limits", value: udpLimitTexts(rest.udpLimits) },
    logLevel: { key: "log_level", value: rest.logLevel },
    accessLogFields: { key: "access_log_fields", value: rest.accessLogFields },
    storage: { key: "databroker_storage_type", value: rest.storage, isSecret: true },
    hotReload: { key: "runtime_flags.config_hot_reload", value: rest.hotReload },
    matchAnyIncomingPort: { key: "runtime_flags.match_any_incoming_port", value: rest.matchAnyIncomingPort },
    routesPortal: { key: "runtime_flags.routes_portal", value: rest.routesPortal },
    allowsReverseTunnels: { key: "runtime_flags.ssh_upstream_tunnel", value: rest.allowsReverseTunnels },
  };
  const ofCookie: Readonly<Record<keyof typeof cookie, Shown>> = {
    name: { key: "cookie_name", value: cookie.name },
    domain: { key: "cookie_domain", value: cookie.domain },
    expireMs: { key: "cookie_expire", value: durationText(cookie.expireMs) },
    httpOnly: { key: "cookie_http_only", value: cookie.httpOnly },
    sameSite: { key: "cookie_same_site", value: cookie.sameSite },
  };
  const ofTimeouts: Readonly<Record<keyof typeof timeouts, Shown>> = {
    readMs: { key: "timeout_read", value: durationText(timeouts.readMs) },
    writeMs: { key: "timeout_write", value: durationText(timeouts.writeMs) },
    idleMs: { key: "timeout_idle", value: durationText(timeouts.idleMs) },
  };
  const ofStore: Readonly<Record<keyof typeof storeUnavailable, Shown>> = {
    mode: { key: "store_unavailable", value: storeUnavailable.mode },
    limitMs: { key: "store_unavailable_limit", value: durationText(storeUnavailable.limitMs) },
  };
  const ofCodecs: Readonly<Record<keyof typeof codecs, Shown>> = {
    type: { key: "codec_type", value: codecs.type },
    http3Address: { key: "http3_address", value: codecs.http3Address && addressText(codecs.http3Address) },
    http3AdvertisePort: { key: "http3_advertise_port", value: codecs.http3AdvertisePort },
  };
  const ofHttp: Readonly<Record<keyof HttpGlobals, Shown>> = {
    normalizesPath: { key: "normalize_path", value: http.normalizesPath },
    mergesSlashes: { key: "merge_slashes", value: http.mergesSlashes },
    escapedSlashes: { key: "path_with_escaped_slashes_action", value: http.escapedSlashes },
    underscores: { key: "headers_with_underscores_action", value: http.underscores },
    skipsForwardedFor: { key: "skip_xff_append", value: http.skipsForwardedFor },
    trustedHops: { key: "xff_num_trusted_hops", value: http.trustedHops },
    timeoutMs: { key: "default_upstream_timeout", value: durationText(http.timeoutMs) },
    upgrades: { key: "allow_upgrades", value: http.upgrades },
    passesIdentity: { key: "pass_identity_headers", value: http.passesIdentity },
    setResponseHeaders: {
      key: "set_response_headers",
      value: http.setResponseHeaders.map(([name, value]) => `${name}: ${value}`),
    },
  };
  const ofIdp: Readonly<Record<keyof IdpSettings, Shown>> = {
    url: { key: "idp_provider_url", value: idp?.url ?? null },
    clientId: { key: "idp_client_id", value: idp?.clientId ?? null },
    clientSecret: { key: "idp_client_secret", value: idp?.clientSecret ?? null, isSecret: true },
    scopes: { key: "idp_scopes", value: idp?.scopes ?? null },
    requestParams: { key: "idp_request_params", value: parametersText(idp?.requestParams ?? {}) },
  };
  const ofSsh: Readonly<Record<keyof SshSettings, Shown>> = {
    address: { key: "ssh_address", value: ssh && addressText(ssh.address) },
    hostKeys: { key: "ssh_host_keys", value: ssh?.hostKeys ?? [], isSecret: true },
    userCaKey: { key: "ssh_user_ca_key", value: ssh?.userCaKey ?? null, isSecret: true },
    allowsDirectTcpip: { key: "runtime_flags.ssh_allow_direct_tcpip", value: ssh?.allowsDirectTcpip ?? null },
    hasPortal: { key: "runtime_flags.ssh_routes_portal", value: ssh?.hasPortal ?? null },
  };
  return [byField, ofCookie, ofTimeouts, ofStore, ofCodecs, ofHttp, ofIdp, ofSsh].flatMap((fields) =>
    Object.values(fields)
  );
}

function parametersText(parameters: Readonly<Record<string, string>>): string {
  return new URLSearchParams(parameters).toString();
}

function pairsText(pairs: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(pairs).map(([name, value]) => `${name}: ${value}`);
}

function issuerText({ name, issuer, jwksUrl, algorithms, audiences }: TokenIssuer): string {
  return [name, issuer, ...jwksUrl === null ? [] : [jwksUrl], ...algorithms, ...audiences].join(" ");
}

function addressText({ hostname, port }: Config["address"]): string {
  return `${hostname === "" ? "" : formatHost(hostname)}:${port}`;
}

/** As a file would say it, in the largest unit in which it is exact. */
function durationText(ms: number): string {
  const units = [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1000]] as const;
  const [unit, size] = ms === 0 ? ["", 1] : units.find(([, size]) => ms % size === 0) ?? ["ms", 1];
  return `${ms / size}${unit}`;
}

function changeOf(before: Shown, after: Shown): GlobalChange[] {
  const { key, isSecret } = before;
  if (isDeepStrictEqual(before.value, after.value)) return [];
  if (isSecret) return [{ key, before: "not shown", after: "changed" }];
  return [{ key, before: textOf(before.value), after: textOf(after.value) }];
}

function textOf(value: unknown): string {
  if (value === null) return "not set";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

/** Pairs in the order of `next`. */
function pairRoutes(
  old: readonly Route[],
  next: readonly Route[],
): { pairs: readonly Pair[]; added: readonly Route[]; removed: readonly Route[] } {
  const partners = new Map<Route, Route>();
  const byFrom = Map.groupBy(next, ({ from }) => from.url);
  const left = [...Map.groupBy(old, ({ from }) => from.url)].flatMap(([from, before]) => {
    return pairGroup({ before, after: byFrom.get(from) ?? [], partners });
  });
  const removed = new Set(left);
  return {
    pairs: next.flatMap((route): Pair[] => partners.has(route) ? [[partners.get(route)!, route]] : []),
    added: next.filter((route) => !partners.has(route)),
    removed: old.filter((route) => removed.has(route)),
  };
}

/** Pairs routes of one `from`. @returns those of `before` that have no partner */
function pairGroup({ before, after, partners }: {
  before: readonly Route[];
  after: readonly Route[];
  partners: Map<Route, Route>;
}): Route[] {
  const byId = new Map(before.map((route) => [route.id, route]));
  for (const route of after) {
    const twin = byId.get(route.id);
    if (twin !== undefined) partners.set(route, twin);
  }
  const paired = new Set(after.map((route) => partners.get(route)));
  const left = before.filter((route) => !paired.has(route));
  for (const route of after.filter((route) => !partners.has(route))) {
    const partner = left.shift();
    if (partner !== undefined) partners.set(route, partner);
  }
  return left;
}

function differingKeys({ settings: before }: Route, { settings: after }: Route): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => !isDeepStrictEqual(before[key] ?? null, after[key] ?? null)).sort();
}
