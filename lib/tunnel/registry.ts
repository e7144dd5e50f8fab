import type { Authority } from "../base/authority.ts";
import type { Clock } from "../base/clock.ts";
import type { RouteProtocol } from "../config/config.ts";
import type { HttpFacts, SshFacts } from "../policy/facts.ts";
import { Deadlines } from "./_deadlines.ts";
import { RunningTunnel } from "./_running_tunnel.ts";
import type { TunnelEnd, TunnelEndReason } from "./tunnel_end.ts";

/** What is known of a tunnel when it opens. */
export interface TunnelFacts {
  /** The request that opened it. */
  readonly id: string;
  /** Of the route. */
  readonly protocol: RouteProtocol;
  /** The route it goes through. */
  readonly routeId: string;
  /** The destination that was asked for. */
  readonly target: Authority;
  /** The request, for deciding anew, when it was one of HTTP; absent for a tunnel of CONNECT. */
  readonly http?: HttpFacts | undefined;
  /** The login, for deciding anew, when it came over SSH. */
  readonly ssh?: SshFacts | undefined;
  /** The service it goes to, as the `to` of the route names it. */
  readonly upstreamUrl: string;
  /** Address of the client, without port. */
  readonly ip: string;
  /** Those of the connection of the client, see `ConnectionFacts`: for deciding anew. */
  readonly clientCertificates: readonly Uint8Array<ArrayBuffer>[] | null;
  /** `null` when nobody needed to be signed in. */
  readonly sessionId: string | null;
  /** `null` when nobody needed to be signed in. */
  readonly userId: string | null;
  /** `null` when nobody needed to be signed in. */
  readonly email: string | null;
}

/** How a tunnel that is no more ended, for a client that asks. */
export interface PastTunnel {
  /** Only the same session may ask; `null`: nobody needed to be signed in. */
  readonly sessionId: string | null;
  /** Why it ended. */
  readonly reason: TunnelEndReason;
  /** What brought it about. */
  readonly detail: string | null;
}

/** How long a tunnel may live. */
export interface TunnelLimits {
  /** Nothing either way for so long ends it; 0 is unlimited. */
  readonly idleTimeoutMs: number;
  /** The tunnel may live so long; 0 is unlimited. */
  readonly maxDurationMs: number;
  /** When the session ends, in milliseconds since 1970-01-01T00:00:00Z; `null` without a session. */
  readonly sessionExpiresAt: number | null;
}

/** What a tunnel has moved so far. */
export interface TunnelCounters {
  /** From the client to the service. */
  bytesUp: number;
  /** From the service to the client. */
  bytesDown: number;
  /** Datagrams from the client to the service; 0 for a tunnel of bytes. */
  packetsUp: number;
  /** Datagrams from the service to the client; 0 for a tunnel of bytes. */
  packetsDown: number;
}

/** A tunnel as it is moved. */
export interface MovingTunnel {
  /** To be kept. */
  readonly counters: TunnelCounters;
  /** Aborted when something ends the tunnel; its `reason` is a {@link TunnelEndReason}. Made when it is first asked for. */
  readonly signal: AbortSignal;
  /** Has `end` called when something ends the tunnel, at once if it has already. Only the last `end` is called. */
  whenEnded(end: (reason: TunnelEndReason) => void): void;
}

/**
 * Moves what a tunnel carries, until it is over or something ends it. Keeps the counters, and closes both sides.
 *
 * @returns why it ended; never rejects
 */
export type MoveTunnel = (live: MovingTunnel) => Promise<TunnelEndReason>;

/** A tunnel that is open. */
export interface LiveTunnel extends TunnelFacts, Readonly<TunnelCounters> {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly openedAt: number;
}

/** So many ends are remembered, the latest. */
const MAX_PAST = 1000;

/** Tunnels by something they have in common. */
class Index {
  readonly #tunnels = new Map<string, Set<LiveTunnel>>();

  of(key: string): LiveTunnel[] {
    return [...this.#tunnels.get(key) ?? []];
  }

  add(key: string | null, tunnel: LiveTunnel): void {
    if (key === null) return;
    const tunnels = this.#tunnels.get(key) ?? new Set();
    this.#tunnels.set(key, tunnels.add(tunnel));
  }

  delete(key: string | null, tunnel: LiveTunnel): void {
    const tunnels = key === null ? undefined : this.#tunnels.get(key);
    tunnels?.delete(tunnel);
    if (tunnels?.size === 0) this.#tunnels.delete(key!);
  }
}

/** Every tunnel of this process, and the only place that ends one. */
export class TunnelRegistry {
  readonly #clock: Clock;
  readonly #live = new Map<string, RunningTunnel>();
  readonly #deadlines: Deadlines;
  readonly #past = new Map<string, PastTunnel>();
  readonly #bySession = new Index();
  readonly #byUser = new Index();
  readonly #whenEmpty: (() => void)[] = [];
  #closedFor: TunnelEndReason | null = null;

  /**
   * A registry without tunnels.
   *
   * @param clock for limits and durations
   */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock);
  }

  /** How many tunnels are live. */
  get size(): number {
    return this.#live.size;
  }

  /** Called with each tunnel once it is live. */
  onOpen: (tunnel: LiveTunnel) => void = () => {};

  /** Whether a tunnel is live. */
  has(id: string): boolean {
    return this.#live.has(id);
  }

  /** The live tunnels of a session. */
  ofSession(sessionId: string): LiveTunnel[] {
    return this.#bySession.of(sessionId);
  }

  /** The live tunnels of a user. */
  ofUser(userId: string): LiveTunnel[] {
    return this.#byUser.of(userId);
  }

  /** The live tunnels, oldest first. */
  list(): LiveTunnel[] {
    return [...this.#live.values()];
  }

  /**
   * Has a tunnel moved, and keeps it in the registry until it ends.
   *
   * @returns how it ended; never rejects
   */
  run(
    facts: TunnelFacts,
    { move, limits }: { move: MoveTunnel; limits: TunnelLimits },
  ): Promise<TunnelEnd> {
    const startedMs = this.#clock.monotonic();
    // At once: the client may ask before it has hung up.
    const onEnd = this.#rememberEnd;
    const tunnel = new RunningTunnel(facts, { limits, clock: this.#clock, onEnd });
    if (this.#closedFor !== null) tunnel.end(this.#closedFor);
    this.#live.set(tunnel.id, tunnel);
    this.#bySession.add(tunnel.sessionId, tunnel);
    this.#byUser.add(tunnel.userId, tunnel);
    this.onOpen(tunnel);
    this.#deadlines.add(tunnel);
    return move(tunnel).then((reason) => this.#over(tunnel, { reason, startedMs }));
  }

  #over(
    tunnel: RunningTunnel,
    { reason, startedMs }: { reason: TunnelEndReason; startedMs: number },
  ): TunnelEnd {
    const { id, sessionId, userId, counters, endReason, endDetail: detail } = tunnel;
    this.#deadlines.delete(tunnel);
    this.#live.delete(id);
    this.#bySession.delete(sessionId, tunnel);
    this.#byUser.delete(userId, tunnel);
    if (endReason === null) this.remember(id, { sessionId, reason, detail });
    if (this.#live.size === 0) this.#whenEmpty.splice(0).forEach((resolve) => resolve());
    return { reason, detail, ...counters, durationMs: Math.round(this.#clock.monotonic() - startedMs) };
  }

  /**
   * Ends one tunnel.
   *
   * @param detail what brought it about, for the trail and the client; never a secret
   * @returns whether it was live
   */
  end(id: string, reason: TunnelEndReason, detail?: string): boolean {
    const tunnel = this.#live.get(id);
    tunnel?.end(reason, detail);
    return tunnel !== undefined;
  }

  /** Ends every tunnel of a session. @returns how many there were */
  endSession(sessionId: string, reason: TunnelEndReason): number {
    const tunnels = this.ofSession(sessionId);
    for (const { id } of tunnels) this.end(id, reason);
    return tunnels.length;
  }

  /** How a tunnel ended that is no more, or `null`: the latest 1,000 are remembered. */
  pastTunnel(id: string): PastTunnel | null {
    return this.#past.get(id) ?? null;
  }

  readonly #rememberEnd = ({ id, sessionId, endReason, endDetail }: RunningTunnel): void =>
    this.remember(id, { sessionId, reason: endReason!, detail: endDetail });

  /** Ends every tunnel, and each that is still to come as soon as it does. @returns once the last one is gone */
  async endAll(reason: TunnelEndReason): Promise<void> {
    this.#closedFor = reason;
    for (const tunnel of this.#live.values()) tunnel.end(reason);
    await this.empty();
  }

  /** Waits until no tunnel is live. */
  async empty(): Promise<void> {
    if (this.#live.size === 0) return;
    await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  /** Keeps how a tunnel ended, for a client that asks; the latest 1,000 are kept. */
  remember(id: string, past: PastTunnel): void {
    this.#past.set(id, past);
    if (this.#past.size > MAX_PAST) this.#past.delete(this.#past.keys().next().value!);
  }
}
