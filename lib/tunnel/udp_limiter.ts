import type { Clock } from "../base/clock.ts";
import type { UdpLimits } from "../config/udp_limits.ts";
import type { UdpDrop } from "../upstream/dial_udp.ts";
import { ReplyGuard } from "./_reply_guard.ts";
import { TokenBucket } from "./_token_bucket.ts";

/** Why one more UDP tunnel is refused. */
export type UdpLimitCode = "udp/too-many-tunnels" | "udp/too-many-of-user" | "udp/too-many-of-route";

/** Why a datagram of a tunnel did not get to the other side. */
export type UdpDropCause =
  | UdpDrop
  /** Longer than what the other side can take in one piece. */
  | "too-large"
  /** The other side takes no more at the moment. */
  | "congested"
  /** Beyond the packets or bytes a second of the user. */
  | "rate-limit"
  /** Out of proportion to what the client sends. */
  | "reply-ratio";

/** How many datagrams were lost, by cause. */
export type UdpDrops = Readonly<Record<UdpDropCause, number>>;

/** What all UDP tunnels of this process moved and lost, those that have ended included. */
export interface UdpFigures {
  /** Datagrams from clients to services. */
  readonly packetsUp: number;
  /** Datagrams from services to clients. */
  readonly packetsDown: number;
  /** Their payloads. */
  readonly bytesUp: number;
  /** Their payloads. */
  readonly bytesDown: number;
  /** Datagrams that were lost here. */
  readonly dropped: UdpDrops;
  /** Tunnels that were not opened. */
  readonly refused: Readonly<Record<UdpLimitCode, number>>;
}

/** A place among the UDP tunnels, and what its datagrams are held against. Dispose it when the tunnel has ended. */
export interface UdpPermit extends Disposable {
  /** What the tunnel has lost so far. */
  readonly dropped: UdpDrops;
  /** Why a datagram must not pass now; `null`: it may. */
  check(direction: UdpDirection, bytes: number): "rate-limit" | "reply-ratio" | null;
  /** Counts a datagram that has passed. */
  passed(direction: UdpDirection, bytes: number): void;
  /** Counts one that was lost. */
  lost(cause: UdpDropCause): void;
}

/** `up` is from the client to the service. */
export type UdpDirection = "up" | "down";

interface Rate {
  readonly packets: TokenBucket;
  readonly bytes: TokenBucket;
}

interface User {
  tunnels: number;
  readonly up: Rate;
  readonly down: Rate;
}

/** A bucket is as full as a new one after so long without use. */
const FORGET_MS = 1000;

/** Bounds how many UDP tunnels there are, and what their users send and get. */
export class UdpLimiter {
  readonly #settings: () => UdpLimits;
  readonly #clock: Clock;
  readonly #users = new Map<string, User>();
  readonly #tunnelsOfRoute = new Map<string, number>();
  readonly #figures = {
    packetsUp: 0,
    packetsDown: 0,
    bytesUp: 0,
    bytesDown: 0,
    dropped: noDrops(),
    refused: { "udp/too-many-tunnels": 0, "udp/too-many-of-user": 0, "udp/too-many-of-route": 0 },
  };
  #tunnels = 0;

  /** A limiter without tunnels. @param options `settings`: the limits at that moment */
  constructor(options: { settings: () => UdpLimits; clock: Clock }) {
    this.#settings = options.settings;
    this.#clock = options.clock;
  }

  /** Tunnels that have a place, those that are being dialled included. */
  get tunnels(): number {
    return this.#tunnels;
  }

  /** Live figures. */
  get figures(): UdpFigures {
    return this.#figures;
  }

  /**
   * Finds a place for one more tunnel.
   *
   * @param who `user`: whose it is, the address of the client when nobody is signed in
   * @returns the place, which the caller disposes of, or why there is none
   */
  admit({ user: name, routeId }: { user: string; routeId: string }): UdpPermit | UdpLimitCode {
    const { maxTunnels, tunnelsPerUser, tunnelsPerRoute } = this.#settings();
    const ofRoute = this.#tunnelsOfRoute.get(routeId) ?? 0;
    if (this.#tunnels >= maxTunnels) return this.#refuse("udp/too-many-tunnels");
    if ((this.#users.get(name)?.tunnels ?? 0) >= tunnelsPerUser) return this.#refuse("udp/too-many-of-user");
    if (ofRoute >= tunnelsPerRoute) return this.#refuse("udp/too-many-of-route");
    const user = this.#users.get(name) ?? this.#newUser();
    this.#users.set(name, user);
    this.#tunnelsOfRoute.set(routeId, ofRoute + 1);
    user.tunnels++;
    this.#tunnels++;
    let isGone = false;
    return this.#permit(user, () => {
      if (isGone) return;
      isGone = true;
      this.#leave(name, routeId);
    });
  }

  #refuse(code: UdpLimitCode): UdpLimitCode {
    this.#figures.refused[code]++;
    return code;
  }

  #newUser(): User {
    return { tunnels: 0, up: this.#newRate(), down: this.#newRate() };
  }

  #newRate(): Rate {
    const { packetsPerSecond, bytesPerSecond } = this.#settings();
    const nowMs = this.#clock.monotonic();
    return {
      packets: new TokenBucket(packetsPerSecond, nowMs),
      bytes: new TokenBucket(bytesPerSecond, nowMs),
    };
  }

  #permit(user: User, leave: () => void): UdpPermit {
    const guard = new ReplyGuard();
    const dropped = noDrops();
    return {
      dropped,
      check: (direction, bytes) => {
        const { packetsPerSecond, bytesPerSecond, replyRatio } = this.#settings();
        const nowMs = this.#clock.monotonic();
        const { packets, bytes: volume } = user[direction];
        const isInRate = packets.take(1, { perSecond: packetsPerSecond, nowMs }) &&
          volume.take(bytes, { perSecond: bytesPerSecond, nowMs });
        if (!isInRate) return "rate-limit";
        if (direction === "up") guard.sent(bytes, nowMs);
        else if (!guard.admits(bytes, { ratio: replyRatio, nowMs })) return "reply-ratio";
        return null;
      },
      passed: (direction, bytes) => {
        this.#figures[direction === "up" ? "packetsUp" : "packetsDown"]++;
        this.#figures[direction === "up" ? "bytesUp" : "bytesDown"] += bytes;
      },
      lost: (cause) => {
        dropped[cause]++;
        this.#figures.dropped[cause]++;
      },
      [Symbol.dispose]: leave,
    };
  }

  #leave(name: string, routeId: string): void {
    this.#tunnels--;
    const ofRoute = this.#tunnelsOfRoute.get(routeId)! - 1;
    if (ofRoute === 0) this.#tunnelsOfRoute.delete(routeId);
    else this.#tunnelsOfRoute.set(routeId, ofRoute);
    const user = this.#users.get(name)!;
    user.tunnels--;
    // Not at once: whoever opens another tunnel must not find the buckets full again.
    if (user.tunnels > 0) return;
    this.#clock.timer(FORGET_MS, () => {
      if (user.tunnels === 0 && this.#users.get(name) === user) this.#users.delete(name);
    });
  }
}

function noDrops(): Record<UdpDropCause, number> {
  return {
    "stranger": 0,
    "unsendable": 0,
    "too-large": 0,
    "congested": 0,
    "rate-limit": 0,
    "reply-ratio": 0,
  };
}
