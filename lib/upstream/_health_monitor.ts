import type { Clock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import type { HealthCheck } from "../config/upstream_settings.ts";
import type { Log } from "../observe/log.ts";
import type { Endpoint } from "./endpoint.ts";
import { type Probe, probeOf, type ProbeOpen } from "./_probe.ts";

/** What health checks work with. */
export interface HealthMonitorOptions {
  readonly routeName: string;
  readonly checks: readonly HealthCheck[];
  /** Whether anybody has used the route yet. */
  readonly hasTraffic: () => boolean;
  /** Connects to a service. */
  readonly open: (endpoint: Endpoint, options: Parameters<ProbeOpen>[0]) => ReturnType<ProbeOpen>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** Makes every check of a route on each of its services, over and over, until it is disposed. */
export class HealthMonitor implements Disposable {
  readonly #options: HealthMonitorOptions;
  readonly #loops = new Map<Endpoint, readonly HealthLoop[]>();

  /** Checks nothing yet. */
  constructor(options: HealthMonitorOptions) {
    this.#options = options;
  }

  /** Checks these services from now on: goes on with those that it knows, and begins anew with the others. */
  follow(endpoints: readonly Endpoint[]): void {
    for (const [endpoint, loops] of this.#loops) {
      if (endpoints.includes(endpoint)) continue;
      this.#loops.delete(endpoint);
      for (const loop of loops) loop[Symbol.dispose]();
    }
    for (const endpoint of endpoints) {
      if (this.#loops.has(endpoint)) continue;
      const loops = this.#options.checks.map((check) => new HealthLoop(check, endpoint, this.#options));
      this.#loops.set(endpoint, loops);
    }
  }

  /** Ends checks that are under way, too. */
  [Symbol.dispose](): void {
    this.follow([]);
  }
}

/** One check of one service. */
class HealthLoop implements Disposable {
  readonly #check: HealthCheck;
  readonly #endpoint: Endpoint;
  readonly #options: HealthMonitorOptions;
  readonly #probe: Probe;
  readonly #over = new AbortController();
  #timer: Disposable;
  /** How many times in a row the outcome was another than what the check says of the service. */
  #against = 0;

  constructor(check: HealthCheck, endpoint: Endpoint, options: HealthMonitorOptions) {
    this.#check = check;
    this.#endpoint = endpoint;
    this.#options = options;
    this.#probe = probeOf(check, {
      upstream: endpoint.upstream,
      open: (options) => this.#options.open(endpoint, options),
    });
    endpoint.health.set(this, "unchecked");
    this.#timer = this.#after(options.random() * check.initialJitterMs);
  }

  [Symbol.dispose](): void {
    this.#over.abort();
    this.#timer[Symbol.dispose]();
    this.#probe.close();
    this.#endpoint.health.delete(this);
  }

  #after(delayMs: number): Disposable {
    return this.#options.clock.timer(delayMs, () => void this.#run());
  }

  async #run(): Promise<void> {
    const failure = await this.#failure();
    if (this.#over.signal.aborted) return;
    const hasChanged = this.#note(failure === null);
    this.#tell(failure, hasChanged);
    const { intervalJitterMs, intervalJitterPercent } = this.#check;
    const intervalMs = this.#intervalMs(hasChanged);
    const jitterMs = intervalJitterMs + intervalMs * intervalJitterPercent / 100;
    this.#timer = this.#after(intervalMs + this.#options.random() * jitterMs);
  }

  async #failure(): Promise<string | null> {
    const late = new AbortController();
    using _timer = this.#options.clock.timer(this.#check.timeoutMs, () => late.abort());
    try {
      await this.#probe.check(AbortSignal.any([late.signal, this.#over.signal]));
      return null;
    } catch (error) {
      return late.signal.aborted ? "no answer in time" : errorMessage(error);
    }
  }

  /** The first outcome counts at once. @returns whether the check says something else of the service now */
  #note(isGood: boolean): boolean {
    const { healthyThreshold, unhealthyThreshold } = this.#check;
    const health = this.#endpoint.health.get(this);
    const said = isGood ? "healthy" : "unhealthy";
    this.#against = health === said ? 0 : this.#against + 1;
    const threshold = health === "unchecked" ? 1 : isGood ? healthyThreshold : unhealthyThreshold;
    if (health === said || this.#against < threshold) return false;
    this.#against = 0;
    this.#endpoint.health.set(this, said);
    this.#endpoint.publisher?.onHealth();
    return true;
  }

  #tell(failure: string | null, hasChanged: boolean): void {
    const { log, routeName: route } = this.#options;
    const { logsFailures, logsSuccesses, probe: { kind } } = this.#check;
    const fields = { route, upstream: this.#endpoint.upstream.url, check: kind };
    if (failure !== null && (hasChanged || logsFailures)) {
      log.warn(hasChanged ? "upstream unhealthy" : "health check failed", { ...fields, error: failure });
    } else if (failure === null && (hasChanged || logsSuccesses)) {
      log.info(hasChanged ? "upstream healthy" : "health check passed", fields);
    }
  }

  #intervalMs(hasChanged: boolean): number {
    const check = this.#check;
    const isHealthy = this.#endpoint.health.get(this) === "healthy";
    if (!this.#options.hasTraffic()) {
      return isHealthy ? check.noTrafficHealthyIntervalMs : check.noTrafficIntervalMs;
    }
    if (hasChanged) return isHealthy ? check.healthyEdgeIntervalMs : check.unhealthyEdgeIntervalMs;
    return isHealthy ? check.intervalMs : check.unhealthyIntervalMs;
  }
}
