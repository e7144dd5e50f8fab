import type { NumberedChange } from "./_change_feed.ts";
import type { Sealer } from "./sealed.ts";
import type { ProviderGrant, ServiceAccountRecord, SessionRecord, StoreChange, UserRecord } from "./store.ts";

/** A row as an engine answers it: the columns have the same names in all of them. */
export type Row = Readonly<Record<string, unknown>>;

/** Reads a row of `users`. */
export function userOf(row: Row): UserRecord {
  return {
    id: String(row.id),
    name: String(row.name),
    email: String(row.email),
    displayName: String(row.display_name),
    groups: JSON.parse(String(row.group_names)) as string[],
    passwordHash: String(row.password_hash),
    createdAt: Number(row.created_at),
  };
}

/** What of a session is kept sealed, as text. */
export interface SealedSession {
  /** The claims. */
  readonly claims: string;
  /** What the identity provider gave along; `null` when there is nothing. */
  readonly grant: string | null;
}

/** Seals what of a session is kept sealed. */
export async function sealSession(
  { id, claims, providerGrant }: Pick<SessionRecord, "id" | "claims" | "providerGrant">,
  sealer: Sealer,
): Promise<SealedSession> {
  return {
    claims: await sealer.seal(JSON.stringify(claims), placeOf(id, "claims")),
    grant: providerGrant === undefined
      ? null
      : await sealer.seal(JSON.stringify(providerGrant), placeOf(id, "grant")),
  };
}

/** Opens the claims in a row of `sessions`, as JSON. @returns `null` when the key is another */
export function openClaims(row: Row, sealer: Sealer): Promise<string | null> {
  // Every request of the session asks for them.
  return sealer.open(String(row.claims), placeOf(String(row.id), "claims"), { remember: true });
}

/** Reads a row of `sessions`. @returns `null` when it was sealed under another key: the session does not hold */
export async function openSession(row: Row, sealer: Sealer): Promise<SessionRecord | null> {
  const id = String(row.id);
  const claims = await openClaims(row, sealer);
  const hasGrant = row.provider_grant !== null;
  const grant = hasGrant ? await sealer.open(String(row.provider_grant), placeOf(id, "grant")) : null;
  if (claims === null || (hasGrant && grant === null)) return null;
  return {
    id,
    userId: String(row.user_id),
    providerId: String(row.provider_id),
    claims: JSON.parse(claims) as Record<string, unknown>,
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
    lastUsedAt: Number(row.last_used_at),
    ...(row.created_from === null ? {} : { createdFrom: String(row.created_from) }),
    ...(row.user_agent === null ? {} : { userAgent: String(row.user_agent) }),
    ...(grant === null ? {} : { providerGrant: JSON.parse(grant) as ProviderGrant }),
  };
}

/** Reads rows of `sessions`, without those that were sealed under another key. */
export async function openSessions(rows: readonly Row[], sealer: Sealer): Promise<SessionRecord[]> {
  const sessions = await Promise.all(rows.map((row) => openSession(row, sealer)));
  return sessions.filter((session) => session !== null);
}

function placeOf(id: string, column: string): string {
  return `sessions/${id}/${column}`;
}

/** Reads a row of `service_accounts`. */
export function serviceAccountOf(row: Row): ServiceAccountRecord {
  return {
    id: String(row.id),
    userId: row.user_id === null ? null : String(row.user_id),
    email: row.email === null ? null : String(row.email),
    secretHash: String(row.secret_hash),
    description: String(row.description),
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
  };
}

/** Reads a row of `changes`. A kind that only a newer release knows is passed on as it is. */
export function changeOf(row: Row): NumberedChange {
  return { seq: Number(row.seq), kind: String(row.kind) as StoreChange["kind"], id: String(row.subject) };
}
