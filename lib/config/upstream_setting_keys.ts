import { count } from "./_global_types.ts";
import { type KeyTable, notYet, optional, pointless, served } from "./key_table.ts";
import { bad, good, type Parsed, type ValueType } from "./value_type.ts";
import { duration, flag, isMapping, listOf, mapping, oneOf, textAs } from "./value_types.ts";

const MAX_HEX_LENGTH = 8192;

/** Bytes in hexadecimal, or a mapping whose `text` is that. */
const hex: ValueType<string> = {
  label: "hexadecimal",
  unit: null,
  schema: { anyOf: [{ type: "string" }, { type: "object", properties: { text: { type: "string" } } }] },
  parse(value) {
    const text = isMapping(value) ? value.text : value;
    const isHex = typeof text === "string" && text.length <= MAX_HEX_LENGTH && /^([0-9a-f]{2})+$/i.test(text);
    return isHex ? good(text) : badValue("must be bytes in hexadecimal, as in 50494e47");
  },
};

/** Statuses from the first to before the second. */
const statusRange: ValueType<readonly [number, number]> = {
  label: "ranges of statuses",
  unit: null,
  schema: {
    type: "object",
    properties: { start: { type: "integer" }, end: { type: "integer" } },
    required: ["start", "end"],
  },
  parse(value) {
    const { start, end } = isMapping(value) ? value : { start: null, end: null };
    const isRange = Number.isInteger(start) && Number.isInteger(end) && Number(start) >= 100 &&
      Number(end) <= 600 && Number(start) < Number(end);
    return isRange ? good([Number(start), Number(end)] as const) : badValue(
      "must be ranges within 100 to 600, as in { start: 200, end: 300 }, which leaves out 300",
    );
  },
};

/** A percentage, from 0 to 100, also as a mapping whose `value` is that. */
export const percent: ValueType<number> = {
  label: "percent",
  unit: "%",
  schema: { anyOf: [{ type: "integer", minimum: 0, maximum: 100 }, { type: "object" }] },
  parse(value) {
    const number = isMapping(value) ? value.value : value;
    const isPercent = typeof number === "number" && number >= 0 && number <= 100;
    return isPercent ? good(number) : badValue("must be a number from 0 to 100");
  },
};

/** A whole number from 1. */
const atLeastOne: ValueType<number> = {
  ...count,
  schema: { type: "integer", minimum: 1 },
  parse(value) {
    const parsed = count.parse(value);
    return parsed.ok && parsed.value === 0 ? badValue("must be at least 1") : parsed;
  },
};

const path: ValueType<string> = textAs("path", (text) => {
  return /^\/[\x21-\x7e]{0,2047}$/.test(text) ? good(text) : badValue("must be a path, as in /healthz");
});

const hostField: ValueType<string> = textAs("host", (text) => {
  return /^[\w.:[\]-]{1,262}$/.test(text) ? good(text) : badValue("must be a host, or a host and a port");
});

/** Its length takes one byte in the question. */
const serviceName: ValueType<string> = textAs("text", (text) => {
  return /^[\x21-\x7e]{0,127}$/.test(text) ? good(text) : badValue("must be the name of a gRPC service");
});

const interval = duration({ minMs: 100 });
const jitter = duration({ minMs: 0 });

/** What `http_health_check` knows. */
export const httpHealthCheckKeys = {
  path: optional({ type: path, description: "What is asked for. Must be there." }),
  host: optional({ type: hostField, description: "`Host`. Without it: host and port of the service." }),
  expected_statuses: optional({
    type: listOf(statusRange),
    description: "Good answers, as in `[{ start: 200, end: 300 }]`, which leaves out 300. Without it: 200.",
  }),
  codec_client_type: served({
    type: oneOf<"http1" | "http2">({ HTTP1: "http1", HTTP2: "http2" }),
    absent: "HTTP1",
    description: "The version of HTTP.",
  }),
} satisfies KeyTable;

/** What `tcp_health_check` knows. */
export const tcpHealthCheckKeys = {
  send: optional({ type: hex, description: "What is sent. Without it: nothing." }),
  receive: served({
    type: listOf(hex),
    absent: [],
    description: "What the answer must hold, in this order. Without it: a connection is enough.",
  }),
} satisfies KeyTable;

/** What `grpc_health_check` knows. */
export const grpcHealthCheckKeys = {
  service_name: served({
    type: serviceName,
    absent: "",
    description: "What is asked about. Without it: the whole server.",
  }),
  authority: optional({
    type: hostField,
    description: "`:authority`. Without it: host and port of the service.",
  }),
} satisfies KeyTable;

/** What an entry of `health_checks` knows. */
export const healthCheckKeys = {
  http_health_check: optional({
    type: mapping("mapping", { $ref: "#/$defs/http_health_check" }),
    description: "Asks by HTTP. Each check has one of these three.",
  }),
  tcp_health_check: optional({
    type: mapping("mapping", { $ref: "#/$defs/tcp_health_check" }),
    description: "Connects, and may send and expect bytes; `{}` only connects.",
  }),
  grpc_health_check: optional({
    type: mapping("mapping", { $ref: "#/$defs/grpc_health_check" }),
    description: "Asks by `grpc.health.v1`.",
  }),
  timeout: served({ type: interval, absent: "5s", description: "For one check, connecting included." }),
  interval: served({ type: interval, absent: "10s", description: "From one check to the next." }),
  unhealthy_threshold: served({
    type: atLeastOne,
    absent: 2,
    description: "So many failures in a row make a service unhealthy; the first check of all counts at once.",
  }),
  healthy_threshold: served({
    type: atLeastOne,
    absent: 1,
    description: "So many successes in a row make it healthy again.",
  }),
  initial_jitter: served({ type: jitter, absent: "0", description: "Up to so much before the first check." }),
  interval_jitter: served({
    type: jitter,
    absent: "0",
    description: "Up to so much more before each other.",
  }),
  interval_jitter_percent: served({
    type: percent,
    absent: 0,
    description: "The same as a share of the interval.",
  }),
  unhealthy_interval: optional({ type: interval, description: "The interval while it is unhealthy." }),
  unhealthy_edge_interval: optional({ type: interval, description: "The one after it became unhealthy." }),
  healthy_edge_interval: optional({ type: interval, description: "The one after it became healthy." }),
  no_traffic_interval: optional({
    type: interval,
    description: "The one as long as nobody has used the route. Without it: `interval`.",
  }),
  no_traffic_healthy_interval: optional({
    type: interval,
    description: "The same while it is healthy. Without it: `no_traffic_interval`.",
  }),
  reuse_connection: served({
    type: flag,
    absent: true,
    description: "Whether one connection serves several checks.",
  }),
  always_log_health_check_failures: served({
    type: flag,
    absent: false,
    description: "Logs every failure, not only the one that changes something.",
  }),
  always_log_health_check_success: served({ type: flag, absent: false, description: "Logs every success." }),
} satisfies KeyTable;

/** What `outlier_detection` knows. */
export const outlierDetectionKeys = {
  consecutive_5xx: served({
    type: count,
    absent: 5,
    description: "After so many answers of 500 and above, or failed connections, in a row; 0: never.",
  }),
  consecutive_gateway_failure: served({
    type: count,
    absent: 0,
    description: "After so many answers of 502 to 504, or failed connections, in a row; 0: never.",
  }),
  interval: served({
    type: interval,
    absent: "10s",
    description: "Each one that goes well takes one `base_ejection_time` off the next time.",
  }),
  base_ejection_time: served({
    type: interval,
    absent: "30s",
    description: "How long a service is taken out, times how often it was already; at most 300s.",
  }),
  max_ejection_percent: served({
    type: percent,
    absent: 10,
    description:
      "No other is taken out while this share of the services is; the first always is, unless it is 0.",
  }),
  enforcing_consecutive_5xx: notYet,
  enforcing_success_rate: notYet,
  success_rate_minimum_hosts: notYet,
  success_rate_request_volume: notYet,
  success_rate_stdev_factor: notYet,
  enforcing_consecutive_gateway_failure: notYet,
  split_external_local_origin_errors: notYet,
  consecutive_local_origin_failure: notYet,
  enforcing_consecutive_local_origin_failure: notYet,
  enforcing_local_origin_success_rate: notYet,
  failure_percentage_threshold: notYet,
  enforcing_failure_percentage: notYet,
  enforcing_failure_percentage_local_origin: notYet,
  failure_percentage_minimum_hosts: notYet,
  failure_percentage_request_volume: notYet,
  max_ejection_time: notYet,
  max_ejection_time_jitter: notYet,
  successful_active_health_check_uneject_host: notYet,
  always_eject_one_host: notYet,
} satisfies KeyTable;

/** What `circuit_breaker_thresholds` knows. */
export const circuitBreakerKeys = {
  max_connections: optional({ type: count, description: "Open connections. Without it: any number." }),
  max_pending_requests: optional({
    type: count,
    description: "Connections that are being made. Without it: any number.",
  }),
  max_requests: optional({ type: count, description: "Requests and tunnels. Without it: any number." }),
  max_retries: optional({
    type: count,
    description: "Attempts on another service after a failed one. Without it: any number.",
  }),
  max_connection_pools: pointless("each route has one"),
} satisfies KeyTable;

function badValue<T>(message: string): Parsed<T> {
  return bad({ code: "config/bad-value", message });
}
