import { describe, expect, it } from "vitest";
import type { GatewayStatus } from "../../../lib/http/control/control_services.ts";
import { mergeMetrics } from "../../../lib/http/control/merge_metrics.ts";
import { mergePlans } from "../../../lib/http/control/merge_plans.ts";
import { mergeStatus } from "../../../lib/http/control/merge_status.ts";

describe("mergeMetrics()", () => {
  const text = (tunnels: number, healthy: number, more = "") =>
    `# HELP sallyport_tunnels Open.\n# TYPE sallyport_tunnels gauge\nsallyport_tunnels ${tunnels}\n` +
    `# HELP sallyport_routes Routes.\n# TYPE sallyport_routes gauge\nsallyport_routes 3\n` +
    `# HELP sallyport_upstream_healthy Well.\n# TYPE sallyport_upstream_healthy gauge\n` +
    `sallyport_upstream_healthy{route="a b",upstream="tcp://x:1"} ${healthy}\n${more}`;

  it("sums, takes the worse of health, and what is the same in all once", () => {
    expect(mergeMetrics([text(1, 1), text(41, 0)])).toBe(text(42, 0));
  });

  it("keeps what only one has, in its family", () => {
    const more = '# HELP x X.\n# TYPE x histogram\nx_bucket{le="+Inf"} 2\nx_sum 0.5\nx_count 2\n';
    expect(mergeMetrics([text(1, 1, more), text(1, 1)])).toBe(text(2, 1, more));
    const other = 'sallyport_upstream_healthy{route="c",upstream="tcp://y:1"} 1\n';
    expect(mergeMetrics([text(1, 1), text(1, 1, other)])).toBe(text(2, 1, other));
  });

  it("takes what is known better in place of both", () => {
    expect(mergeMetrics([text(1, 1), text(2, 1)], { sallyport_tunnels: 7 })).toBe(text(7, 1));
  });
});

describe("mergeStatus()", () => {
  const upstream = (
    health: "healthy" | "unhealthy" | "unchecked",
    requests: number,
    ejectedUntil: number | null,
  ) => ({
    route: "r",
    url: "tcp://x:1",
    publisher: null,
    weight: 1,
    health,
    ejectedUntil,
    requests,
    connections: requests,
  });
  const status = (pid: number, upstreams: GatewayStatus["upstreams"]): GatewayStatus => ({
    version: "",
    pid,
    startedAt: pid * 1000,
    url: "https://localhost:8443",
    ssh: null,
    config: "inner",
    revision: 4,
    digest: "d",
    routes: 1,
    tunnels: pid,
    connections: pid * 2,
    upstreams,
    lastReload: null,
  });
  const own = { version: "1", pid: 9, startedAt: 5, config: "routes.yaml", lastReload: null };

  it("is that of the whole, and names its parts", () => {
    const parts = [
      [1, status(10, [upstream("healthy", 2, null)])],
      [
        3,
        status(30, [upstream("unchecked", 3, 77), { ...upstream("unhealthy", 1, null), publisher: "ssh:x" }]),
      ],
    ] as const;
    expect(mergeStatus(parts, own)).toEqual({
      ...own,
      url: "https://localhost:8443",
      ssh: null,
      revision: 4,
      digest: "d",
      routes: 1,
      tunnels: 40,
      connections: 80,
      upstreams: [upstream("healthy", 5, 77), { ...upstream("unhealthy", 1, null), publisher: "ssh:x" }],
      workers: [
        { number: 1, pid: 10, startedAt: 10_000, tunnels: 10, connections: 20 },
        { number: 3, pid: 30, startedAt: 30_000, tunnels: 30, connections: 60 },
      ],
    });
  });

  it("calls a service unhealthy as soon as one of them does", () => {
    const parts = [[1, status(1, [upstream("healthy", 0, null)])], [
      2,
      status(2, [upstream("unhealthy", 0, null)]),
    ]];
    expect(mergeStatus(parts as never, own).upstreams[0]!.health).toBe("unhealthy");
  });
});

describe("mergePlans()", () => {
  const plan = (id: string, tunnel: string) => ({
    id,
    revision: 1,
    ok: true,
    globals: [],
    routes: { added: [], removed: [], changed: [] },
    access: [{ user: "ann", gains: ["a"], loses: [] }],
    tunnels: [{ id: tunnel, user: null, host: "x:1", reason: "route-removed", detail: null }],
  });

  it("has the tunnels of all, and the rest once", () => {
    const merged = mergePlans([plan("1-a", "t1"), plan("1-a", "t2")]);
    expect(merged).toEqual({
      ...plan("1-a", "t1"),
      tunnels: [...plan("", "t1").tunnels, ...plan("", "t2").tunnels],
    });
  });

  it("refuses plans of different configurations", () => {
    expect(() => mergePlans([plan("1-a", "t1"), plan("2-a", "t2")])).toThrow(/changed meanwhile/);
  });
});
