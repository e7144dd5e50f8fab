import { describe, expect, it } from "vitest";
import { codesOf, load, oneRoute } from "./_load.ts";

async function routeOf(
  keys: Readonly<Record<string, unknown>>,
  globals: Readonly<Record<string, unknown>> = {},
) {
  const { config, complaints } = await load(JSON.stringify({ ...JSON.parse(oneRoute(keys)), ...globals }));
  expect(complaints.filter(({ severity }) => severity === "error")).toEqual([]);
  return config!.routes[0]!;
}

describe("loadConfig() reads how services share the work:", () => {
  it("the defaults", async () => {
    expect(await routeOf({})).toMatchObject({
      balancing: "ROUND_ROBIN",
      preserveHostHeader: true,
      healthChecks: [],
      healthyPanicThreshold: 50,
      outlierDetection: null,
      circuitBreakers: {
        maxConnections: null,
        maxPendingRequests: null,
        maxRequests: null,
        maxRetries: null,
      },
    });
  });

  it("limits of the route over those of the top level", async () => {
    const { circuitBreakers } = await routeOf(
      { circuit_breaker_thresholds: { max_connections: 5, max_retries: 0 } },
      { circuit_breaker_thresholds: { max_connections: 7, max_requests: 9 } },
    );
    expect(circuitBreakers).toEqual({
      maxConnections: 5,
      maxPendingRequests: null,
      maxRequests: 9,
      maxRetries: 0,
    });
  });

  it("outlier_detection, with the defaults of what is missing", async () => {
    const { outlierDetection } = await routeOf({ outlier_detection: { consecutive_5xx: 2, interval: "1s" } });
    expect(outlierDetection).toEqual({
      consecutive5xx: 2,
      consecutiveGatewayFailure: 0,
      intervalMs: 1000,
      baseEjectionTimeMs: 30_000,
      maxEjectionPercent: 10,
    });
  });

  it.each([
    [{ http_health_check: { path: "/up" } }, {
      kind: "http",
      path: "/up",
      host: null,
      expectedStatuses: [[200, 201]],
      codec: "http1",
    }],
    [{
      http_health_check: {
        path: "/up",
        host: "a.test:8080",
        expected_statuses: [{ start: 200, end: 300 }, { start: 401, end: 402 }],
        codec_client_type: "HTTP2",
      },
    }, {
      kind: "http",
      path: "/up",
      host: "a.test:8080",
      expectedStatuses: [[200, 300], [401, 402]],
      codec: "http2",
    }],
    [{ tcp_health_check: {} }, { kind: "tcp", send: "", receive: [] }],
    [{ tcp_health_check: { send: "50494e47", receive: ["2b", { text: "504f4e47" }] } }, {
      kind: "tcp",
      send: "50494e47",
      receive: ["2b", "504f4e47"],
    }],
    [{ tcp_health_check: { send: { text: "0d0a" } } }, { kind: "tcp", send: "0d0a", receive: [] }],
    [{ grpc_health_check: { service_name: "db.Reader", authority: "db.test" } }, {
      kind: "grpc",
      serviceName: "db.Reader",
      authority: "db.test",
    }],
  ])("the health check %j", async (check, probe) => {
    const { healthChecks } = await routeOf({ health_checks: [check] });
    expect(healthChecks.map((check) => check.probe)).toEqual([probe]);
  });

  it("the times of a health check, those that are missing after the others", async () => {
    const { healthChecks } = await routeOf({
      health_checks: [{
        tcp_health_check: {},
        timeout: "1s",
        interval: "7s",
        unhealthy_interval: "3s",
        no_traffic_interval: "60s",
        interval_jitter_percent: 20,
        reuse_connection: false,
      }],
    });
    expect(healthChecks[0]).toMatchObject({
      timeoutMs: 1000,
      intervalMs: 7000,
      unhealthyIntervalMs: 3000,
      unhealthyEdgeIntervalMs: 3000,
      healthyEdgeIntervalMs: 7000,
      noTrafficIntervalMs: 60_000,
      noTrafficHealthyIntervalMs: 60_000,
      intervalJitterPercent: 20,
      reusesConnection: false,
      unhealthyThreshold: 2,
      healthyThreshold: 1,
    });
  });
});

describe("loadConfig() refuses", () => {
  it.each([
    [{ load_balancing_policy: "BEST" }, "config/bad-value"],
    [{ healthy_panic_threshold: 101 }, "config/bad-value"],
    [{ circuit_breaker_thresholds: { max_connections: -1 } }, "config/wrong-type"],
    [{ health_checks: [{}] }, "config/conflict"],
    [{ health_checks: [{ tcp_health_check: {}, grpc_health_check: {} }] }, "config/conflict"],
    [{ health_checks: [{ http_health_check: {} }] }, "config/missing-key"],
    [{ health_checks: [{ http_health_check: { path: "/a b\r\nX: y" } }] }, "config/bad-value"],
    [{ health_checks: [{ http_health_check: { path: "/", host: "a\r\nb" } }] }, "config/bad-value"],
    [{ health_checks: [{ http_health_check: { path: "/", expected_statuses: [200] } }] }, "config/bad-value"],
    [{ health_checks: [{ tcp_health_check: { send: "xyz" } }] }, "config/bad-value"],
    [{ health_checks: [{ tcp_health_check: {}, interval: "1ms" }] }, "config/bad-value"],
    [{ health_checks: [{ tcp_health_check: {}, unhealthy_threshold: 0 }] }, "config/bad-value"],
    [{ health_checks: Array.from({ length: 11 }, () => ({ tcp_health_check: {} })) }, "config/bad-value"],
  ])("%j", async (keys, code) => {
    expect(codesOf(await load(oneRoute(keys)))).toContain(`error ${code}`);
  });
});

it("services of UDP routes are not checked", async () => {
  const { healthChecks, outlierDetection } = await routeOf({
    from: "udp+https://a.test:1",
    to: "udp://b:1",
    health_checks: [{ tcp_health_check: {} }],
    outlier_detection: {},
  });
  expect([healthChecks, outlierDetection]).toEqual([[], null]);
});

it("settings of outlier_detection that have no effect are told", async () => {
  const loaded = await load(oneRoute({ outlier_detection: { success_rate_minimum_hosts: 3, oops: 1 } }));
  expect(codesOf(loaded)).toEqual(["warning config/no-effect", "warning config/unknown-key"]);
});
