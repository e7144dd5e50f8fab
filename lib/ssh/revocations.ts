import { errorMessage } from "../base/errors.ts";
import { keyIdOf } from "../identity/key_sign_ins.ts";
import type { StoreChange } from "../store/store.ts";
import type { SshLogin } from "./handlers.ts";
import type { SshServices } from "./services.ts";

/** Why a connection may not go on. */
export type Revoked = "session-ended" | "session-expired" | "store-unavailable";

interface Entry {
  readonly login: SshLogin;
  readonly keyId: string;
  readonly revoke: (why: Revoked) => void;
}

/** How soon the store is asked again after it could not be. */
const RETRY_MS = 1000;

/**
 * Ends connections whose key no longer stands for the session that they began with: because either was ended, by whatever
 * process. What the policies of routes say is not its business. Dispose it to stop.
 */
export class Revocations implements Disposable {
  readonly #services: SshServices;
  readonly #entries = new Set<Entry>();
  readonly #watch: Disposable;
  #retry: Disposable | null = null;
  #unavailableSince: number | null = null;

  /** Begins to listen to the store. */
  constructor(services: SshServices) {
    this.#services = services;
    this.#watch = services.store.watch((changes) => void this.#onChanges(changes));
  }

  /**
   * Watches over a connection from here on, and looks at once, because something may have changed since it was let in.
   *
   * @param revoke called at most once; @returns a handle that ends the watching
   */
  add(login: SshLogin, revoke: (why: Revoked) => void): Disposable {
    const { clock } = this.#services;
    const entry: Entry = {
      login,
      keyId: keyIdOf(login.keyFingerprint),
      revoke: (why) => {
        if (this.#entries.delete(entry)) revoke(why);
        expiry[Symbol.dispose]();
      },
    };
    this.#entries.add(entry);
    const left = Math.max(0, login.caller.sessionExpiresAt - clock.now());
    const expiry = clock.timer(left, () => entry.revoke("session-expired"));
    void this.#check([entry]);
    return {
      [Symbol.dispose]: () => {
        this.#entries.delete(entry);
        expiry[Symbol.dispose]();
      },
    };
  }

  /** Stops listening; what is open stays as it is. */
  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#retry?.[Symbol.dispose]();
    this.#entries.clear();
  }

  async #onChanges(changes: readonly StoreChange[]): Promise<void> {
    await this.#check([...this.#entries].filter((entry) => changes.some((change) => touches(change, entry))));
  }

  async #check(entries: readonly Entry[]): Promise<void> {
    const { signIns, clock, config, log } = this.#services;
    try {
      for (const entry of entries) {
        const caller = await signIns.callerOf(entry.keyId);
        const { sessionId } = entry.login.caller.session;
        if (caller?.session.sessionId !== sessionId) entry.revoke("session-ended");
      }
      if (entries.length > 0) this.#unavailableSince = null;
    } catch (error) {
      log.warn("SSH connections cannot be decided on", { error: errorMessage(error) });
      this.#unavailableSince ??= clock.now();
      const { mode, limitMs } = config.storeUnavailable;
      if (mode === "cut" || clock.now() - this.#unavailableSince >= limitMs) {
        return entries.forEach(({ revoke }) => revoke("store-unavailable"));
      }
      this.#retry ??= clock.timer(RETRY_MS, () => {
        this.#retry = null;
        void this.#check([...this.#entries]);
      });
    }
  }
}

function touches({ kind, id }: StoreChange, { keyId, login }: Entry): boolean {
  switch (kind) {
    case "key-binding":
      return id === keyId;
    case "session":
      return id === login.caller.session.sessionId;
    // The id of a user is not what policies know them by.
    case "user":
    case "all":
      return true;
    default:
      return false;
  }
}
