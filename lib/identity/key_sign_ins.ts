import type { Clock } from "../base/clock.ts";
import { type Random, randomId } from "../base/random.ts";
import type { SignInCodeRecord, SignInOutcome } from "../store/key_store.ts";
import type { SessionRecord, Store, StoreChange } from "../store/store.ts";
import type { ActiveSessions } from "./active_sessions.ts";
import { type Caller, sessionFacts } from "./resolve_caller.ts";

/** What the keys of SSH stand for is kept under this and their fingerprint. */
const KEY_ID_PREFIX = "sshkey-";
/** How long a person may take to sign in. */
const CODE_LIFETIME_MS = 15 * 60_000;
/** A key stands for a session no longer than this, however long the session lives. */
const MAX_BINDING_MS = 48 * 3_600_000;
/** So many codes may wait. */
const CODE_LIMITS = { ofAddress: 20, inAll: 10_000 };

/** A caller whose key stands for a session. */
export type KeyCaller = Extract<Caller, { readonly kind: "session" }>;

/** What came of waiting for a person. */
export type KeyDecision = "approved" | "denied" | "expired";

/** What the sign-ins of keys work with. */
export interface KeySignInsOptions {
  /** Keeps codes and bindings for every process that shares it. */
  readonly store: Store;
  /** Says which sessions live; being asked about is use of one. */
  readonly sessions: Pick<ActiveSessions, "use">;
  /** For expiry. */
  readonly clock: Clock;
  /** For codes. */
  readonly random: Random;
}

/** The id of an SSH key in the store. @param fingerprint of the key itself, such as `SHA256:…` */
export function keyIdOf(fingerprint: string): string {
  return KEY_ID_PREFIX + fingerprint;
}

/** The fingerprint in an id of the store. */
export function fingerprintOfKeyId(keyId: string): string {
  return keyId.slice(KEY_ID_PREFIX.length);
}

/** Keys that people sign in with: a key stands for a session once its person has said so in a browser. */
export class KeySignIns implements Disposable {
  readonly #options: KeySignInsOptions;
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #watch: Disposable;

  /** Begins to listen to the store. */
  constructor(options: KeySignInsOptions) {
    this.#options = options;
    this.#watch = options.store.watch((changes) => this.#onChanges(changes));
  }

  /**
   * The code with which the person behind a key can sign in; while one is undecided the key has no other.
   *
   * @param address where the key came from, without port
   * @returns `null` when too many wait @throws {StoreError}
   */
  begin(keyId: string, address: string): Promise<SignInCodeRecord | null> {
    const { store, clock, random } = this.#options;
    const issuedAt = clock.now();
    const wanted = {
      code: randomId(random),
      keyId,
      address,
      issuedAt,
      expiresAt: issuedAt + CODE_LIFETIME_MS,
    };
    return store.keys.openSignInCode(wanted, CODE_LIMITS);
  }

  /** The code as it is; `null` when there is none, or it has expired. @throws {StoreError} */
  find(code: string): Promise<SignInCodeRecord | null> {
    return this.#options.store.keys.signInCode(code, this.#options.clock.now());
  }

  /**
   * Lets the key of a code stand for `session`.
   *
   * @param options `remember`: whether the person does not want to be asked about the key again
   * @throws {StoreError} `store/no-such-user` when the session has ended meanwhile
   */
  approve(
    code: string,
    { session, remember }: { session: Pick<SessionRecord, "id" | "userId" | "expiresAt">; remember: boolean },
  ): Promise<SignInOutcome> {
    const now = this.#options.clock.now();
    const expiresAt = Math.min(session.expiresAt, now + MAX_BINDING_MS);
    const approval = { sessionId: session.id, userId: session.userId, expiresAt, remember };
    return this.#options.store.keys.decideSignInCode({ code, now, approval });
  }

  /** Lets the key of a code stand for nobody. @throws {StoreError} */
  deny(code: string): Promise<SignInOutcome> {
    return this.#options.store.keys.decideSignInCode({
      code,
      now: this.#options.clock.now(),
      approval: null,
    });
  }

  /**
   * Waits until a person has decided on a code, wherever they do.
   *
   * @throws {StoreError}; what `signal` was aborted with
   */
  async decided({ code, expiresAt }: SignInCodeRecord, signal: AbortSignal): Promise<KeyDecision> {
    const { clock } = this.#options;
    while (true) {
      // Listens before it looks: a decision between the two is not missed.
      const woken = Promise.withResolvers<void>();
      const waiters = this.#waiting.get(code) ?? new Set();
      this.#waiting.set(code, waiters.add(woken.resolve));
      const onAbort = () => woken.reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      using _timer = clock.timer(Math.max(0, expiresAt - clock.now()), woken.resolve);
      try {
        signal.throwIfAborted();
        const record = await this.find(code);
        if (record === null) return "expired";
        if (record.state !== "pending") return record.state;
        await woken.promise;
      } finally {
        woken.promise.catch(() => {});
        signal.removeEventListener("abort", onAbort);
        waiters.delete(woken.resolve);
        if (waiters.size === 0 && this.#waiting.get(code) === waiters) this.#waiting.delete(code);
      }
    }
  }

  /**
   * Who a key stands for now; `null`: nobody.
   *
   * @throws {StoreError} when the store cannot be asked: nobody may be let in or called a stranger then
   */
  async callerOf(keyId: string): Promise<KeyCaller | null> {
    const { store, sessions, clock } = this.#options;
    const binding = await store.keys.sessionBinding(keyId, clock.now());
    const session = binding === null ? null : await sessions.use(binding.sessionId);
    const user = session === null ? null : await store.userById(session.userId);
    if (binding === null || session === null || user === null) return null;
    return {
      kind: "session",
      session: sessionFacts(session, user),
      providerId: session.providerId,
      sessionExpiresAt: Math.min(binding.expiresAt, session.expiresAt),
      carrier: "ssh-key",
    };
  }

  /** Stops listening; who waits hears of nothing but the end of their code. */
  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }

  #onChanges(changes: readonly StoreChange[]): void {
    for (const { kind, id } of changes) {
      const codes = kind === "all" ? [...this.#waiting.keys()] : kind === "sign-in-code" ? [id] : [];
      for (const code of codes) this.#waiting.get(code)?.forEach((wake) => wake());
    }
  }
}
