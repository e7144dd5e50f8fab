import type { Clock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import type { Route } from "../config/config.ts";
import type { ClientCertificates } from "../identity/client_certificates.ts";
import type { Log } from "../observe/log.ts";
import { decide } from "../policy/decide.ts";
import type { Decision } from "../policy/decision.ts";
import type { SessionFacts, SshFacts } from "../policy/facts.ts";
import { nextChange } from "../policy/next_change.ts";
import type { Store, StoreChange } from "../store/store.ts";
import type { TunnelEndReason } from "./tunnel_end.ts";

/** A route whose service somebody may publish. */
export interface Publishable {
  /** As it is now. */
  readonly route: Route;
  /** What its policy for publishing said. */
  readonly decision: Decision;
}

/** Somebody who is there to publish services, as long as they are. */
export interface Candidate {
  /** Under which they have signed in. */
  readonly sessionId: string;
  /** When that ends, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly sessionExpiresAt: number;
  /** Their address, without port. */
  readonly ip: string;
  /** Their login; `null`: they came otherwise than by SSH. */
  readonly ssh: SshFacts | null;
  /** Those of their connection, see `ConnectionFacts`. */
  readonly clientCertificates: readonly Uint8Array<ArrayBuffer>[] | null;
  /** Whether they ask for anything to be published, which is use of their session. */
  readonly isActive: boolean;
  /**
   * Hears what they may publish from now on, in the order of the configuration: once at first, then when it can be something
   * else. @param why what is not among them any more is not, unless there is no such route any more
   */
  onRoutes(routes: readonly Publishable[], why: TunnelEndReason): void;
}

/** What it is decided with. */
export interface PublicationsOptions {
  /** As they are now; none when nothing may be published. */
  readonly routes: () => readonly Route[];
  /** The caller as they are now; `null` when the session is no more, or does not count on the route. */
  readonly session: (sessionId: string, route: Route) => Promise<SessionFacts | null>;
  /** Judges the certificates of callers as they are now. */
  readonly certificates: () => Pick<ClientCertificates, "judge" | "nextChange">;
  /** Tells of every change that any process commits. */
  readonly store: Store;
  /** What happens to what is published while the store cannot be asked. */
  readonly whenUnavailable: () => { readonly mode: "keep" | "cut"; readonly limitMs: number };
  /** For time windows and retries. */
  readonly clock: Clock;
  /** Hears when the store cannot be asked. */
  readonly log: Log;
}

/** What somebody may publish, and why nothing else. */
interface Decided {
  readonly routes: readonly Publishable[];
  readonly why: TunnelEndReason;
}

/** What is known of a candidate. */
interface Entry {
  /** Whether something may have changed since the last decision began. */
  isStale: boolean;
  /** A decision on its way. */
  running: Promise<void> | null;
}

/** How soon the store is asked again after it could not be. */
const RETRY_MS = 1000;

/**
 * Knows who may publish the services of which routes, and tells them whenever that is something else: because of their
 * session, of the configuration or of the time. Dispose it to stop.
 */
export class Publications implements Disposable {
  readonly #options: PublicationsOptions;
  readonly #candidates = new Map<Candidate, Entry>();
  readonly #feed: Disposable;
  #unavailableSince: number | null = null;
  #next: { readonly at: number; readonly timer: Disposable } | null = null;

  /** Begins to listen to the store. */
  constructor(options: PublicationsOptions) {
    this.#options = options;
    this.#feed = options.store.watch((changes) => void this.#onChanges(changes));
  }

  /** Decides for somebody, and goes on until the answer is disposed, from which on they hear nothing. */
  add(candidate: Candidate): Disposable {
    this.#candidates.set(candidate, { isStale: false, running: null });
    void this.#check([candidate]);
    return { [Symbol.dispose]: () => void this.#candidates.delete(candidate) };
  }

  /** The sessions that are used by publishing. */
  sessionIds(): readonly string[] {
    return [...this.#candidates.keys()].filter(({ isActive }) => isActive).map(({ sessionId }) => sessionId);
  }

  /** Whether there is such a route whose services can be published. */
  serves(routeId: string): boolean {
    return this.#options.routes().some(({ id, upstreamTunnel }) => id === routeId && upstreamTunnel !== null);
  }

  /** Decides anew for everybody. */
  async recheckAll(): Promise<void> {
    await this.#check([...this.#candidates.keys()]);
  }

  /** Stops listening. Nobody may publish anything any more. */
  [Symbol.dispose](): void {
    this.#feed[Symbol.dispose]();
    this.#next?.timer[Symbol.dispose]();
    const candidates = [...this.#candidates.keys()];
    this.#candidates.clear();
    for (const candidate of candidates) candidate.onRoutes([], "gateway-stopping");
  }

  async #onChanges(changes: readonly StoreChange[]): Promise<void> {
    // The id of a user is not what sessions know them by.
    const touches = ({ sessionId }: Candidate) =>
      changes.some(({ kind, id }) =>
        kind === "session" || kind === "service-account"
          ? id === sessionId
          : kind === "user" || kind === "all"
      );
    await this.#check([...this.#candidates.keys()].filter(touches));
  }

  async #check(candidates: readonly Candidate[]): Promise<void> {
    await Promise.all(candidates.map((candidate) => this.#decide(candidate)));
  }

  /** One decision at a time for each: what changes meanwhile makes for one more, however much it is. */
  #decide(candidate: Candidate): Promise<void> {
    const entry = this.#candidates.get(candidate);
    if (entry === undefined) return Promise.resolve();
    entry.isStale = true;
    return entry.running ??= this.#decideUntilFresh(candidate, entry);
  }

  async #decideUntilFresh(candidate: Candidate, entry: Entry): Promise<void> {
    try {
      while (entry.isStale) {
        entry.isStale = false;
        const decided = await this.#decidedOrNull(candidate);
        if (!this.#candidates.has(candidate)) return;
        if (decided !== null) candidate.onRoutes(decided.routes, decided.why);
      }
    } finally {
      entry.running = null;
    }
  }

  /** @returns `null`: it cannot be decided, and what was decided goes on */
  async #decidedOrNull(candidate: Candidate): Promise<Decided | null> {
    try {
      const decided = await this.#routesOf(candidate);
      this.#unavailableSince = null;
      return decided;
    } catch (error) {
      return this.#isOver(error) ? { routes: [], why: "store-unavailable" } : null;
    }
  }

  async #routesOf(candidate: Candidate): Promise<Decided> {
    const { clock, certificates, routes } = this.#options;
    const { sessionId, sessionExpiresAt, ip, ssh } = candidate;
    const now = clock.now();
    const sessions = new Map<string, Promise<SessionFacts | null>>();
    const found: Publishable[] = [];
    const changes: (number | null)[] = [sessionExpiresAt, ssh?.certificate?.validBefore ?? null];
    for (const route of routes()) {
      if (route.upstreamTunnel === null) continue;
      const { sshPolicy, httpPolicy } = route.upstreamTunnel;
      const policy = ssh === null ? httpPolicy : sshPolicy;
      changes.push(nextChange(policy, now));
      const client = route.idpClient?.clientId ?? "";
      const asked = sessions.get(client) ?? this.#options.session(sessionId, route);
      sessions.set(client, asked);
      const session = await asked;
      // Whatever a policy lets everybody do, who publishes has signed in.
      if (session === null) continue;
      const known = { routeId: route.id, now, sourceIp: ip, session };
      if (ssh !== null) found.push({ route, decision: decide(policy, { ...known, ssh }) });
      else {
        const { facts: clientCertificate } = await certificates().judge(candidate.clientCertificates, route);
        changes.push(certificates().nextChange(candidate.clientCertificates, route));
        found.push({ route, decision: decide(policy, { ...known, clientCertificate }) });
      }
    }
    this.#watchTime(changes, now);
    const asked = await Promise.all(sessions.values());
    const isSignedOut = asked.length > 0 && asked.every((session) => session === null);
    return {
      routes: found.filter(({ decision }) => decision.verdict === "allowed"),
      why: isSignedOut ? "session-ended" : "no-longer-allowed",
    };
  }

  /** @returns whether it could not be decided for so long that nothing may go on */
  #isOver(error: unknown): boolean {
    const { clock, whenUnavailable, log } = this.#options;
    log.warn("who may publish cannot be decided on", { error: errorMessage(error) });
    const now = clock.now();
    this.#unavailableSince ??= now;
    this.#watchTime([now + RETRY_MS], now);
    const { mode, limitMs } = whenUnavailable();
    return mode === "cut" || now - this.#unavailableSince >= limitMs;
  }

  /** Decides anew for everybody at the first of these moments. */
  #watchTime(moments: readonly (number | null)[], now: number): void {
    const future = moments.filter((at): at is number => at !== null && at > now && Number.isFinite(at));
    if (future.length === 0) return;
    const at = future.reduce((a, b) => Math.min(a, b));
    if (this.#next !== null && this.#next.at <= at) return;
    this.#next?.timer[Symbol.dispose]();
    const timer = this.#options.clock.timer(at - now, () => {
      this.#next = null;
      void this.recheckAll();
    });
    this.#next = { at, timer };
  }
}
