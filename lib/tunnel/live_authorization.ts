import type { Clock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import type { Route } from "../config/config.ts";
import type { RouteTable } from "../config/route_table.ts";
import { Histogram } from "../observe/histogram.ts";
import type { ClientCertificates } from "../identity/client_certificates.ts";
import type { Log } from "../observe/log.ts";
import type { CompiledPolicy } from "../policy/compile.ts";
import type { SessionFacts } from "../policy/facts.ts";
import { nextChange } from "../policy/next_change.ts";
import type { Store, StoreChange } from "../store/store.ts";
import { reauthorize, routeOf } from "./reauthorize.ts";
import type { LiveTunnel, TunnelRegistry } from "./registry.ts";

/** What live authorization works with. */
export interface LiveAuthorizationOptions {
  /** The tunnels it watches over. */
  readonly tunnels: TunnelRegistry;
  /** The routes as they are. */
  readonly routes: () => RouteTable;
  /** Tells of every change that any process commits. */
  readonly store: Store;
  /** The caller as they are now; `null` when the session is no more, or does not count on the route. */
  readonly session: (sessionId: string, route: Route) => Promise<SessionFacts | null>;
  /** Judges the certificates of callers as they are now. */
  readonly certificates: () => Pick<ClientCertificates, "judge" | "nextChange">;
  /** What happens to tunnels with a session while the store cannot be asked. */
  readonly whenUnavailable: () => { readonly mode: "keep" | "cut"; readonly limitMs: number };
  /** For time windows and retries. */
  readonly clock: Clock;
  /** Hears when the store cannot be asked. */
  readonly log: Log;
}

/** How soon the store is asked again after it could not be. */
const RETRY_MS = 1000;

/**
 * Keeps every live tunnel exactly as long as its caller is allowed it. Whatever can alter a decision (a session, a user, the
 * configuration, the time) has the tunnels it can touch decided anew, found through the indexes of the registry; a
 * tunnel that is still allowed is not touched. Dispose it to stop.
 */
export class LiveAuthorization implements Disposable {
  /** From the notice of a change until the tunnels it ends were told to end. */
  readonly withdrawals = new Histogram();
  readonly #options: LiveAuthorizationOptions;
  readonly #feed: Disposable;
  readonly #waiting = new Set<LiveTunnel>();
  #mark = 0;
  #retry: Disposable | null = null;
  #unavailableSince: number | null = null;
  #window: { at: number; timer: Disposable } | null = null;

  /** Begins to listen to the store. */
  constructor(options: LiveAuthorizationOptions) {
    this.#options = options;
    this.#feed = options.store.watch((changes) => void this.#onChanges(changes));
    options.tunnels.onOpen = (tunnel) => this.#watchWindow([tunnel]);
  }

  /**
   * Another number after each change that can alter a decision. Whoever decides and opens a tunnel later compares: if it is
   * another by then, the tunnel is to be decided anew with {@link LiveAuthorization.recheck}.
   */
  get mark(): number {
    return this.#mark;
  }

  /** Decides anew for one tunnel, if it is live. */
  async recheck(id: string): Promise<void> {
    await this.#recheck(this.#options.tunnels.list().filter((tunnel) => tunnel.id === id));
  }

  /** Decides anew for every tunnel. @param cause stands in the trail beside the reason, such as `file changed` */
  async recheckAll(cause?: string): Promise<void> {
    const { tunnels } = this.#options;
    this.#mark++;
    this.#closeWindow();
    await this.#recheck(tunnels.list(), cause);
    this.#watchWindow(tunnels.list());
  }

  /** Stops listening; what is open stays as it is. */
  [Symbol.dispose](): void {
    this.#feed[Symbol.dispose]();
    this.#retry?.[Symbol.dispose]();
    this.#closeWindow();
    this.#options.tunnels.onOpen = () => {};
  }

  async #onChanges(changes: readonly StoreChange[]): Promise<void> {
    const { tunnels } = this.#options;
    this.#mark++;
    if (changes.some(({ kind }) => kind === "all")) return await this.#recheck(tunnels.list());
    const touched = new Set<LiveTunnel>();
    for (const { kind, id } of changes) {
      for (const tunnel of kind === "user" ? tunnels.ofUser(id) : tunnels.ofSession(id)) touched.add(tunnel);
    }
    await this.#recheck([...touched]);
  }

  async #recheck(touched: readonly LiveTunnel[], cause?: string): Promise<void> {
    if (touched.length === 0) return;
    const { tunnels, routes, session, certificates, clock } = this.#options;
    const startedMs = clock.monotonic();
    const options = { routes: routes(), session, certificates: certificates(), now: clock.now() };
    try {
      for (const one of await reauthorize(touched, options)) {
        const detail = [one.detail, cause].filter((text) => text !== null && text !== undefined).join("; ");
        tunnels.end(one.tunnel.id, one.reason, detail || undefined);
        this.withdrawals.observe(clock.monotonic() - startedMs);
      }
      this.#unavailableSince = null;
    } catch (error) {
      this.#storeFailed(touched, error);
    }
  }

  /** What could not be decided is decided when the store is back; until then the configuration says what holds. */
  #storeFailed(touched: readonly LiveTunnel[], error: unknown): void {
    const { tunnels, whenUnavailable, clock, log } = this.#options;
    log.warn("live tunnels cannot be decided on", { error: errorMessage(error), tunnels: touched.length });
    this.#unavailableSince ??= clock.now();
    const { mode, limitMs } = whenUnavailable();
    const isOver = mode === "cut" || clock.now() - this.#unavailableSince >= limitMs;
    for (const tunnel of touched) {
      if (isOver && tunnel.sessionId !== null) tunnels.end(tunnel.id, "store-unavailable");
      else this.#waiting.add(tunnel);
    }
    this.#retry ??= clock.timer(RETRY_MS, () => {
      this.#retry = null;
      const waiting = [...this.#waiting].filter(({ id }) => tunnels.has(id));
      this.#waiting.clear();
      void this.#recheck(waiting);
    });
  }

  /** Has the tunnels decided anew when the first time window among their routes, or certificate of theirs, begins or ends. */
  #watchWindow(opened: readonly LiveTunnel[]): void {
    const { routes, certificates, clock } = this.#options;
    const table = routes();
    const now = clock.now();
    const policies = new Set<CompiledPolicy>();
    const ofCertificates = opened.map((tunnel) => {
      const route = routeOf(tunnel, table);
      if (route === null) return null;
      policies.add(route.policy);
      return certificates().nextChange(tunnel.clientCertificates, route);
    });
    for (const at of [...ofCertificates, ...[...policies].map((policy) => nextChange(policy, now))]) {
      if (at === null || (this.#window !== null && this.#window.at <= at)) continue;
      this.#closeWindow();
      this.#window = {
        at,
        timer: clock.timer(Math.max(0, at - now), () => void this.recheckAll("time window")),
      };
    }
  }

  #closeWindow(): void {
    this.#window?.timer[Symbol.dispose]();
    this.#window = null;
  }
}
