import type { Authority } from "../base/authority.ts";
import type { Clock } from "../base/clock.ts";
import type { RouteProtocol } from "../config/config.ts";
import type { HttpFacts, SshFacts } from "../policy/facts.ts";
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

/**
 * Moves what a tunnel carries, until it is over or `signal` ends it, whose `reason` is a {@link TunnelEndReason}. Keeps
 * `counters`, and closes both sides.
 *
 * @returns why it ended; never rejects
 */
export type MoveTunnel = (live: {
  readonly counters: TunnelCounters;
  readonly signal: AbortSignal;
}) => Promise<TunnelEndReason>;

/** A tunnel that is open. */
export interface LiveTunnel extends TunnelFacts, Readonly<TunnelCounters> {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly openedAt: number;
}

/** So many ends are remembered, the latest. */
const MAX_PAST = 1000;

interface Entry {
  readonly tunnel: LiveTunnel;
  /** Ends it, if nothing else has. */
  end(reason: TunnelEndReason, detail?: string): void;
}

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
  readonly #live = new Map<string, Entry>();
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
    return [...this.#live.values()].map(({ tunnel }) => tunnel);
  }

  /**
   * Has a tunnel moved, and keeps it in the registry until it ends.
   *
   * @returns how it ended; never rejects
   */
  async run(
    facts: TunnelFacts,
    { move, limits }: { move: MoveTunnel; limits: TunnelLimits },
  ): Promise<TunnelEnd> {
    const clock = this.#clock;
    const startedMs = clock.monotonic();
    const counters: TunnelCounters = { bytesUp: 0, bytesDown: 0, packetsUp: 0, packetsDown: 0 };
    const abort = new AbortController();
    let detail: string | null = null;
    const end = (reason: TunnelEndReason, why?: string) => {
      if (abort.signal.aborted) return;
      detail = why ?? null;
      // At once: the client may ask before it has hung up.
      this.#remember(facts, { reason, detail });
      abort.abort(reason);
    };
    if (this.#closedFor !== null) end(this.#closedFor);
    const tunnel = liveTunnel(facts, clock.now(), counters);
    this.#live.set(facts.id, { tunnel, end });
    this.#bySession.add(facts.sessionId, tunnel);
    this.#byUser.add(facts.userId, tunnel);
    this.onOpen(tunnel);
    using _timers = this.#limit(limits, counters, end);
    const reason = await move({ counters, signal: abort.signal });
    this.#live.delete(facts.id);
    this.#bySession.delete(facts.sessionId, tunnel);
    this.#byUser.delete(facts.userId, tunnel);
    if (!abort.signal.aborted) this.#remember(facts, { reason, detail });
    if (this.#live.size === 0) this.#whenEmpty.splice(0).forEach((resolve) => resolve());
    return { reason, detail, ...counters, durationMs: Math.round(clock.monotonic() - startedMs) };
  }

  /**
   * Ends one tunnel.
   *
   * @param detail what brought it about, for the trail and the client; never a secret
   * @returns whether it was live
   */
  end(id: string, reason: TunnelEndReason, detail?: string): boolean {
    const entry = this.#live.get(id);
    entry?.end(reason, detail);
    return entry !== undefined;
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

  /** Ends every tunnel, and each that is still to come as soon as it does. @returns once the last one is gone */
  async endAll(reason: TunnelEndReason): Promise<void> {
    this.#closedFor = reason;
    for (const { end } of this.#live.values()) end(reason);
    await this.empty();
  }

  /** Waits until no tunnel is live. */
  async empty(): Promise<void> {
    if (this.#live.size === 0) return;
    await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  #remember(facts: TunnelFacts, end: { reason: TunnelEndReason; detail: string | null }): void {
    this.#past.set(facts.id, { sessionId: facts.sessionId, ...end });
    if (this.#past.size > MAX_PAST) this.#past.delete(this.#past.keys().next().value!);
  }

  #limit(
    limits: TunnelLimits,
    counters: Readonly<TunnelCounters>,
    end: (r: TunnelEndReason) => void,
  ) {
    const clock = this.#clock;
    const timers = new DisposableStack();
    const after = (delayMs: number, reason: TunnelEndReason) =>
      timers.use(clock.timer(delayMs, () => end(reason)));
    if (limits.maxDurationMs > 0) after(limits.maxDurationMs, "time-limit");
    if (limits.sessionExpiresAt !== null) {
      after(Math.max(0, limits.sessionExpiresAt - clock.now()), "session-expired");
    }
    if (limits.idleTimeoutMs > 0) {
      // Eight looks a period instead of a timer for each packet: the end comes at most an eighth late.
      let lastTotal = -1;
      let quietMs = 0;
      const stepMs = Math.max(1, Math.ceil(limits.idleTimeoutMs / 8));
      const check = () => {
        // An empty datagram is traffic, too.
        const total = counters.bytesUp + counters.bytesDown + counters.packetsUp + counters.packetsDown;
        quietMs = total === lastTotal ? quietMs + stepMs : 0;
        lastTotal = total;
        if (quietMs >= limits.idleTimeoutMs) end("idle-timeout");
        else timer = clock.timer(stepMs, check);
      };
      let timer = clock.timer(stepMs, check);
      timers.defer(() => timer[Symbol.dispose]());
    }
    return timers;
  }
}

function liveTunnel(
  facts: TunnelFacts,
  openedAt: number,
  counters: Readonly<TunnelCounters>,
): LiveTunnel {
  return {
    ...facts,
    openedAt,
    get bytesUp() {
      return counters.bytesUp;
    },
    get bytesDown() {
      return counters.bytesDown;
    },
    get packetsUp() {
      return counters.packetsUp;
    },
    get packetsDown() {
      return counters.packetsDown;
    },
  };
}
