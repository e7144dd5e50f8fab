import { SallyportError } from "../base/errors.ts";
import type { KeyStore } from "./key_store.ts";

/** A person who can sign in: with a password kept here, or because an identity provider vouches for them. */
export interface UserRecord {
  /** Stable, never reused; `provider/subject` for a person of an identity provider. */
  readonly id: string;
  /** What is typed at sign-in: 1 to 64 of `a-z 0-9 . _ -`, unique; for a person of a provider, who types none, the id. */
  readonly name: string;
  /** Of a person of a provider: verified by it, or empty. Of others: not verified by anybody. */
  readonly email: string;
  /** What to call the person; may be empty. */
  readonly displayName: string;
  /** What `groups` in a policy asks for. */
  readonly groups: readonly string[];
  /** Argon2id in PHC string format; empty for a person of a provider, whom no password lets in. */
  readonly passwordHash: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number;
}

/** One sign-in. A token only names it; whether it still holds is written here. */
export interface SessionRecord {
  /** What the token names it by. */
  readonly id: string;
  /** The {@link UserRecord} that signed in. */
  readonly userId: string;
  /** Which identity provider vouched for it: `local` for this gateway itself. */
  readonly providerId: string;
  /** Claims as they were at sign-in, or when the provider told them last. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number;
  /** From this moment on the session is no more. */
  readonly expiresAt: number;
  /** When its use was written down last, see {@link Store.touchSession}; at first `createdAt`. */
  readonly lastUsedAt: number;
  /** Address that the sign-in came from, without port; absent when it is not known. */
  readonly createdFrom?: string;
  /** `User-Agent` of the sign-in, at most 200 characters; absent when there was none. Anyone can write anything in it. */
  readonly userAgent?: string;
  /** What the identity provider gave along; absent for `local`. Holds secrets. */
  readonly providerGrant?: ProviderGrant;
}

/** A session that was not used yet. */
export type NewSession = Omit<SessionRecord, "lastUsedAt">;

/** What an identity provider gives along with a sign-in, to ask it again later. A JSON value. */
export interface ProviderGrant {
  /** The session as the provider names it (`sid`, OpenID Connect Back-Channel Logout 1.0 section 2.1); `null`: unknown. */
  readonly providerSessionId: string | null;
  /** A secret: reads the claims anew. */
  readonly accessToken: string;
  /** When it ends, in milliseconds since 1970-01-01T00:00:00Z; `null`: not known. */
  readonly accessExpiresAt: number | null;
  /** A secret: gets another access token; `null` when there is none. */
  readonly refreshToken: string | null;
  /** A secret: says at sign-out who goes (OpenID Connect RP-Initiated Logout 1.0 section 2); `null` when there is none. */
  readonly idToken: string | null;
  /** When the claims were read last, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly claimsReadAt: number;
}

/** A program that may call without a person signing in. Its token names it; whether that still holds is written here. */
export interface ServiceAccountRecord {
  /** What the token names it by. */
  readonly id: string;
  /** The {@link UserRecord} it acts for, with which it ends; `null` when it stands for itself. */
  readonly userId: string | null;
  /** Its own e-mail address; `null` when it acts for a user, whose address counts. One of the two is set. */
  readonly email: string | null;
  /** SHA-256 of the random secret in its token, as 64 lower-case hexadecimal digits. */
  readonly secretHash: string;
  /** What it is for; may be empty. */
  readonly description: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number;
  /** From this moment on it is no more. */
  readonly expiresAt: number;
}

/** Something in the store that is no longer as it was: read it again to know how. */
export interface StoreChange {
  /** What kind of record. `all`: anything may have changed, because this watcher fell too far behind. */
  readonly kind: "session" | "user" | "service-account" | "key-binding" | "sign-in-code" | "all";
  /** Id of the record; empty for `all`. */
  readonly id: string;
}

/** Hears of changes: one or more, in the order in which they were committed. */
export type ChangeListener = (changes: readonly StoreChange[]) => void;

/** How to watch a store. */
export interface WatchOptions {
  /** Hears that changes cannot be read at present, which goes on by itself, and what the listener threw. Default: nobody. */
  readonly onError?: (error: unknown) => void;
}

/** Why the store could not do what was asked. */
export type StoreErrorCode =
  | "store/unwritable"
  | "store/incompatible"
  | "store/unavailable"
  | "store/user-exists"
  | "store/no-such-user"
  | "store/closed";

/** The store failed; nothing of the failed call was kept. */
export class StoreError extends SallyportError {
  /** An error with what kind of failure it is, what was being done and what was found. */
  constructor(readonly code: StoreErrorCode, message: string, options?: { cause?: unknown; hint?: string }) {
    super(message, options);
  }
}

/**
 * State that outlives the process. Every method is one transaction, and may throw {@link StoreError}
 * `store/unavailable` or `store/closed`. Whoever opens a store closes it.
 */
export interface Store extends AsyncDisposable {
  /** Keys that stand for people. */
  readonly keys: KeyStore;

  /** Adds a user. @throws {StoreError} `store/user-exists` when the name or id is taken */
  addUser(user: UserRecord): Promise<void>;
  /** The user with this id, or `null`. */
  userById(id: string): Promise<UserRecord | null>;
  /** The user who signs in by this name, or `null`. */
  userByName(name: string): Promise<UserRecord | null>;
  /** All users, by name. */
  listUsers(): Promise<UserRecord[]>;
  /**
   * Adds a person of an identity provider, or brings what is known of them up to date, which tells of a change of each
   * of their sessions too.
   *
   * @param user with an empty `passwordHash`; `createdAt` counts the first time
   * @throws {StoreError} `store/user-exists` when the name or id is that of somebody with a password
   */
  saveProviderUser(user: UserRecord): Promise<void>;
  /** Replaces the password hash and ends every session of a user who has one. @returns whether there was such a user */
  setPassword(userId: string, passwordHash: string): Promise<boolean>;
  /** Removes the user and every session of theirs. @returns whether there was such a user */
  removeUser(userId: string): Promise<boolean>;

  /** Keeps a new session. @throws {StoreError} `store/no-such-user` when the user was removed meanwhile */
  addSession(session: NewSession): Promise<void>;
  /** The session with this id if it has not expired at `now`, or `null`. */
  liveSession(id: string, now: number): Promise<SessionRecord | null>;
  /** Sessions of the user that have not expired at `now`, newest first. */
  sessionsOf(userId: string, now: number): Promise<SessionRecord[]>;
  /** Every session that has not expired at `now`, newest first. */
  listSessions(now: number): Promise<SessionRecord[]>;
  /** Replaces claims and grant of a session. @returns whether there was one */
  updateSession(session: Pick<SessionRecord, "id" | "claims" | "providerGrant">): Promise<boolean>;
  /** Writes down that a session was used at `now`, if there is one; never an earlier use than is known. No change is told. */
  touchSession(id: string, now: number): Promise<void>;
  /** Ends one session. @returns whether there was one */
  removeSession(id: string): Promise<boolean>;

  /** Keeps a new service account. @throws {StoreError} `store/no-such-user` when the user was removed meanwhile */
  addServiceAccount(account: ServiceAccountRecord): Promise<void>;
  /** The service account with this id if it has not expired at `now`, or `null`. */
  liveServiceAccount(id: string, now: number): Promise<ServiceAccountRecord | null>;
  /** Every service account that has not expired at `now`, newest first. */
  listServiceAccounts(now: number): Promise<ServiceAccountRecord[]>;
  /** Ends one service account. @returns whether there was one */
  removeServiceAccount(id: string): Promise<boolean>;

  /**
   * Uses up a one-time value until `expiresAt`.
   *
   * @returns true the first time, false at every later call before `expiresAt`
   */
  useOnce(value: string, expiresAt: number): Promise<boolean>;
  /** Forgets everything that had expired at `now`. @returns how many sessions were forgotten */
  sweep(now: number): Promise<number>;

  /**
   * Tells of every change that any process sharing this store commits from here on, this one included: in the order of
   * the commits, none left out, none twice. A new password or a removed user also tells of each session that it ended;
   * a session that expires is no change. Changes of the last moments before the call may be told too. Who falls ten
   * minutes behind gets one change of kind `all` for what was missed.
   *
   * @param onChange called after the commit; it must not wait
   * @returns a handle that ends the telling, as closing the store does
   * @throws {StoreError} `store/closed`, `store/unavailable`
   */
  watch(onChange: ChangeListener, options?: WatchOptions): Disposable;
}
