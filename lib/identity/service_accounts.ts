import { equalConstantTime, utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { type Random, randomId } from "../base/random.ts";
import type { ServiceAccountRecord, Store } from "../store/store.ts";
import { IdentityError } from "./identity_error.ts";
import type { SessionTokenClaims, SessionTokens } from "./session_token.ts";
import { parseUserFields } from "./user_fields.ts";

/** A service account without what its token is checked against. */
export type ServiceAccount = Omit<ServiceAccountRecord, "secretHash">;

/** What is known of a new service account. */
export interface NewServiceAccount {
  /** Name of the user it acts for, with all that they may; either this or `email`. */
  readonly user?: string;
  /** E-mail address of its own, for policies that ask for it; at most 254 characters. */
  readonly email?: string;
  /** How long its token holds: from one second to 400 days, in milliseconds. */
  readonly lifetimeMs: number;
  /** What it is for: at most 256 printable characters; default empty. */
  readonly description?: string;
  /** Host that stands in the token as its issuer; default `sallyport`. */
  readonly issuer?: string;
}

/** `idp_id` of the tokens. */
const PROVIDER_ID = "service-account";
const DEFAULT_ISSUER = "sallyport";
const SECRET_BYTES = 32;
const MIN_LIFETIME_MS = 1000;
const MAX_LIFETIME_MS = 400 * 86_400_000;
const MAX_DESCRIPTION = 256;
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;

/**
 * The programs that may call without a person signing in. Each has a token, which is a session token with a random secret
 * of 256 bits in it; only its hash is kept, for which SHA-256 is enough: nobody can go through that many secrets.
 */
export class ServiceAccounts {
  readonly #store: Store;
  readonly #tokens: SessionTokens;
  readonly #clock: Clock;
  readonly #random: Random;

  /** Service accounts in `store`, which stays the caller's to close; their tokens are signed by `tokens`. */
  constructor(options: { store: Store; tokens: SessionTokens; clock: Clock; random: Random }) {
    this.#store = options.store;
    this.#tokens = options.tokens;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /**
   * Adds a service account.
   *
   * @returns what is kept, and the token, which cannot be had again
   * @throws {IdentityError} `identity/bad-service-account`, `identity/bad-email`, `identity/no-such-user`
   * @throws {StoreError} `store/no-such-user` when the user was removed meanwhile
   */
  async create(options: NewServiceAccount): Promise<{ account: ServiceAccount; token: string }> {
    const { lifetimeMs, description = "", issuer = DEFAULT_ISSUER } = options;
    requireBounds({ lifetimeMs, description });
    const now = this.#clock.now();
    const secret = randomId(this.#random, SECRET_BYTES);
    const account: ServiceAccount = {
      id: randomId(this.#random),
      ...await this.#identityOf(options),
      description,
      createdAt: now,
      expiresAt: now + lifetimeMs,
    };
    const token = await this.#tokens.issue({
      issuer,
      userId: subjectOf(account),
      audience: [issuer],
      sessionId: account.id,
      providerId: PROVIDER_ID,
      issuedAt: now,
      expiresAt: account.expiresAt,
      secret,
    });
    await this.#store.addServiceAccount({ ...account, secretHash: await hashOf(secret) });
    return { account, token };
  }

  /** All that have not expired, newest first. */
  async list(): Promise<ServiceAccount[]> {
    const accounts = await this.#store.listServiceAccounts(this.#clock.now());
    return accounts.map(({ secretHash: _, ...account }) => account);
  }

  /** Ends a service account at once, and with it its tunnels. @throws {IdentityError} `identity/no-such-service-account` */
  async revoke(id: string): Promise<void> {
    if (await this.#store.removeServiceAccount(id)) return;
    const message = `There is no service account ${JSON.stringify(id.slice(0, 64))}`;
    throw new IdentityError("identity/no-such-service-account", message);
  }

  async #identityOf(
    { user: name, email }: NewServiceAccount,
  ): Promise<Pick<ServiceAccount, "userId" | "email">> {
    if ((name === undefined) === (email === undefined)) {
      throw bad("A service account acts for a user or has an e-mail address of its own: one of the two");
    }
    if (name === undefined) return { userId: null, email: parseUserFields({ email }, "").email };
    const user = await this.#store.userByName(name.toLowerCase());
    if (user !== null) return { userId: user.id, email: null };
    throw new IdentityError("identity/no-such-user", `There is no user ${JSON.stringify(name.slice(0, 64))}`);
  }
}

/** Whether a verified token is the one that was made for this account. */
export async function isTokenOf(account: ServiceAccountRecord, claims: SessionTokenClaims): Promise<boolean> {
  const { providerId, userId, secret } = claims;
  if (providerId !== PROVIDER_ID || userId !== subjectOf(account) || secret === undefined) return false;
  return equalConstantTime(utf8(await hashOf(secret)), utf8(account.secretHash));
}

function subjectOf({ id, userId }: ServiceAccount): string {
  return userId ?? id;
}

async function hashOf(secret: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(secret))).toHex();
}

function requireBounds({ lifetimeMs, description }: { lifetimeMs: number; description: string }): void {
  if (!(lifetimeMs >= MIN_LIFETIME_MS && lifetimeMs <= MAX_LIFETIME_MS)) {
    throw bad("A service account lives from one second to 400 days");
  }
  if (description.length > MAX_DESCRIPTION || UNPRINTABLE.test(description)) {
    throw bad(`A description has at most ${MAX_DESCRIPTION} printable characters`);
  }
}

function bad(message: string): IdentityError {
  return new IdentityError("identity/bad-service-account", message);
}
