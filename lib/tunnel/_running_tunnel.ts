import type { Authority } from "../base/authority.ts";
import type { Clock } from "../base/clock.ts";
import type { RouteProtocol } from "../config/config.ts";
import type { HttpFacts, SshFacts } from "../policy/facts.ts";
import type { Due } from "./_deadlines.ts";
import type { LiveTunnel, MovingTunnel, TunnelCounters, TunnelFacts, TunnelLimits } from "./registry.ts";
import type { TunnelEndReason } from "./tunnel_end.ts";

/** Looks in a period of quiet, instead of a timer for each packet: the end comes at most an eighth late. */
const LOOKS = 8;

/**
 * A tunnel of the registry, as everybody sees it. Tunnels are many: this is all that there is of one beside its two
 * connections, and what few need is made when it is asked for.
 */
export class RunningTunnel implements LiveTunnel, MovingTunnel, Due {
  readonly id: string;
  readonly protocol: RouteProtocol;
  readonly routeId: string;
  readonly target: Authority;
  readonly http: HttpFacts | undefined;
  readonly ssh: SshFacts | undefined;
  readonly upstreamUrl: string;
  readonly ip: string;
  readonly clientCertificates: readonly Uint8Array<ArrayBuffer>[] | null;
  readonly sessionId: string | null;
  readonly userId: string | null;
  readonly email: string | null;
  readonly openedAt: number;
  readonly counters: TunnelCounters = { bytesUp: 0, bytesDown: 0, packetsUp: 0, packetsDown: 0 };
  /** When it is to be looked at next; `Infinity`: never. */
  dueAt: number;
  place = -1;
  /** Why something has ended it; `null` when nothing has. */
  endReason: TunnelEndReason | null = null;
  /** What brought that about. */
  endDetail: string | null = null;
  readonly #onEnd: (tunnel: RunningTunnel) => void;
  readonly #idleTimeoutMs: number;
  readonly #lastAt: number;
  readonly #lastReason: TunnelEndReason;
  #quietLooks = 0;
  #lastTotal = -1;
  #whenEnded: ((reason: TunnelEndReason) => void) | null = null;
  #abort: AbortController | null = null;

  /**
   * A tunnel that nothing has ended yet.
   *
   * @param options `onEnd`: called when something ends it
   */
  constructor(
    facts: TunnelFacts,
    { limits, clock, onEnd }: {
      limits: TunnelLimits;
      clock: Clock;
      onEnd: (tunnel: RunningTunnel) => void;
    },
  ) {
    this.id = facts.id;
    this.protocol = facts.protocol;
    this.routeId = facts.routeId;
    this.target = facts.target;
    this.http = facts.http;
    this.ssh = facts.ssh;
    this.upstreamUrl = facts.upstreamUrl;
    this.ip = facts.ip;
    this.clientCertificates = facts.clientCertificates;
    this.sessionId = facts.sessionId;
    this.userId = facts.userId;
    this.email = facts.email;
    this.openedAt = clock.now();
    this.#onEnd = onEnd;
    this.#idleTimeoutMs = limits.idleTimeoutMs;
    const { maxDurationMs, sessionExpiresAt } = limits;
    const durationMs = maxDurationMs > 0 ? maxDurationMs : Infinity;
    const sessionMs = sessionExpiresAt === null ? Infinity : Math.max(0, sessionExpiresAt - this.openedAt);
    const now = clock.monotonic();
    this.#lastAt = now + Math.min(durationMs, sessionMs);
    this.#lastReason = durationMs <= sessionMs ? "time-limit" : "session-expired";
    this.dueAt = Math.min(this.#lastAt, now + this.#lookMs);
  }

  get bytesUp(): number {
    return this.counters.bytesUp;
  }

  get bytesDown(): number {
    return this.counters.bytesDown;
  }

  get packetsUp(): number {
    return this.counters.packetsUp;
  }

  get packetsDown(): number {
    return this.counters.packetsDown;
  }

  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.endReason !== null) this.#abort.abort(this.endReason);
    }
    return this.#abort.signal;
  }

  whenEnded(end: (reason: TunnelEndReason) => void): void {
    this.#whenEnded = end;
    if (this.endReason !== null) end(this.endReason);
  }

  /** Ends it, if nothing else has. */
  end(reason: TunnelEndReason, detail: string | null = null): void {
    if (this.endReason !== null) return;
    this.endReason = reason;
    this.endDetail = detail;
    this.#onEnd(this);
    this.#whenEnded?.(reason);
    this.#abort?.abort(reason);
  }

  /** It has lived for too long, or is to be looked at. After that `dueAt` says when it is to be looked at next. */
  onDue(): void {
    const lookedAt = this.dueAt;
    this.dueAt = Infinity;
    if (lookedAt >= this.#lastAt) return this.end(this.#lastReason);
    const { bytesUp, bytesDown, packetsUp, packetsDown } = this.counters;
    // An empty datagram is traffic, too.
    const total = bytesUp + bytesDown + packetsUp + packetsDown;
    this.#quietLooks = total === this.#lastTotal ? this.#quietLooks + 1 : 0;
    this.#lastTotal = total;
    if (this.#quietLooks * this.#lookMs >= this.#idleTimeoutMs) return this.end("idle-timeout");
    this.dueAt = Math.min(this.#lastAt, lookedAt + this.#lookMs);
  }

  get #lookMs(): number {
    return this.#idleTimeoutMs > 0 ? Math.max(1, Math.ceil(this.#idleTimeoutMs / LOOKS)) : Infinity;
  }
}
