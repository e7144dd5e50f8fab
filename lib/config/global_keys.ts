import { defaultAccessLogFields } from "./access_log_fields.ts";
import type { StorageSettings } from "./config.ts";
import {
  address,
  base64Text,
  certificateFiles,
  cookieName,
  domain,
  httpsOrigin,
  issuerUrl,
  limited,
  pageUrl,
  provider,
  requestParameters,
  secretBytes,
  someText,
} from "./_global_types.ts";
import { bearerTokenFormat, claimHeaderNames, issuerFormat, tokenIssuers } from "./_identity_types.ts";
import { codecKeys } from "./_codec_keys.ts";
import { httpGlobalKeys } from "./_http_keys.ts";
import { recordingKeys } from "./_session_recording.ts";
import { sshKeys } from "./_ssh_keys.ts";
import { type KeyTable, notYet, optional, pointless, removed, served } from "./key_table.ts";
import { udpLimits } from "./udp_limits.ts";
import { workerCount } from "./workers.ts";
import { anything, duration, flag, listOf, mapping, oneOf, text } from "./value_types.ts";

const USE_DOWNSTREAM_MTLS = "use downstream_mtls, with ca or ca_file";
const USE_CLAIMS = "write a policy with claim/groups: directories are not read";
const USE_OTEL = "the keys that begin with otel_ took its place";
const ONE_PROCESS = "this gateway is one process, which has no others to find or to speak with";
const NO_PROXY = "this gateway dials by itself, there is no other proxy to set up";
const MADE_FROM_SHARED = "all keys of sessions and cookies are derived from shared_secret";

/** Every key that the configuration knows at its top level. */
export const globalKeys = {
  address: served({
    type: address,
    absent: ":443",
    description: "Where the gateway listens. Without a host: on all interfaces. Port 0: any free port.",
  }),
  routes: optional({
    type: listOf(anything("routes", { $ref: "#/$defs/route" })),
    description: "The routes, see below. The first one that matches is taken.",
  }),
  policy: optional({
    type: listOf(anything("routes", { $ref: "#/$defs/route" })),
    description: "An older name of `routes`. With both, the routes of this one come first.",
  }),
  insecure_server: served({
    type: limited(flag, (isOn) =>
      isOn
        ? {
          message: "cannot be true: callers reach this gateway by TLS only",
          hint: "remove it; without certificates the gateway makes one",
        }
        : null),
    absent: false,
    description: "Only `false`: the gateway always speaks TLS.",
  }),
  use_proxy_protocol: served({
    type: limited(flag, (isOn) =>
      isOn
        ? {
          message: "cannot be true: PROXY headers are not read in this version",
          hint: "let callers connect directly, or through what forwards TCP without such a header",
        }
        : null),
    absent: false,
    description: "Only `false`: the address of a caller is that of the connection.",
  }),
  workers: served({
    type: workerCount,
    absent: 1,
    description:
      "How many processes share the port, 1 to 64; `auto` is one for each processor. Read at the start only, see [operations.md](operations.md#several-processes-on-one-port).",
  }),
  ...codecKeys,
  ...httpGlobalKeys,
  ...sshKeys,
  ...recordingKeys,
  certificates: served({
    type: listOf(certificateFiles),
    absent: [],
    description:
      "Files of the certificates, and of their keys, that the gateway shows. Without any, it makes its own.",
  }),
  certificate_file: optional({ type: text, description: "File of one more certificate (PEM)." }),
  certificate_key_file: optional({ type: text, description: "File of the key of `certificate_file` (PEM)." }),
  certificate: optional({ type: base64Text, description: "One more certificate, in place." }),
  certificate_key: optional({
    type: base64Text,
    isSecret: true,
    description: "The key of `certificate`, in place.",
  }),
  certificate_authority_file: optional({
    type: text,
    description: "File of authorities (PEM) that are trusted for upstreams, beside those of the system.",
  }),
  certificate_authority: optional({ type: base64Text, description: "More such authorities, in place." }),
  shared_secret: optional({
    type: secretBytes,
    isSecret: true,
    description: "Signs sessions; at least 32 bytes. Without one, the gateway makes one and keeps it.",
  }),
  shared_secret_file: optional({ type: text, description: "File of the shared secret, in base64." }),
  signing_key: optional({
    type: base64Text,
    isSecret: true,
    description:
      "Signs the assertions about callers: a P-256 private key. Without one, the gateway makes one and keeps it.",
  }),
  signing_key_file: optional({ type: text, description: "File of the signing key (PEM)." }),
  authenticate_service_url: optional({
    type: httpsOrigin,
    description: "Where the sign-in pages are. Without it: on the host that the caller came to.",
  }),
  idp_provider: served({
    type: provider,
    absent: "local",
    description: "Who vouches for people: `local` is this gateway itself, `oidc` any OpenID provider.",
  }),
  idp_provider_url: optional({
    type: issuerUrl,
    description: "Where the provider is. Apple, Azure, GitHub, GitLab and Google are found without it.",
  }),
  idp_client_id: optional({ type: someText, description: "What the provider knows the gateway by." }),
  idp_client_secret: optional({
    type: someText,
    isSecret: true,
    description: "What the gateway proves that with.",
  }),
  idp_client_secret_file: optional({ type: text, description: "File of the client secret." }),
  idp_scopes: optional({
    type: listOf(someText),
    description: "What the provider is asked for. Without it: what suits the provider.",
  }),
  idp_request_params: served({
    type: requestParameters,
    absent: {},
    description: "Further parameters of the address at the provider that people are sent to.",
  }),
  signout_redirect_url: optional({
    type: pageUrl,
    description: "Where a browser goes after signing out. Without it: to a page of the gateway.",
  }),
  jwt_claims_headers: served({
    type: claimHeaderNames,
    absent: {},
    description:
      "Claims that services are told: headers and their claims, or claims alone, for headers `x-pomerium-claim-CLAIM`. Assertions hold them, too.",
  }),
  jwt_issuer_format: served({
    type: issuerFormat,
    absent: "hostOnly",
    description: "How the issuer of assertions is written: the host, or `https://` and the host.",
  }),
  bearer_token_format: served({
    type: bearerTokenFormat,
    absent: "default",
    description:
      "How `Authorization: Bearer` is read. `default`: not at all. `jwt`: as a token of one of `identity_providers`. `idp_identity_token`, `idp_access_token`: as an ID token or access token of `idp_provider`.",
  }),
  idp_access_token_allowed_audiences: optional({
    type: listOf(someText),
    description:
      "With `bearer_token_format: idp_access_token`: whom access tokens are for (`aud`); only signed ones are taken then. Without it: whatever the provider answers for.",
  }),
  identity_providers: served({
    type: tokenIssuers,
    absent: {},
    description:
      "Others whose bearer tokens say who is calling, by name: `issuer`, `audiences`, and if need be `jwks_url` and `supported_algs` (of RS256, ES256 and EdDSA).",
  }),
  programmatic_redirect_domain_whitelist: served({
    type: listOf(text),
    absent: ["localhost"],
    description: "Hosts to which a token may be sent after a sign-in; `localhost` is every loopback address.",
  }),
  cookie_name: served({ type: cookieName, absent: "_pomerium", description: "Name of the session cookie." }),
  cookie_domain: optional({
    type: domain,
    description: "Domain of the session cookie. Without it: the host that sets it.",
  }),
  cookie_expire: served({
    type: duration({ minMs: 1000 }),
    absent: "14h",
    description: "Life of a session, and of its cookie.",
  }),
  session_idle_timeout: served({
    type: duration({ minMs: 60_000, orZero: true }),
    absent: "0",
    description:
      "A session that was used by no request and no tunnel for so long is over, a minute later at most; at least 1m, 0 is unlimited. Service accounts are exempt.",
  }),
  cookie_http_only: served({
    type: flag,
    absent: true,
    description: "Keeps the session cookie from scripts.",
  }),
  cookie_same_site: optional({
    type: oneOf<"lax" | "strict" | "none" | null>({ lax: "lax", strict: "strict", none: "none", "": null }),
    description: "The SameSite attribute of the session cookie.",
  }),
  timeout_read: served({
    type: duration({ minMs: 1 }),
    absent: "30s",
    description: "Longest time to receive the head of a request.",
  }),
  timeout_write: served({
    type: duration({ minMs: 0 }),
    absent: "0",
    description: "Longest life of any tunnel or response; 0 is unlimited.",
  }),
  timeout_idle: served({
    type: duration({ minMs: 0 }),
    absent: "5m",
    description: "Longest time that a connection without requests is kept; 0 is unlimited.",
  }),
  databroker_storage_type: served({
    type: oneOf<StorageSettings["type"]>({
      file: "file",
      memory: "memory",
      postgres: "postgres",
      sqlite: "file",
    }),
    absent: "file",
    description:
      "Where users and sessions are kept: `file` (also `sqlite`), `memory`, or `postgres`, which several machines can share. Read at the start only.",
  }),
  databroker_storage_connection_string: optional({
    type: text,
    isSecret: true,
    description:
      "`postgres://user:password@host/database?sslmode=verify-full`; or, for files, `file:///folder`.",
  }),
  databroker_storage_connection_string_file: optional({
    type: text,
    description: "File of the connection string.",
  }),
  store_unavailable: served({
    type: oneOf<"keep" | "cut">({ keep: "keep", cut: "cut" }),
    absent: "keep",
    description: "What happens to open tunnels of people while the store cannot be asked.",
  }),
  store_unavailable_limit: served({
    type: duration({ minMs: 1000 }),
    absent: "15m",
    description: "How long such tunnels are kept.",
  }),
  udp_limits: served({
    type: udpLimits,
    absent: {},
    description:
      "Limits of UDP tunnels, see [udp.md](udp.md): `packets_per_second`, `bytes_per_second`, `tunnels_per_user`, `tunnels_per_route`, `max_tunnels`, `reply_ratio` and `mtu`.",
  }),
  log_level: served({
    type: oneOf<"trace" | "debug" | "info" | "warn" | "error">({
      trace: "trace",
      debug: "debug",
      info: "info",
      warn: "warn",
      warning: "warn",
      error: "error",
      critical: "error",
      dpanic: "error",
      panic: "error",
      fatal: "error",
      off: "error",
      disabled: "error",
    }),
    absent: "info",
    description: "Lines of the log below this level are dropped. What is above `error` counts as `error`.",
  }),
  access_log_fields: served({
    type: listOf(text),
    absent: defaultAccessLogFields,
    description: "Fields of the line that the log gets when a request or a tunnel ends.",
  }),
  runtime_flags: served({
    type: mapping("mapping to true or false", { $ref: "#/$defs/runtime_flags" }),
    absent: {},
    description: "Switches, see below.",
  }),

  downstream_mtls: served({
    type: mapping("mapping", { $ref: "#/$defs/downstream_mtls" }),
    absent: {},
    description: "Certificates of callers, see below and [mtls.md](mtls.md).",
  }),

  client_ca: removed(USE_DOWNSTREAM_MTLS),
  client_ca_file: removed(USE_DOWNSTREAM_MTLS),
  idp_service_account: removed(USE_CLAIMS),
  idp_refresh_directory_timeout: removed(USE_CLAIMS),
  idp_refresh_directory_interval: removed(USE_CLAIMS),
  idp_qps: removed(USE_CLAIMS),
  tracing_provider: removed(USE_OTEL),
  tracing_sample_rate: removed(USE_OTEL),
  tracing_datadog_address: removed(USE_OTEL),
  tracing_jaeger_agent_endpoint: removed(USE_OTEL),
  tracing_jaeger_collector_endpoint: removed(USE_OTEL),
  tracing_zipkin_endpoint: removed(USE_OTEL),

  cookie_secret: pointless(MADE_FROM_SHARED),
  cookie_secret_file: pointless(MADE_FROM_SHARED),
  services: pointless(ONE_PROCESS),
  grpc_address: pointless(ONE_PROCESS),
  grpc_insecure: pointless(ONE_PROCESS),
  grpc_client_timeout: pointless(ONE_PROCESS),
  authorize_service_url: pointless(ONE_PROCESS),
  authorize_service_urls: pointless(ONE_PROCESS),
  authorize_internal_service_url: pointless(ONE_PROCESS),
  authenticate_internal_service_url: pointless(ONE_PROCESS),
  databroker_service_url: pointless(ONE_PROCESS),
  databroker_service_urls: pointless(ONE_PROCESS),
  databroker_internal_service_url: pointless(ONE_PROCESS),
  tls_derive: pointless(ONE_PROCESS),
  override_certificate_name: pointless(ONE_PROCESS),
  envoy_bind_config_source_address: pointless(NO_PROXY),
  envoy_bind_config_freebind: pointless(NO_PROXY),
  proxy_log_level: pointless("there is one log, with the level of log_level"),
  authorize_log_fields: pointless("the fields of the audit trail are fixed"),

  http_redirect_addr: notYet,
  debug_address: notYet,
  health_check_addr: notYet,
  metrics_address: notYet,
  authenticate_callback_path: notYet,
  autocert: notYet,
  autocert_ca: notYet,
  autocert_email: notYet,
  autocert_use_staging: notYet,
  autocert_eab_key_id: notYet,
  autocert_eab_mac_key: notYet,
  autocert_must_staple: notYet,
  autocert_dir: notYet,
  autocert_trusted_ca: notYet,
  autocert_trusted_ca_file: notYet,
  dns_lookup_family: notYet,
  dns_resolvers: notYet,
  dns_query_timeout: notYet,
  dns_query_tries: notYet,
  dns_refresh_rate: notYet,
  dns_failure_refresh_rate: notYet,
  dns_udp_max_queries: notYet,
  dns_use_tcp: notYet,
  circuit_breaker_thresholds: served({
    type: mapping("mapping to numbers", { $ref: "#/$defs/circuit_breaker_thresholds" }),
    absent: {},
    description: "How much of what each route may have at once, see below.",
  }),
  metrics_basic_auth: notYet,
  metrics_certificate: notYet,
  metrics_certificate_key: notYet,
  metrics_certificate_file: notYet,
  metrics_certificate_key_file: notYet,
  metrics_client_ca: notYet,
  metrics_client_ca_file: notYet,
  otel_traces_exporter: notYet,
  otel_exporter_otlp_endpoint: notYet,
  otel_exporter_otlp_traces_endpoint: notYet,
  otel_exporter_otlp_protocol: notYet,
  otel_exporter_otlp_traces_protocol: notYet,
  otel_exporter_otlp_headers: notYet,
  otel_exporter_otlp_traces_headers: notYet,
  otel_exporter_otlp_timeout: notYet,
  otel_exporter_otlp_traces_timeout: notYet,
  otel_traces_sampler_arg: notYet,
  otel_resource_attributes: notYet,
  otel_bsp_schedule_delay: notYet,
  otel_bsp_max_export_batch_size: notYet,
  otel_attribute_value_length_limit: notYet,
  otel_log_level: notYet,
  databroker_cluster_node_id: notYet,
  databroker_cluster_nodes: notYet,
  databroker_raft_bind_address: notYet,
  blob_storage: notYet,
  session_recording_concurrency: notYet,
} satisfies KeyTable;
