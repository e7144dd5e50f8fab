/** Somebody with a key waits for a person to say in a browser whose key it is. */
export interface SignInCodeRecord {
  /** What the address that the person opens names it by. */
  readonly code: string;
  /** Which key, such as `sshkey-SHA256:…`. */
  readonly keyId: string;
  /** Address that the key came from, without port. */
  readonly address: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly issuedAt: number;
  /** From this moment on it is no more. */
  readonly expiresAt: number;
  /** What the person has said. */
  readonly state: "pending" | "approved" | "denied";
}

/** A key that stands for a session. */
export interface SessionBindingRecord {
  /** Which key; it has no other session binding. */
  readonly keyId: string;
  /** With which it ends. */
  readonly sessionId: string;
  /** The {@link UserRecord} of the session. */
  readonly userId: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number;
  /** From this moment on it is no more. */
  readonly expiresAt: number;
  /** Address that the key came from, without port. */
  readonly createdFrom: string;
}

/** A key of which its user does not want to be asked again, until they revoke that. */
export type IdentityBindingRecord = Omit<SessionBindingRecord, "sessionId" | "expiresAt">;

/** What a person has said about a code. */
export interface SignInDecision {
  /** Which code. */
  readonly code: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
  /** `null`: no. */
  readonly approval: {
    /** The session that the key is to stand for. */
    readonly sessionId: string;
    /** Its user. */
    readonly userId: string;
    /** When the key stops standing for it. */
    readonly expiresAt: number;
    /** Whether the key is to have an identity binding as well. */
    readonly remember: boolean;
  } | null;
}

/**
 * What came of a decision: `done`; `unknown`: there is no such code, or it has expired; `decided`: somebody was first;
 * `other-user`: the key has bindings of somebody else, and nothing was decided.
 */
export type SignInOutcome = "done" | "unknown" | "decided" | "other-user";

/** Keys that stand for people. As with the {@link Store}, every method is one transaction. */
export interface KeyStore {
  /**
   * The code that a key waits with: the one it has, or `wanted`, which is then kept.
   *
   * @param limits how many may wait: of one address, and in all
   * @returns `null` when too many wait
   */
  openSignInCode(
    wanted: Omit<SignInCodeRecord, "state">,
    limits: { readonly ofAddress: number; readonly inAll: number },
  ): Promise<SignInCodeRecord | null>;
  /** The code, decided or not, if it has not expired at `now`; or `null`. */
  signInCode(code: string, now: number): Promise<SignInCodeRecord | null>;
  /**
   * Decides on a code, once: of two who do it at the same time one comes first. Tells of a change of the code, and of the
   * key when it was approved.
   *
   * @throws {StoreError} `store/no-such-user` when the session has ended meanwhile
   */
  decideSignInCode(decision: SignInDecision): Promise<SignInOutcome>;
  /** The session binding of a key, if it has not expired at `now`, or `null`. */
  sessionBinding(keyId: string, now: number): Promise<SessionBindingRecord | null>;
  /** The identity binding of a key, or `null`. */
  identityBinding(keyId: string): Promise<IdentityBindingRecord | null>;
  /** The session bindings of a user that have not expired at `now`, newest first. */
  sessionBindingsOf(userId: string, now: number): Promise<SessionBindingRecord[]>;
  /** The identity bindings of a user, newest first. */
  identityBindingsOf(userId: string): Promise<IdentityBindingRecord[]>;
  /** Ends the session binding of a key of this user. @returns whether there was one */
  removeSessionBinding(keyId: string, userId: string): Promise<boolean>;
  /** Ends the identity binding of a key of this user. @returns whether there was one */
  removeIdentityBinding(keyId: string, userId: string): Promise<boolean>;
  /** Which host key a server is known by, as {@link KeyStore.trustHostKey} has kept it; `null`: none. */
  hostKey(server: string): Promise<string | null>;
  /**
   * Which host key a server is known by: the one that was kept first.
   *
   * @param server such as `host:22`
   * @param key as in a line of `known_hosts`, such as `ssh-ed25519 AAAA…`; kept when there is none
   * @returns the key that counts
   */
  trustHostKey(server: string, key: string): Promise<string>;
}
