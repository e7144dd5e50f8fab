import type { OutlierDetection } from "../config/upstream_settings.ts";
import type { Endpoint } from "./endpoint.ts";

/** A service is never taken out for longer than this, or than the first time if that is longer. */
const MAX_EJECTION_MS = 300_000;

/** What is remembered of a service. */
interface Record {
  serverErrors: number;
  gatewayFailures: number;
  ejections: number;
}

/** Takes services out for a while that keep answering with errors. */
export class Outliers {
  /** All there are. */
  endpoints: readonly Endpoint[];
  readonly #settings: OutlierDetection;
  readonly #records = new WeakMap<Endpoint, Record>();

  /** Nobody is taken out yet. */
  constructor(settings: OutlierDetection, endpoints: readonly Endpoint[]) {
    this.#settings = settings;
    this.endpoints = endpoints;
  }

  /**
   * Counts an answer.
   *
   * @param status of the answer; a connection that could not be made or broke off counts as 503
   * @returns for how long the service is taken out from now on, in milliseconds; 0 when it is not
   */
  report(endpoint: Endpoint, { status, now }: { status: number; now: number }): number {
    const record = this.#recordOf(endpoint);
    record.serverErrors = status >= 500 ? record.serverErrors + 1 : 0;
    record.gatewayFailures = status >= 502 && status <= 504 ? record.gatewayFailures + 1 : 0;
    const { consecutive5xx, consecutiveGatewayFailure } = this.#settings;
    const isOut = reached(record.serverErrors, consecutive5xx) ||
      reached(record.gatewayFailures, consecutiveGatewayFailure);
    return isOut && endpoint.ejectedUntil <= now ? this.#eject(endpoint, now) : 0;
  }

  #eject(endpoint: Endpoint, now: number): number {
    const { baseEjectionTimeMs, maxEjectionPercent, intervalMs } = this.#settings;
    const ejected = this.endpoints.filter(({ ejectedUntil }) => ejectedUntil > now).length;
    if (ejected * 100 / this.endpoints.length >= maxEjectionPercent) return 0;
    const record = this.#recordOf(endpoint);
    const calmIntervals = Math.floor((now - endpoint.ejectedUntil) / intervalMs);
    record.ejections = Math.max(0, record.ejections - calmIntervals) + 1;
    record.serverErrors = 0;
    record.gatewayFailures = 0;
    const ms = Math.min(baseEjectionTimeMs * record.ejections, Math.max(MAX_EJECTION_MS, baseEjectionTimeMs));
    endpoint.ejectedUntil = now + ms;
    return ms;
  }

  #recordOf(endpoint: Endpoint): Record {
    const record = this.#records.get(endpoint) ?? { serverErrors: 0, gatewayFailures: 0, ejections: 0 };
    this.#records.set(endpoint, record);
    return record;
  }
}

function reached(count: number, threshold: number): boolean {
  return threshold > 0 && count >= threshold;
}
