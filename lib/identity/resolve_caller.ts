import type { Clock } from "../base/clock.ts";
import type { SessionFacts } from "../policy/facts.ts";
import type { ServiceAccountRecord, SessionRecord, Store, UserRecord } from "../store/store.ts";
import type { ActiveSessions } from "./active_sessions.ts";
import type { Carrier, Credentials } from "./credentials.ts";
import { IdentityError } from "./identity_error.ts";
import { countsOn } from "./provider_ids.ts";
import { isTokenOf } from "./service_accounts.ts";
import type { SessionTokenClaims, SessionTokens } from "./session_token.ts";

/** Who is calling. */
export type Caller =
  /** The request carries no token. */
  | { readonly kind: "anonymous" }
  /** The request carries a token that holds no more, or never did. */
  | { readonly kind: "invalid"; readonly carrier: Carrier }
  /** A user with a live session. */
  | {
    readonly kind: "session";
    readonly session: SessionFacts;
    /** Who vouched, see {@link SessionRecord}; `null` for service accounts and bearer tokens of others. */
    readonly providerId: string | null;
    /** Milliseconds since 1970-01-01T00:00:00Z. */
    readonly sessionExpiresAt: number;
    readonly carrier: Carrier;
  };

/**
 * Finds out who is calling: the token must be ours, the session it names must live, and its user must still exist.
 * What names no session is looked for among the service accounts, which may be idle for any time.
 *
 * @param options `credentials`: what `findCredentials()` answered; `sessions`: on the same store
 * @throws {StoreError} when the store cannot be asked: nobody may be let in or called anonymous then
 */
export async function resolveCaller(
  options: {
    credentials: Credentials | null;
    store: Store;
    sessions: ActiveSessions;
    tokens: SessionTokens;
    clock: Clock;
  },
): Promise<Caller> {
  const { credentials, store, sessions, tokens, clock } = options;
  if (credentials === null) return { kind: "anonymous" };
  const { carrier } = credentials;
  const claims = await verified(tokens, credentials.token);
  const found = claims === null ? null : await sessionOrAccount(claims, { store, sessions, clock });
  if (found === null) return { kind: "invalid", carrier };
  const { session, providerId, expiresAt } = found;
  return { kind: "session", session, providerId, sessionExpiresAt: expiresAt, carrier };
}

interface FoundSession {
  readonly session: SessionFacts;
  readonly providerId: string | null;
  readonly expiresAt: number;
}

async function sessionOrAccount(
  claims: SessionTokenClaims,
  { store, sessions, clock }: { store: Store; sessions: ActiveSessions; clock: Clock },
): Promise<FoundSession | null> {
  const session = await sessions.use(claims.sessionId);
  if (session === null) return await serviceAccountOf(claims, { store, now: clock.now() });
  const user = belongsTo(session, claims) ? await store.userById(session.userId) : null;
  if (user === null) return null;
  const { providerId, expiresAt } = session;
  return { session: sessionFacts(session, user), providerId, expiresAt };
}

async function serviceAccountOf(
  claims: SessionTokenClaims,
  { store, now }: { store: Store; now: number },
): Promise<FoundSession | null> {
  const account = await store.liveServiceAccount(claims.sessionId, now);
  if (account === null || !await isTokenOf(account, claims)) return null;
  const session = await accountFacts(account, store);
  return session === null ? null : { session, providerId: null, expiresAt: account.expiresAt };
}

/**
 * What a policy may ask about the session or the service account with this id, as it is now.
 *
 * @param options `wanted`: the provider id of the route that is asked for; default: any session counts
 * @returns `null` when it or its user is no more, or the session is of another client
 * @throws {StoreError} when the store cannot be asked
 */
export async function sessionFactsById(
  id: string,
  { store, clock, wanted }: { store: Store; clock: Clock; wanted?: string },
): Promise<SessionFacts | null> {
  const session = await store.liveSession(id, clock.now());
  if (session === null) {
    const account = await store.liveServiceAccount(id, clock.now());
    return account === null ? null : await accountFacts(account, store);
  }
  if (wanted !== undefined && !countsOn(wanted, session.providerId)) return null;
  const user = await store.userById(session.userId);
  return user === null ? null : sessionFacts(session, user);
}

/** What a policy may ask about a service account. @returns `null` when its user is no more */
async function accountFacts(account: ServiceAccountRecord, store: Store): Promise<SessionFacts | null> {
  const { id, userId, email, description } = account;
  if (userId === null) {
    const claims = { sub: id, email: email ?? "", name: description, groups: [] };
    return { sessionId: id, userId: id, email: email ?? "", groups: [], claims };
  }
  const user = await store.userById(userId);
  if (user === null) return null;
  const { email: address, groups } = user;
  return { sessionId: id, userId: subjectOf(user), email: address, groups, claims: userClaims(user) };
}

/**
 * What a policy may ask about a session: its claims as they were at sign-in, overlaid by the user as they are now.
 */
export function sessionFacts(session: Pick<SessionRecord, "id" | "claims">, user: UserRecord): SessionFacts {
  return {
    sessionId: session.id,
    userId: subjectOf(user),
    email: user.email,
    groups: user.groups,
    claims: { ...session.claims, ...userClaims(user) },
  };
}

/** The claims of a user (OpenID Connect Core 1.0 section 5.1, and `groups`). */
export function userClaims(user: UserRecord): Readonly<Record<string, unknown>> {
  if (isOfProvider(user)) {
    const { email, displayName, groups } = user;
    return {
      sub: subjectOf(user),
      ...(email === "" ? {} : { email }),
      ...(displayName === "" ? {} : { name: displayName }),
      groups,
    };
  }
  return {
    sub: user.id,
    email: user.email,
    name: user.displayName === "" ? user.name : user.displayName,
    groups: user.groups,
    preferred_username: user.name,
  };
}

/** Whether an identity provider vouches for this person; everybody else has a password here. */
export function isOfProvider(user: Pick<UserRecord, "passwordHash">): boolean {
  return user.passwordHash === "";
}

/** Who somebody is to policies and services: the `sub` of their provider, or the id of a user with a password. */
export function subjectOf(user: Pick<UserRecord, "id" | "passwordHash">): string {
  return isOfProvider(user) ? user.id.slice(user.id.indexOf("/") + 1) : user.id;
}

async function verified(tokens: SessionTokens, token: string): Promise<SessionTokenClaims | null> {
  try {
    return await tokens.verify(token);
  } catch (error) {
    if (error instanceof IdentityError) return null;
    throw error;
  }
}

function belongsTo(session: SessionRecord, claims: SessionTokenClaims): boolean {
  return session.userId === claims.userId && session.providerId === claims.providerId;
}
