import { describe, expect, it } from "vitest";
import type { OutlierDetection } from "../../lib/config/upstream_settings.ts";
import { parseTo } from "../../lib/config/to_url.ts";
import { endpointsOf } from "../../lib/upstream/endpoint.ts";
import { Outliers } from "../../lib/upstream/_outliers.ts";

const SETTINGS: OutlierDetection = {
  consecutive5xx: 3,
  consecutiveGatewayFailure: 0,
  intervalMs: 10_000,
  baseEjectionTimeMs: 30_000,
  maxEjectionPercent: 50,
};

function start(settings: Partial<OutlierDetection> = {}, count = 4) {
  const endpoints = endpointsOf(Array.from({ length: count }, (_, i) => parseTo(`tcp://s${i}:1`).upstream));
  const outliers = new Outliers({ ...SETTINGS, ...settings }, endpoints);
  /** For how long the last of these answers takes it out. */
  const report = (index: number, statuses: readonly number[], now = 0) =>
    statuses.map((status) => outliers.report(endpoints[index]!, { status, now })).at(-1);
  return { endpoints, report };
}

describe("Outliers", () => {
  it.each([
    [[500, 500, 500], 30_000],
    [[500, 503, 599], 30_000],
    [[500, 500], 0],
    [[500, 500, 200, 500, 500], 0],
    [[404, 404, 404], 0],
  ])("after %j take it out for %d ms", (statuses, ms) => {
    expect(start().report(0, statuses)).toBe(ms);
  });

  it.each([
    [[502, 503], 30_000],
    [[502, 500, 504], 0],
    [[500, 500, 500, 500], 0],
  ])("with consecutive_gateway_failure alone, after %j take it out for %d ms", (statuses, ms) => {
    expect(start({ consecutive5xx: 0, consecutiveGatewayFailure: 2 }).report(0, statuses)).toBe(ms);
  });

  it("say until when", () => {
    const { endpoints, report } = start();
    report(0, [500, 500, 500], 1000);
    expect([endpoints[0]!.isUsable(30_999), endpoints[0]!.isUsable(31_000)]).toEqual([false, true]);
  });

  it("take nobody else out while the share is reached", () => {
    const { report } = start();
    expect([0, 1, 2, 3].map((index) => report(index, [500, 500, 500]))).toEqual([30_000, 30_000, 0, 0]);
  });

  it.each([[10, 30_000], [0, 0]])(
    "with at most %d percent take the first one out for %d ms",
    (percent, ms) => {
      expect(start({ maxEjectionPercent: percent }).report(0, [500, 500, 500])).toBe(ms);
    },
  );

  it("take it out for longer each time, and for less after intervals that went well", () => {
    const { report } = start();
    const bad = [500, 500, 500];
    expect(report(0, bad, 0)).toBe(30_000);
    expect(report(0, bad, 30_000)).toBe(60_000);
    expect(report(0, bad, 90_000)).toBe(90_000);
    expect(report(0, bad, 200_000)).toBe(90_000 - 2 * 30_000 + 30_000);
  });

  it("take it out for 300 s at most", () => {
    const { report } = start();
    let now = 0;
    const times = Array.from({ length: 12 }, () => {
      const ms = report(0, [500, 500, 500], now)!;
      now += ms;
      return ms;
    });
    expect(times.slice(-3)).toEqual([300_000, 300_000, 300_000]);
  });
});
