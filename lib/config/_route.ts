import { createHash } from "node:crypto";
import { type CompiledPolicy, compilePolicy } from "../policy/compile.ts";
import { PolicyError } from "../policy/errors.ts";
import { parsePolicy } from "../policy/parse.ts";
import { withCertificateRequired } from "../policy/client_certificate_rule.ts";
import { acceptedIssuers, type BearerDefaults, idpBearerOf } from "./_bearer.ts";
import { caught } from "./_caught.ts";
import { deepFreeze } from "./_freeze.ts";
import { reportPolicyFault } from "./_policy_fault.ts";
import { runPolicyTests, type TestCount } from "./_policy_tests.ts";
import { warnOfTraps } from "./_policy_traps.ts";
import type { Route, RouteFrom, Upstream } from "./config.ts";
import type { FileReader } from "./_files.ts";
import type { DownstreamMtls } from "./downstream_mtls.ts";
import { readRouteAuthorities } from "./_downstream_mtls.ts";
import { parseFrom } from "./from_url.ts";
import { buildHttpRoute } from "./_http_route.ts";
import type { HttpGlobals } from "./http_settings.ts";
import type { Values } from "./key_table.ts";
import { type MappingPlace, readKeys } from "./_read_keys.ts";
import { routeKeys } from "./route_keys.ts";
import { RouteUrlError } from "./route_url_error.ts";
import { type ProviderDefaults, readRouteClient } from "./_route_client.ts";
import { readIsRecorded } from "./_session_recording.ts";
import { readSshHostKeys } from "./_ssh_route.ts";
import { readUpstreamSettings, type UpstreamDefaults } from "./_upstream_route.ts";
import { buildUpstreams, checkSshUpstream } from "./_upstreams.ts";
import { readTunnelPolicy } from "./_upstream_tunnel.ts";

type RouteValues = Values<typeof routeKeys>;

/** Keys of which a route has exactly one: what happens with those who may come in. */
const TARGETS = ["to", "redirect", "response"] as const;
/** Keys that tell routes of the same `from` and `to` apart. */
const IDENTITY = ["prefix", "path", "regex", "redirect", "response"] as const;

/** A shorter one should not be chosen without being asked for (RFC 9298 section 3.1). */
const UDP_IDLE_TIMEOUT_MS = 120_000;

/** What all routes of a file have in common. */
export interface RouteContext {
  /** What a route from `https://host` without a port answers to; `null`: every port. */
  readonly httpPort: number | null;
  /** Of the tests of all routes. */
  readonly testCount: TestCount;
  /** Reads the files that routes name. */
  readonly files: FileReader;
  /** What routes say that do not say it themselves. */
  readonly defaults: {
    readonly upstream: UpstreamDefaults;
    readonly issuerFormat: "hostOnly" | "uri";
    readonly bearer: BearerDefaults;
    readonly provider: ProviderDefaults;
    readonly http: HttpGlobals;
    readonly mtls: Pick<DownstreamMtls, "authoritiesPem" | "enforcement">;
  };
}

/** Checks one route. @returns the route, or `null` when an error was reported */
export async function buildRoute(place: MappingPlace, context: RouteContext): Promise<Route | null> {
  const { httpPort, testCount, files, defaults } = context;
  const errorsBefore = place.report.errorCount;
  const values = readKeys(routeKeys, place);
  const from = buildFrom(values, { place, httpPort });
  const to = buildTo(values, place);
  const policy = buildPolicy(values, place);
  const tokenIssuers = acceptedIssuers(values, { place, defaults: defaults.bearer });
  const idpClient = readRouteClient(values, { place, provider: defaults.provider });
  const clientId = idpClient?.clientId ?? null;
  const idpBearer = idpBearerOf(values, { place, defaults: defaults.bearer, clientId });
  const http = from?.protocol === "http" ? buildHttpRoute(values, { place, defaults: defaults.http }) : null;
  const id = routeId(values, place);
  if (policy !== null) runPolicyTests(values.tests, { id, policy, place, count: testCount });
  if (from === null || to === null || policy === null) return null;
  checkSshUpstream(to, { from, place });
  const upstream = await readUpstreamSettings({ values, place, files }, { to, defaults: defaults.upstream });
  const tunnelPolicy = readTunnelPolicy(values, place);
  const ownAuthoritiesPem = await readRouteAuthorities(values, { place, files });
  const sshHostKeys = readSshHostKeys(values, { to, from, place });
  const isRecorded = readIsRecorded(values, place);
  if (place.report.errorCount > errorsBefore) return null;
  if (policy.isEmpty) {
    place.report.warn("config/denies-everyone", {
      message: "This route lets nobody in",
      hint: "say who may use it: with policy, or with a key that begins with allow",
      path: place.path,
    });
  }
  const clientAuthoritiesPem = ownAuthoritiesPem ?? defaults.mtls.authoritiesPem;
  const needsCertificate = clientAuthoritiesPem !== null && defaults.mtls.enforcement !== "policy";
  const required = (policy: CompiledPolicy) => needsCertificate ? withCertificateRequired(policy) : policy;
  return Object.freeze({
    id,
    name: values.name ?? from.url,
    description: values.description,
    logoUrl: values.logo_url,
    from,
    to,
    // A login by SSH never shows a certificate of TLS.
    policy: from.protocol === "ssh" ? policy : required(policy),
    timeoutMs: values.timeout,
    idleTimeoutMs: values.idle_timeout ?? (from.protocol === "udp" ? UDP_IDLE_TIMEOUT_MS : 0),
    maxSessionDurationMs: values.max_session_duration,
    showErrorDetails: values.show_error_details,
    sendProxyProtocol: values.send_proxy_protocol,
    ...upstream,
    upstreamTunnel: tunnelPolicy === null
      ? null
      : Object.freeze({ sshPolicy: tunnelPolicy, httpPolicy: required(tunnelPolicy) }),
    http,
    sshHostKeys,
    isRecorded,
    clientAuthoritiesPem,
    jwtIssuerFormat: values.jwt_issuer_format ?? defaults.issuerFormat,
    tokenIssuers,
    idpBearer,
    idpClient,
    settings: deepFreeze(place.mapping),
    line: place.report.lineOf(place.path),
  });
}

function buildFrom(
  { from: text }: RouteValues,
  { place, httpPort }: { place: MappingPlace; httpPort: number | null },
): RouteFrom | null {
  const path = [...place.path, "from"];
  if (text === null) {
    // A value of a wrong type was reported already.
    if (!isSet(place, "from")) {
      const hint = "say what it answers to, as in from: tcp+https://db.example.com:5432";
      place.report.error("config/missing-key", { message: "This route has no from", hint, path });
    }
    return null;
  }
  const from = caught(() => parseFrom(text, { httpPort }), RouteUrlError);
  if (from instanceof RouteUrlError) {
    place.report.error("config/bad-from", { message: from.message, hint: from.hint, path });
    return null;
  }
  if (/^http:/i.test(text)) {
    const message = "What is from http:// is reached by https:// only";
    place.report.warn("config/not-served", { message, hint: "write https://", path });
  }
  return from;
}

function buildTo({ to }: RouteValues, place: MappingPlace): readonly Upstream[] | null {
  const [first, second] = TARGETS.filter((key) => isSet(place, key));
  if (first === undefined) {
    const hint = isSet(place, "upstream_tunnel")
      ? "say where its publishers find the service, as in to: http://localhost:8080"
      : "say where to, as in to: tcp://10.0.0.5:5432";
    place.report.error("config/missing-key", { message: "This route leads nowhere", hint, path: place.path });
    return null;
  }
  if (second !== undefined) {
    place.report.error("config/conflict", {
      message: `This route has both ${first} and ${second}`,
      hint: "keep one of them",
      path: [...place.path, second],
      at: "key",
    });
    return null;
  }
  if (first !== "to") return Object.freeze([]);
  return to === null ? null : buildUpstreams(to, place);
}

function buildPolicy(values: RouteValues, place: MappingPlace): CompiledPolicy | null {
  const compiled = caught(() => {
    const policy = compilePolicy(parsePolicy(values.policy ?? []), {
      allowPublicUnauthenticatedAccess: values.allow_public_unauthenticated_access,
      allowAnyAuthenticatedUser: values.allow_any_authenticated_user,
      corsAllowPreflight: values.cors_allow_preflight,
      allowedUsers: values.allowed_users,
      allowedDomains: values.allowed_domains,
      allowedIdpClaims: values.allowed_idp_claims,
    });
    warnOfTraps(values.policy, { path: [...place.path, "policy"], report: place.report });
    return policy;
  }, PolicyError);
  if (!(compiled instanceof PolicyError)) return compiled;
  const base = compiled.relativeTo === "policy" ? [...place.path, "policy"] : place.path;
  reportPolicyFault(compiled, { report: place.report, path: base });
  return null;
}

function isSet({ mapping }: MappingPlace, key: string): boolean {
  return Object.hasOwn(mapping, key) && mapping[key] !== null;
}

/** A name for the route that stays the same as long as what makes it this route does. */
function routeId({ from, to }: RouteValues, { mapping }: MappingPlace): string {
  const identity = [from, to, ...IDENTITY.map((key) => mapping[key] ?? null)];
  return createHash("sha256").update(JSON.stringify(identity)).digest("hex").slice(0, 16);
}
