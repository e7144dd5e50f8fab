import type { Clock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import type { Log } from "../observe/log.ts";
import type { ProviderGrant, SessionRecord, Store } from "../store/store.ts";
import { IdentityError } from "./identity_error.ts";
import type { OidcProvider, Vouched } from "./oidc_provider.ts";
import { providerSubject, updateProviderSession } from "./provider_sessions.ts";

/** What of a provider is asked. */
export type AskedProvider = Pick<OidcProvider, "id" | "issuerId" | "refresh" | "read">;

/** What a {@link SessionRefresher} works with. */
export interface SessionRefresherOptions {
  /** Where the sessions are. */
  readonly store: Store;
  /**
   * Who vouches for them, each client by itself; nobody while it is this gateway itself, which has nothing to ask. Asked
   * for at each round.
   */
  readonly providers: () => Iterable<AskedProvider>;
  /** Hears that a session was ended because the provider refused it. */
  readonly onEnded: (session: SessionRecord) => void;
  /** When to look, and what is due. */
  readonly clock: Clock;
  /** Hears of outages. */
  readonly log: Log;
}

/** How often it looks for what is due. */
export const ROUND_EVERY_MS = 20_000;
/** How long before the end of an access token another one is asked for. */
const REFRESH_BEFORE_MS = 60_000;
const READ_EVERY_MS = 10 * 60_000;
const MAX_IN_FLIGHT = 4;
/** A round with so many failures is over: the provider is out. */
const MAX_FAILURES = 8;

/**
 * Keeps sessions as the identity provider sees them: a minute before an access token ends it gets another one, and every
 * ten minutes it asks anew about the person. Who the provider refuses loses the session; while it cannot be asked, all go
 * on. At most 4 sessions are asked about at once; a round ends after 8 failures, and the next one tries again.
 *
 * Gateways that share a store share the work: of several that find a session due, one asks, since many providers take a
 * refresh token that is used twice for stolen.
 */
export class SessionRefresher implements AsyncDisposable {
  readonly #options: SessionRefresherOptions;
  #timer: Disposable;
  #round: Promise<void> | null = null;
  #isClosed = false;

  /** A refresher that works until it is disposed. */
  constructor(options: SessionRefresherOptions) {
    this.#options = options;
    this.#timer = options.clock.timer(ROUND_EVERY_MS, () => this.#tick());
  }

  /** Looks for what is due now. Who asks while a round is on gets that one. Never rejects. */
  runRound(): Promise<void> {
    this.#round ??= this.#run()
      .catch((error) => {
        this.#options.log.warn("sessions not refreshed", { error: errorMessage(error) });
      })
      .finally(() => this.#round = null);
    return this.#round;
  }

  /** Begins no further round, and waits for the one that is on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#timer[Symbol.dispose]();
    await this.#round;
  }

  #tick(): void {
    this.#timer = this.#options.clock.timer(ROUND_EVERY_MS, () => this.#tick());
    void this.runRound();
  }

  async #run(): Promise<void> {
    const { store, clock } = this.#options;
    const providers = new Map([...this.#options.providers()].map((provider) => [provider.id, provider]));
    if (providers.size === 0) return;
    const sessions = await store.listSessions(clock.now());
    const due = sessions.flatMap((session) => {
      const provider = providers.get(session.providerId);
      return provider !== undefined && this.#isDue(session) ? [{ session, provider }] : [];
    }).values();
    const failures: unknown[] = [];
    const work = async () => {
      for (const { session, provider } of due) {
        if (failures.length >= MAX_FAILURES || this.#isClosed) return;
        await this.#bringUpToDate(session, provider).catch((error) => failures.push(error));
      }
    };
    await Promise.all(Array.from({ length: MAX_IN_FLIGHT }, work));
    if (failures.length > 0) throw failures[0];
  }

  #isDue({ providerGrant }: SessionRecord): boolean {
    if (providerGrant === undefined) return false;
    return this.#mustRefresh(providerGrant) || this.#mustRead(providerGrant);
  }

  #mustRefresh({ refreshToken, accessExpiresAt }: ProviderGrant): boolean {
    const now = this.#options.clock.now();
    return refreshToken !== null && accessExpiresAt !== null && now >= accessExpiresAt - REFRESH_BEFORE_MS;
  }

  #mustRead({ accessExpiresAt, claimsReadAt }: ProviderGrant): boolean {
    const now = this.#options.clock.now();
    return now >= claimsReadAt + READ_EVERY_MS && (accessExpiresAt === null || now < accessExpiresAt);
  }

  async #bringUpToDate(stale: SessionRecord, provider: AskedProvider): Promise<void> {
    const { store, clock, log } = this.#options;
    const turn = Math.floor(clock.now() / ROUND_EVERY_MS);
    if (!await store.useOnce(`refresh:${stale.id}:${turn}`, clock.now() + 2 * ROUND_EVERY_MS)) return;
    // Another gateway may have been quicker.
    const session = await store.liveSession(stale.id, clock.now());
    if (session === null || !this.#isDue(session)) return;
    try {
      const told = await this.#ask(session, provider);
      await updateProviderSession(session, told, { store, now: clock.now() });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const { id } = session;
      log.info("session ended by the identity provider", {
        "session-id": id,
        user: providerSubject(provider, session),
        error: error.message,
      });
      if (await store.removeSession(id)) this.#options.onEnded(session);
    }
  }

  async #ask(session: SessionRecord, provider: AskedProvider): Promise<Vouched> {
    const subject = providerSubject(provider, session);
    const known = session.providerGrant!;
    const read = async (grant: ProviderGrant) => {
      const person = await provider.read(grant, { subject });
      return { person, grant: { ...grant, claimsReadAt: this.#options.clock.now() } };
    };
    if (!this.#mustRefresh(known)) {
      try {
        return await read(known);
      } catch (error) {
        // The access token may have been taken back alone.
        if (!isRefusal(error) || known.refreshToken === null) throw error;
      }
    }
    const fresh = await provider.refresh(known, { subject }) ?? known;
    // At once: the old refresh token may be used up, and reading may fail.
    const kept = {
      id: session.id,
      claims: session.claims,
      providerGrant: { ...fresh, claimsReadAt: known.claimsReadAt },
    };
    await this.#options.store.updateSession(kept);
    return await read(fresh);
  }
}

function isRefusal(error: unknown): error is IdentityError {
  return error instanceof IdentityError && error.code === "identity/provider-refused";
}
