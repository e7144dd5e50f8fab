import type { Clock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import type { Log } from "../observe/log.ts";
import type { SessionRecord, Store } from "../store/store.ts";
import { Recent } from "../base/recent.ts";

/** What the sessions in use are watched with. */
export interface ActiveSessionsOptions {
  /** Keeps the sessions, and when each was used last. */
  readonly store: Store;
  /** How long a session may go without use, in milliseconds, as it is now; 0 is unlimited. */
  readonly idleLimitMs: () => number;
  /** For when a session was used. */
  readonly clock: Clock;
  /** Hears when a use could not be written down. */
  readonly log: Log;
}

/** The use of a session is written down once in so long, and again no sooner. */
const NOTE_EVERY_MS = 60_000;

/** So many sessions are remembered whose use was written down, the latest. */
const MAX_REMEMBERED = 10_000;

/** So many are written before other work of the process gets its turn. */
const SESSIONS_PER_TURN = 100;

/** Sessions as they are used, and the end of those that are not. */
export class ActiveSessions {
  readonly #options: ActiveSessionsOptions;
  readonly #notedAt = new Recent<number>(MAX_REMEMBERED);

  /** Asks nothing yet. */
  constructor(options: ActiveSessionsOptions) {
    this.#options = options;
  }

  /**
   * The session with this id, which is used by being asked for, or `null` when it is no more or was idle for too long.
   *
   * @throws {StoreError} when the store cannot be asked
   */
  async use(id: string): Promise<SessionRecord | null> {
    const { store, clock } = this.#options;
    const session = await store.liveSession(id, clock.now());
    if (session === null || this.#isIdle(session)) return null;
    const notedAt = Math.max(session.lastUsedAt, this.#notedAt.get(id) ?? 0);
    if (clock.now() - notedAt >= NOTE_EVERY_MS) void this.#tryNote(id);
    return session;
  }

  /** Writes down that these sessions are in use now; what is no session is passed over. @throws {StoreError} */
  async keep(ids: Iterable<string>): Promise<void> {
    let written = 0;
    for (const id of new Set(ids)) {
      await this.#note(id);
      if (++written % SESSIONS_PER_TURN === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /**
   * Ends every session that was idle for too long.
   *
   * @param isInUse whether a session is in use although nothing says so in the store
   * @returns how many were ended
   * @throws {StoreError}
   */
  async endIdle(isInUse: (id: string) => boolean): Promise<number> {
    const { store, idleLimitMs, clock } = this.#options;
    if (idleLimitMs() === 0) return 0;
    let ended = 0;
    for (const session of await store.listSessions(clock.now())) {
      if (!this.#isIdle(session) || isInUse(session.id)) continue;
      if (await store.removeSession(session.id)) ended++;
    }
    return ended;
  }

  /** What is written may be one interval behind the last use: nobody is cut off early for that. */
  #isIdle({ lastUsedAt }: SessionRecord): boolean {
    const { idleLimitMs, clock } = this.#options;
    const limitMs = idleLimitMs();
    return limitMs > 0 && clock.now() - lastUsedAt >= limitMs + NOTE_EVERY_MS;
  }

  async #note(id: string): Promise<void> {
    const { store, clock } = this.#options;
    const now = clock.now();
    this.#notedAt.set(id, now);
    try {
      await store.touchSession(id, now);
    } catch (error) {
      this.#notedAt.delete(id);
      throw error;
    }
  }

  /** Whoever asks is answered without waiting for it, and whether it succeeds or not. */
  async #tryNote(id: string): Promise<void> {
    try {
      await this.#note(id);
    } catch (error) {
      this.#options.log.warn("use of a session not written down", { error: errorMessage(error) });
    }
  }
}
