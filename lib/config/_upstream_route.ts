import type { CircuitBreakers, HealthCheck, HealthProbe, OutlierDetection } from "./upstream_settings.ts";
import type { Route, Upstream } from "./config.ts";
import { deepFreeze } from "./_freeze.ts";
import type { Values } from "./key_table.ts";
import { type MappingPlace, readKeys } from "./_read_keys.ts";
import type { Path } from "./_yaml_tree.ts";
import {
  circuitBreakerKeys,
  grpcHealthCheckKeys,
  healthCheckKeys,
  httpHealthCheckKeys,
  outlierDetectionKeys,
  tcpHealthCheckKeys,
} from "./upstream_setting_keys.ts";
import { readUpstreamTls, type TlsSources } from "./_upstream_tls.ts";

/** What routes say about their services that do not say it themselves. */
export interface UpstreamDefaults {
  /** Authorities trusted beside those of the system, in PEM. */
  readonly authoritiesPem: string | null;
  readonly circuitBreakers: CircuitBreakers;
}

type UpstreamSettings = Pick<
  Route,
  | "upstreamTls"
  | "preserveHostHeader"
  | "balancing"
  | "healthChecks"
  | "healthyPanicThreshold"
  | "outlierDetection"
  | "circuitBreakers"
>;

const MAX_HEALTH_CHECKS = 10;
const NO_LIMITS: CircuitBreakers = {
  maxConnections: null,
  maxPendingRequests: null,
  maxRequests: null,
  maxRetries: null,
};

/** Reads how the services of a route are reached; what is wrong is reported. */
export async function readUpstreamSettings(
  sources: TlsSources,
  { to, defaults }: { to: readonly Upstream[]; defaults: UpstreamDefaults },
): Promise<UpstreamSettings> {
  const { values, place } = sources;
  // On other routes they were reported already.
  const isChecked = place.protocol === "tcp" || place.protocol === "http";
  return {
    upstreamTls: await readUpstreamTls(sources, { to, authoritiesPem: defaults.authoritiesPem }),
    // To ask the next proxy of a tunnel for itself is seldom meant.
    preserveHostHeader: values.preserve_host_header ?? place.protocol !== "http",
    balancing: values.load_balancing_policy,
    healthChecks: deepFreeze(isChecked ? readHealthChecks(values.health_checks, place) : []),
    healthyPanicThreshold: values.healthy_panic_threshold,
    outlierDetection: isChecked ? readOutlierDetection(values.outlier_detection, place) : null,
    circuitBreakers: readCircuitBreakers(values.circuit_breaker_thresholds, {
      place,
      defaults: defaults.circuitBreakers,
    }),
  };
}

/** Reads the limits of a route or of the top level. @param options `defaults`: what counts for those that are missing */
export function readCircuitBreakers(
  mapping: Readonly<Record<string, unknown>>,
  { place, defaults = NO_LIMITS }: { place: MappingPlace; defaults?: CircuitBreakers },
): CircuitBreakers {
  const values = readKeys(circuitBreakerKeys, within("circuit_breaker_thresholds", { mapping, place }));
  return Object.freeze({
    maxConnections: values.max_connections ?? defaults.maxConnections,
    maxPendingRequests: values.max_pending_requests ?? defaults.maxPendingRequests,
    maxRequests: values.max_requests ?? defaults.maxRequests,
    maxRetries: values.max_retries ?? defaults.maxRetries,
  });
}

function readOutlierDetection(
  mapping: Readonly<Record<string, unknown>> | null,
  place: MappingPlace,
): OutlierDetection | null {
  if (mapping === null) return null;
  const values = readKeys(outlierDetectionKeys, within("outlier_detection", { mapping, place }));
  return Object.freeze({
    consecutive5xx: values.consecutive_5xx,
    consecutiveGatewayFailure: values.consecutive_gateway_failure,
    intervalMs: values.interval,
    baseEjectionTimeMs: values.base_ejection_time,
    maxEjectionPercent: values.max_ejection_percent,
  });
}

function readHealthChecks(
  entries: readonly Readonly<Record<string, unknown>>[],
  place: MappingPlace,
): readonly HealthCheck[] {
  if (entries.length > MAX_HEALTH_CHECKS) {
    const message = `A route may have ${MAX_HEALTH_CHECKS} health checks: found ${entries.length}`;
    place.report.error("config/bad-value", { message, path: [...place.path, "health_checks"] });
    return [];
  }
  return entries.flatMap((mapping, index) => {
    const path = [...place.path, "health_checks", index];
    const check = readHealthCheck({ mapping, path, report: place.report });
    return check === null ? [] : [check];
  });
}

function readHealthCheck(place: MappingPlace): HealthCheck | null {
  const values = readKeys(healthCheckKeys, place);
  const probe = readProbe(values, place);
  if (probe === null) return null;
  const { interval } = values;
  const noTrafficIntervalMs = values.no_traffic_interval ?? interval;
  return {
    probe,
    timeoutMs: values.timeout,
    intervalMs: interval,
    unhealthyThreshold: values.unhealthy_threshold,
    healthyThreshold: values.healthy_threshold,
    initialJitterMs: values.initial_jitter,
    intervalJitterMs: values.interval_jitter,
    intervalJitterPercent: values.interval_jitter_percent,
    unhealthyIntervalMs: values.unhealthy_interval ?? interval,
    unhealthyEdgeIntervalMs: values.unhealthy_edge_interval ?? values.unhealthy_interval ?? interval,
    healthyEdgeIntervalMs: values.healthy_edge_interval ?? interval,
    noTrafficIntervalMs,
    noTrafficHealthyIntervalMs: values.no_traffic_healthy_interval ?? noTrafficIntervalMs,
    reusesConnection: values.reuse_connection,
    logsFailures: values.always_log_health_check_failures,
    logsSuccesses: values.always_log_health_check_success,
  };
}

const PROBES = ["http_health_check", "tcp_health_check", "grpc_health_check"] as const;

function readProbe(values: Values<typeof healthCheckKeys>, place: MappingPlace): HealthProbe | null {
  const [key, second] = PROBES.filter((key) => Object.hasOwn(place.mapping, key));
  if (key === undefined || second !== undefined) {
    const message = `A health check has exactly one of ${PROBES.join(", ")}`;
    place.report.error("config/conflict", { message, path: place.path });
    return null;
  }
  const mapping = values[key];
  if (mapping === null) {
    // A value of a wrong type was reported already.
    if (place.mapping[key] === null) reportMissing(key, place);
    return null;
  }
  const probePlace = within(key, { mapping, place });
  if (key === "tcp_health_check") {
    const { send, receive } = readKeys(tcpHealthCheckKeys, probePlace);
    return { kind: "tcp", send: send ?? "", receive };
  }
  if (key === "grpc_health_check") {
    const { service_name: serviceName, authority } = readKeys(grpcHealthCheckKeys, probePlace);
    return { kind: "grpc", serviceName, authority };
  }
  const { path, host, expected_statuses, codec_client_type: codec } = readKeys(
    httpHealthCheckKeys,
    probePlace,
  );
  if (path !== null) {
    return { kind: "http", path, host, expectedStatuses: expected_statuses ?? [[200, 201]], codec };
  }
  reportMissing("path", probePlace);
  return null;
}

function within(
  key: string,
  { mapping, place }: { mapping: Readonly<Record<string, unknown>>; place: MappingPlace },
): MappingPlace {
  const path: Path = [...place.path, key];
  return { mapping, path, report: place.report };
}

/** A value that is there and wrong was reported already. */
function reportMissing(key: string, { mapping, path, report }: MappingPlace): void {
  if (Object.hasOwn(mapping, key) && mapping[key] !== null) return;
  report.error("config/missing-key", { message: `This health check has no ${key}`, path });
}
