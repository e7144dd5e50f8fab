import type { Clock } from "../base/clock.ts";
import { type Random, randomId } from "../base/random.ts";
import type { NewSession, SessionRecord, Store } from "../store/store.ts";
import type { LogoutNotice } from "./logout_token.ts";
import type { OidcProvider, Vouched } from "./oidc_provider.ts";
import type { ProviderPerson } from "./provider_claims.ts";

/** What a provider is called. */
export type ProviderIds = Pick<OidcProvider, "id" | "issuerId">;

/** What {@link beginProviderSession} works with. */
export interface NewProviderSession {
  /** Where the session and its user are kept. */
  readonly store: Store;
  /** Who vouches. */
  readonly provider: ProviderIds;
  /** For the times of the session. */
  readonly clock: Clock;
  /** For its id. */
  readonly random: Random;
  /** How long it may last, in milliseconds. */
  readonly lifetimeMs: number;
  /** Where it came from, see {@link SessionRecord}. */
  readonly origin: Pick<SessionRecord, "createdFrom" | "userAgent">;
}

/**
 * Begins the session of somebody for whom a provider vouches, and keeps what the provider says about them: the user
 * `provider/subject`, who has no password.
 *
 * @throws {StoreError}
 */
export async function beginProviderSession(
  { person, grant }: Vouched,
  options: NewProviderSession,
): Promise<SessionRecord> {
  const { store, provider, clock, random, lifetimeMs, origin } = options;
  const now = clock.now();
  const userId = providerUserId(provider, person.subject);
  await saveUser(person, { userId, store, now });
  const session: NewSession = {
    id: randomId(random),
    userId,
    providerId: provider.id,
    claims: person.claims,
    createdAt: now,
    expiresAt: now + lifetimeMs,
    ...origin,
    providerGrant: grant,
  };
  await store.addSession(session);
  return { ...session, lastUsedAt: now };
}

/** Writes down what the provider says now about the person of a session. @throws {StoreError} */
export async function updateProviderSession(
  session: SessionRecord,
  { person, grant }: Vouched,
  { store, now }: { store: Store; now: number },
): Promise<void> {
  await saveUser(person, { userId: session.userId, store, now });
  await store.updateSession({ id: session.id, claims: person.claims, providerGrant: grant });
}

/** The id of the user that a provider's `sub` names, whichever client asked. */
export function providerUserId({ issuerId }: Pick<OidcProvider, "issuerId">, subject: string): string {
  return `${issuerId}/${subject}`;
}

/** The `sub` that the provider has given to the person of a session of its own. */
export function providerSubject(
  provider: Pick<OidcProvider, "issuerId">,
  session: Pick<SessionRecord, "userId">,
): string {
  return session.userId.slice(providerUserId(provider, "").length);
}

/** The sessions that end by a provider's notice. @throws {StoreError} */
export async function sessionsToEnd(
  notice: LogoutNotice,
  { store, provider, now }: { store: Store; provider: ProviderIds; now: number },
): Promise<SessionRecord[]> {
  const { subject, providerSessionId } = notice;
  const candidates = subject === null
    ? await store.listSessions(now)
    : await store.sessionsOf(providerUserId(provider, subject), now);
  return candidates.filter(({ providerId, providerGrant }) =>
    providerId === provider.id &&
    (providerSessionId === null || providerGrant?.providerSessionId === providerSessionId)
  );
}

async function saveUser(
  { email, displayName, groups }: ProviderPerson,
  { userId, store, now }: { userId: string; store: Store; now: number },
): Promise<void> {
  await store.saveProviderUser({
    id: userId,
    name: userId,
    email,
    displayName,
    groups,
    passwordHash: "",
    createdAt: now,
  });
}
