import { downstreamMtlsKeys } from "../lib/config/downstream_mtls_keys.ts";
import { globalKeys } from "../lib/config/global_keys.ts";
import type { KeyTable, ServedKey, UnservedKey } from "../lib/config/key_table.ts";
import { policyTestKeys } from "../lib/config/policy_test_keys.ts";
import { routeKeys } from "../lib/config/route_keys.ts";
import { runtimeFlagKeys } from "../lib/config/runtime_flags.ts";
import { sessionRecordingKeys, sessionRecordingsKeys } from "../lib/config/session_recording_keys.ts";
import {
  circuitBreakerKeys,
  grpcHealthCheckKeys,
  healthCheckKeys,
  httpHealthCheckKeys,
  outlierDetectionKeys,
  tcpHealthCheckKeys,
} from "../lib/config/upstream_setting_keys.ts";
import { upstreamTunnelKeys } from "../lib/config/upstream_tunnel_keys.ts";
import type { JsonSchema } from "../lib/config/value_type.ts";

/** Where the schema is kept. */
export const configurationSchema = new URL("../docs/routes.schema.json", import.meta.url);

const SCALAR = { type: ["string", "integer", "boolean"] };
const SCALARS = { type: "array", items: SCALAR };
const ONE_OR_MORE = { anyOf: [SCALAR, SCALARS] };
const ANYTHING = {};
const NAME_FILTER = { type: "string", pattern: "^[^=]+=" };

/** The criteria of the policy language, with what they compare with. */
const CRITERIA: Readonly<Record<string, JsonSchema>> = {
  accept: { description: "Always true.", ...ANYTHING },
  reject: { description: "Never true.", ...ANYTHING },
  authenticated_user: { description: "Someone is signed in.", ...ANYTHING },
  email: { description: "The email.", $ref: "#/$defs/text_matcher" },
  domain: { description: "What follows the @ of the email.", $ref: "#/$defs/text_matcher" },
  user: { description: "The user id.", $ref: "#/$defs/text_matcher" },
  groups: { description: "The groups of the user.", $ref: "#/$defs/list_matcher" },
  source_ip: {
    description: "The address of the caller: an address or CIDR block, or a list.",
    ...ONE_OR_MORE,
  },
  date: { description: "A day, or after and before with times.", ...textOr("after", "before") },
  day_of_week: {
    description: "Days, as in mon-fri.",
    anyOf: [SCALAR, SCALARS, {
      ...objectOf("timezone"),
      properties: { days: ONE_OR_MORE, timezone: SCALAR },
    }],
  },
  time_of_day: { description: "A time of day, in a time zone.", ...objectOf("after", "before", "timezone") },
  http_method: { description: "The method of the request.", $ref: "#/$defs/text_matcher" },
  http_path: { description: "The path of the request.", $ref: "#/$defs/text_matcher" },
  cors_preflight: { description: "A CORS preflight request.", ...ANYTHING },
  mcp_tool: { description: "The tool that is called.", $ref: "#/$defs/text_matcher" },
  client_certificate: {
    description: "The client certificate.",
    type: "object",
    properties: {
      fingerprint: ONE_OR_MORE,
      spki_hash: ONE_OR_MORE,
      san_dns: { $ref: "#/$defs/text_matcher" },
      san_email: { $ref: "#/$defs/text_matcher" },
      san_uri: { $ref: "#/$defs/text_matcher" },
      issuer: NAME_FILTER,
      subject: NAME_FILTER,
    },
    additionalProperties: false,
    minProperties: 1,
  },
  invalid_client_certificate: { description: "No client certificate that is trusted.", ...ANYTHING },
  device: { description: "The device of the session.", ...objectOf("is", "approved", "type") },
  ssh_publickey: { description: "The key of the caller, as in authorized_keys.", ...ONE_OR_MORE },
  ssh_ca: { description: "The authority of the certificate of the caller.", ...ONE_OR_MORE },
  ssh_username: { description: "The login name.", $ref: "#/$defs/text_matcher" },
  ssh_username_matches_email: {
    description: "The login name is what precedes the @ of the email.",
    ...ANYTHING,
  },
  ssh_username_matches_claim: { description: "The login name is a value of this claim.", ...SCALAR },
  all_of: { description: "Every one of these is true.", $ref: "#/$defs/criteria" },
  any_of: { description: "At least one of these is true.", $ref: "#/$defs/criteria" },
  none_of: { description: "None of these is true.", $ref: "#/$defs/criteria" },
};

/** The schema of `routes.yaml` for editors, from the tables that the loader reads by. Formatted as `deno fmt` does. */
export function renderConfigurationSchema(): string {
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Configuration of Sallyport",
    ...tableSchema(globalKeys),
    $defs: {
      route: { ...tableSchema(routeKeys), required: ["from"] },
      test: { ...tableSchema(policyTestKeys), required: ["expect"] },
      runtime_flags: tableSchema(runtimeFlagKeys),
      downstream_mtls: tableSchema(downstreamMtlsKeys),
      health_check: tableSchema(healthCheckKeys),
      http_health_check: { ...tableSchema(httpHealthCheckKeys), required: ["path"] },
      tcp_health_check: tableSchema(tcpHealthCheckKeys),
      grpc_health_check: tableSchema(grpcHealthCheckKeys),
      outlier_detection: tableSchema(outlierDetectionKeys),
      circuit_breaker_thresholds: tableSchema(circuitBreakerKeys),
      upstream_tunnel: tableSchema(upstreamTunnelKeys),
      session_recordings: tableSchema(sessionRecordingsKeys),
      session_recording: tableSchema(sessionRecordingKeys),
      ...policySchemas(),
    },
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function tableSchema(table: KeyTable): JsonSchema {
  const properties = Object.entries(table).map(([name, key]) => [name, keySchema(key)]);
  return { type: "object", properties: Object.fromEntries(properties), additionalProperties: false };
}

function keySchema(key: ServedKey<unknown> | UnservedKey): JsonSchema {
  switch (key.status) {
    case "served":
      return {
        description: key.description.replaceAll("`", ""),
        ...key.type.schema,
        ...(key.absent === null ? {} : { default: key.absent }),
      };
    case "not-yet":
      return { description: "Has no effect in this version." };
    case "pointless":
      return { description: `Has no effect: ${key.because}.` };
    case "unenforced":
      return { description: "Refused: it is not enforced in this version.", not: {} };
    case "removed":
      return { description: `Removed: ${key.instead}.`, not: {} };
  }
}

function policySchemas(): JsonSchema {
  return {
    policy: { anyOf: [{ $ref: "#/$defs/rule" }, { type: "array", items: { $ref: "#/$defs/rule" } }] },
    rule: mappingOf({ allow: { $ref: "#/$defs/block" }, deny: { $ref: "#/$defs/block" } }),
    block: mappingOf({
      and: { description: "Every one is true.", $ref: "#/$defs/criteria" },
      or: { description: "At least one is true.", $ref: "#/$defs/criteria" },
      not: { description: "Every one is false.", $ref: "#/$defs/criteria" },
      nor: { description: "At least one is false.", $ref: "#/$defs/criteria" },
      action: { description: "Not looked at." },
    }),
    criteria: { type: "array", items: { $ref: "#/$defs/criterion" } },
    criterion: {
      ...mappingOf(CRITERIA),
      patternProperties: { "^claim/.": { $ref: "#/$defs/list_matcher" } },
      minProperties: 1,
      maxProperties: 1,
    },
    text_matcher: matcher({
      is: SCALAR,
      not: SCALAR,
      contains: SCALAR,
      starts_with: SCALAR,
      ends_with: SCALAR,
      in: SCALARS,
      not_in: SCALARS,
      matches: { type: "string" },
    }),
    list_matcher: matcher({ has: SCALAR, is: SCALAR, exclude: SCALAR, matches: { type: "string" } }),
  };
}

function matcher(properties: JsonSchema): JsonSchema {
  const keys = mappingOf({ ...properties, ignore_case: { type: "boolean" } });
  return { anyOf: [SCALAR, { ...keys, minProperties: 1 }] };
}

function mappingOf(properties: JsonSchema): JsonSchema {
  return { type: "object", properties, additionalProperties: false };
}

function objectOf(...keys: string[]): JsonSchema {
  return mappingOf(Object.fromEntries(keys.map((key) => [key, SCALAR])));
}

function textOr(...keys: string[]): JsonSchema {
  return { anyOf: [SCALAR, objectOf(...keys)] };
}
