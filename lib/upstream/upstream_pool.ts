import type { Clock } from "../base/clock.ts";
import { streamWith } from "../base/stream_with.ts";
import type { Route } from "../config/config.ts";
import type { Log } from "../observe/log.ts";
import type { Grant } from "../policy/grant.ts";
import { type Balancer, balancerOf } from "./balancer.ts";
import { type Breaker, Breakers } from "./_breakers.ts";
import { DialError } from "./dial_error.ts";
import { type Endpoint, endpointsOf, type EndpointState, publishedEndpoints } from "./endpoint.ts";
import { HealthMonitor } from "./_health_monitor.ts";
import { openPublished, openUpstream } from "./_open.ts";
import { Outliers } from "./_outliers.ts";
import { type PublishedFor, Publishers } from "./publishers.ts";
import { ReceiveBuffers } from "./_receive_buffers.ts";
import type { OpenOptions, UpstreamConnection } from "./upstream_connection.ts";

/** What came of a request: the status of the answer, a connection that broke before one, or nothing to be said. */
export type Outcome = { readonly status: number } | "broken" | "unknown";

/** A service that was chosen for one request or tunnel, which counts until it is done. */
export interface Lease {
  /** The same object for the same service, as long as the route leads to it. */
  readonly endpoint: Endpoint;
  /** Says that the request is over; to be called once, more calls do nothing. */
  done(outcome: Outcome): void;
}

/** How to choose a service. */
export interface LeaseOptions {
  /** What leads to the same service each time, with `RING_HASH` and `MAGLEV`; default: nothing. */
  readonly hashKey?: string | null;
  /** Services that have failed this request already; default: none. */
  readonly without?: ReadonlySet<Endpoint>;
}

/** How to connect to a service that was chosen. */
export type PoolOpenOptions = Omit<OpenOptions, "tls" | "signal"> & {
  /** Gives up when aborted; does nothing to the finished connection. */
  readonly signal?: AbortSignal;
  /** Name lookup, TLS and the way through a proxy included; default 10,000. */
  readonly timeoutMs?: number;
};

/** How to choose a service and connect to it. */
export type ConnectOptions = PoolOpenOptions & Pick<LeaseOptions, "hashKey">;

/** A connection, and the lease of its service, which is done when the stream is closed if not before. */
export interface PooledConnection extends UpstreamConnection, Lease {}

/** What a pool works with. */
export interface PoolParts {
  /** For health checks and for how long a service is taken out. */
  readonly clock: Clock;
  /** 0 (included) to 1 (excluded) at each call; no secret depends on it. Default `Math.random`. */
  readonly random?: () => number;
  /** Hears of services that come and go. */
  readonly log: Log;
  /** Who publishes the services of routes that have them published; default: nobody. */
  readonly publishers?: Publishers;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * The services of one route: spreads requests over them, leaves those out that do not do well, and bounds what there is at
 * once. Health checks run until it is disposed; connections that are open then stay open.
 */
export class UpstreamPool implements Disposable {
  /** For its UDP tunnels. */
  readonly receiveBuffers = new ReceiveBuffers();
  readonly #parts: Required<PoolParts>;
  #endpoints: readonly Endpoint[] = [];
  #publications: Disposable | null = null;
  readonly #breakers: Breakers;
  #route: Route;
  #balancer: Balancer<Endpoint>;
  #outliers: Outliers | null = null;
  #health: HealthMonitor | null = null;
  #hasTraffic = false;

  /** The services of a route; nothing is checked before {@link UpstreamPool.start}. */
  constructor(route: Route, parts: PoolParts) {
    this.#parts = { random: Math.random, publishers: new Publishers(), ...parts };
    this.#endpoints = this.#endpointsOf(route);
    this.#breakers = new Breakers(route.circuitBreakers);
    this.#route = route;
    this.#balancer = this.#balancerOf(route);
    this.#outliers = this.#outliersOf(route);
  }

  /** Begins with the health checks of the route, and follows those who publish its services. */
  start(): void {
    this.#health ??= this.#monitorOf(this.#route);
    this.#publications ??= this.#parts.publishers.watch(this.#route.id, () => this.#follow());
    this.#follow();
  }

  /** Goes on with other settings for the same services. @param route of the same id */
  update(route: Route): void {
    const before = this.#route;
    this.#route = route;
    this.#breakers.limits = route.circuitBreakers;
    if ((route.upstreamTunnel === null) !== (before.upstreamTunnel === null)) this.#follow();
    if (route.balancing !== before.balancing) this.#balancer = this.#balancerOf(route);
    if (differs(route.outlierDetection, before.outlierDetection)) {
      for (const endpoint of this.#endpoints) endpoint.ejectedUntil = 0;
      this.#outliers = this.#outliersOf(route);
    }
    if (differs([route.healthChecks, route.upstreamTls], [before.healthChecks, before.upstreamTls])) {
      this[Symbol.dispose]();
      this.start();
    }
  }

  /** How each service does, in the order of the configuration or of their publishers. */
  states(): readonly EndpointState[] {
    const now = this.#parts.clock.now();
    return this.#endpoints.map((endpoint) => endpoint.state(now));
  }

  /**
   * Chooses a service for one request.
   *
   * @param grant the policy's yes, for this route
   * @returns the lease; whoever has it says when it is done
   * @throws {DialError} `dial/limit`, `dial/no-healthy-upstream`, `dial/no-publisher`
   */
  acquire(grant: Grant, { hashKey = null, without = new Set() }: LeaseOptions = {}): Lease {
    this.#check(grant);
    const usable = this.#usable().filter((endpoint) => !without.has(endpoint));
    if (this.#endpoints.length === 0 && this.#route.upstreamTunnel !== null) {
      throw new DialError(
        "dial/no-publisher",
        `Nobody publishes the service of route ${this.#route.name} now`,
      );
    }
    if (usable.length === 0) {
      const message = `Route ${this.#route.name} has no upstream that can be used`;
      throw new DialError("dial/no-healthy-upstream", message);
    }
    const request = this.#take("maxRequests", "requests");
    return this.#lease(this.#balancer.pick(usable, hashKey), request);
  }

  /**
   * Connects to the service of a lease, which stays open whatever comes of it.
   *
   * @param grant the policy's yes, for this route
   * @returns the connection, which the caller closes
   * @throws {DialError}
   */
  open(grant: Grant, options: PoolOpenOptions & { endpoint: Endpoint }): Promise<UpstreamConnection> {
    return this.#open(grant, options);
  }

  async #open(
    grant: Grant,
    { endpoint, signal, timeoutMs = CONNECT_TIMEOUT_MS, onClose, ...options }: PoolOpenOptions & {
      endpoint: Endpoint;
      onClose?: () => void;
    },
  ): Promise<UpstreamConnection> {
    this.#check(grant);
    using held = new DisposableStack();
    const place = held.use(this.#take("maxConnections", "connections"));
    using _pending = this.#take("maxPendingRequests", "pending requests");
    // Not `AbortSignal.timeout`, which cannot be stopped and goes off long after the connection is there.
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    const either = signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]);
    try {
      const { http, sourceIp: ip } = grant.facts;
      const connection = await this.#openTo(endpoint, {
        ...options,
        tls: this.#route.upstreamTls,
        signal: either,
        for: { ip, path: http?.path ?? "" },
      });
      held.move();
      return counted(connection, { endpoint, place, onClose });
    } catch (error) {
      if (!signal?.aborted && isItsFault(error)) this.#report(endpoint, 503);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Chooses a service and connects to it; when that fails, to another, until none is left or the time is over.
   *
   * @param grant the policy's yes, for this route
   * @returns the connection, which the caller closes
   * @throws {DialError} the last failure
   */
  async connect(grant: Grant, options: ConnectOptions = {}): Promise<PooledConnection> {
    const { hashKey = null, timeoutMs = CONNECT_TIMEOUT_MS, ...rest } = options;
    const { clock } = this.#parts;
    const endAt = clock.monotonic() + timeoutMs;
    const without = new Set<Endpoint>();
    using retry = new DisposableStack();
    let lease = this.acquire(grant, { hashKey });
    for (;;) {
      const { endpoint, done } = lease;
      without.add(endpoint);
      // One that does not answer must leave time for the others.
      const others = this.#usable().filter((other) => !without.has(other)).length;
      const shareMs = Math.max(1, (endAt - clock.monotonic()) / (others + 1));
      try {
        const onClose = done.bind(null, "unknown");
        const connection = await this.#open(grant, { ...rest, endpoint, timeoutMs: shareMs, onClose });
        this.#report(endpoint, 200);
        return { ...connection, endpoint, done };
      } catch (error) {
        done("unknown");
        const isOver = options.signal?.aborted || clock.monotonic() >= endAt;
        const next = isOver || !isWorthARetry(error)
          ? null
          : this.#another(grant, { hashKey, without, retry });
        if (next === null) throw error;
        lease = next;
      }
    }
  }

  /** Ends the health checks. Can be started again. */
  [Symbol.dispose](): void {
    this.#publications?.[Symbol.dispose]();
    this.#publications = null;
    this.#health?.[Symbol.dispose]();
    this.#health = null;
  }

  /** Takes the services as they are now. */
  #follow(): void {
    const endpoints = this.#endpointsOf(this.#route);
    const isSame = endpoints.length === this.#endpoints.length &&
      endpoints.every((endpoint, i) => endpoint === this.#endpoints[i]);
    if (!isSame) {
      this.#endpoints = endpoints;
      this.#balancer = this.#balancerOf(this.#route);
      if (this.#outliers !== null) this.#outliers.endpoints = endpoints;
    }
    this.#health?.follow(endpoints);
  }

  /** A route's own services never change while it is the same route. */
  #endpointsOf({ id, to, upstreamTunnel }: Route): readonly Endpoint[] {
    const known = this.#endpoints;
    if (upstreamTunnel !== null) {
      return publishedEndpoints(to, { publishers: this.#parts.publishers.of(id), known });
    }
    return known.length > 0 && known.every(({ publisher }) => publisher === null) ? known : endpointsOf(to);
  }

  #openTo(
    { upstream, publisher }: Endpoint,
    { for: whom, ...options }: OpenOptions & { readonly for: PublishedFor },
  ): Promise<UpstreamConnection> {
    if (publisher === null) return openUpstream(upstream, options);
    const open = () => publisher.open(upstream, { for: whom, signal: options.signal });
    return openPublished(upstream, { ...options, open, address: publisher.id });
  }

  /** All of them, when too few are well: then it is rather the checks that are not. */
  #usable(): readonly Endpoint[] {
    const now = this.#parts.clock.now();
    const usable = this.#endpoints.filter((endpoint) => endpoint.isUsable(now));
    const percent = usable.length * 100 / this.#endpoints.length;
    return percent < this.#route.healthyPanicThreshold ? this.#endpoints : usable;
  }

  /** The lease for another attempt; `null` when there is nobody left, or too many try again already. */
  #another(
    grant: Grant,
    { retry, ...options }: { hashKey: string | null; without: ReadonlySet<Endpoint>; retry: DisposableStack },
  ): Lease | null {
    if (options.without.size === 1) {
      const slot = this.#breakers.take("maxRetries");
      if (slot === null) return null;
      retry.use(slot);
    }
    try {
      return this.acquire(grant, options);
    } catch (error) {
      if (error instanceof DialError) return null;
      throw error;
    }
  }

  #take(breaker: Breaker, what: string): Disposable {
    const taken = this.#breakers.take(breaker);
    if (taken !== null) return taken;
    const limit = this.#breakers.limits[breaker];
    throw new DialError(
      "dial/limit",
      `Route ${this.#route.name} has ${limit} ${what}, and may not have more`,
    );
  }

  #lease(endpoint: Endpoint, request: Disposable): Lease {
    this.#hasTraffic = true;
    endpoint.active++;
    return { endpoint, done: once((outcome) => this.#finish(endpoint, { request, outcome })) };
  }

  #finish(endpoint: Endpoint, { request, outcome }: { request: Disposable; outcome: Outcome }): void {
    endpoint.active--;
    request[Symbol.dispose]();
    if (outcome !== "unknown") this.#report(endpoint, outcome === "broken" ? 503 : outcome.status);
  }

  #report(endpoint: Endpoint, status: number): void {
    const { clock, log } = this.#parts;
    const ms = this.#outliers?.report(endpoint, { status, now: clock.now() }) ?? 0;
    if (ms === 0) return;
    log.warn("upstream taken out", {
      route: this.#route.name,
      upstream: endpoint.upstream.url,
      "for-ms": ms,
    });
  }

  #check(grant: Grant): void {
    if (grant.routeId === this.#route.id) return;
    throw new TypeError(`Cannot use a grant for route ${grant.routeId} on route ${this.#route.id}`);
  }

  #balancerOf({ balancing }: Route): Balancer<Endpoint> {
    return balancerOf(balancing, { candidates: this.#endpoints, random: this.#parts.random });
  }

  #outliersOf({ outlierDetection: settings }: Route): Outliers | null {
    return settings === null ? null : new Outliers(settings, this.#endpoints);
  }

  #monitorOf({ healthChecks: checks, upstreamTls: tls, name }: Route): HealthMonitor {
    return new HealthMonitor({
      ...this.#parts,
      routeName: name,
      checks,
      hasTraffic: () => this.#hasTraffic,
      open: (endpoint, options) => this.#openTo(endpoint, { ...options, tls, for: { ip: null, path: "" } }),
    });
  }
}

function isWorthARetry(error: unknown): boolean {
  return error instanceof DialError && error.code !== "dial/limit" && error.code !== "dial/proxy-loop";
}

/** What a proxy answers is about the destination, which the caller chose. */
function isItsFault(error: unknown): boolean {
  return error instanceof DialError && !error.code.startsWith("dial/proxy-");
}

/** The same connection, which counts until it is closed. Tunnels are many: what closing does is all that is kept for it. */
function counted(
  connection: UpstreamConnection,
  { endpoint, place, onClose }: { endpoint: Endpoint; place: Disposable; onClose: (() => void) | undefined },
): UpstreamConnection {
  const { stream } = connection;
  endpoint.connections++;
  const finish = once(() => {
    endpoint.connections--;
    place[Symbol.dispose]();
    onClose?.();
  });
  const close = () => {
    stream.close();
    finish();
  };
  return { ...connection, stream: streamWith(stream, { close }) };
}

function once<A extends unknown[]>(run: (...args: A) => void): (...args: A) => void {
  let isDone = false;
  return (...args) => {
    if (!isDone) run(...args);
    isDone = true;
  };
}

function differs(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) !== JSON.stringify(b);
}
