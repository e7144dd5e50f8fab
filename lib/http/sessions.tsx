import type { Context } from "hono";
import type { SessionRecord } from "../store/store.ts";
import { refuse } from "./answers.tsx";
import { callerOf } from "./caller.ts";
import { endSession } from "./end_session.ts";
import type { HttpEnv } from "./env.ts";
import { readOwnForm } from "./own_form.ts";
import { keysOf } from "./key_bindings.ts";
import { navOf } from "./nav.ts";
import { page } from "./pages/render.ts";
import { type SessionCard, SessionsPage } from "./pages/sessions_page.tsx";
import type { HttpServices } from "./services.ts";
import { browserToken } from "./sign_in_chain.ts";
import { answerSignedOut, whereNext } from "./sign_out.tsx";
import { signInFirst } from "./sign_in_first.ts";
import { userAgentFamily } from "./user_agent.ts";

/** So many sessions are shown, the newest. */
const MAX_SHOWN = 100;

/** `GET /.pomerium/sessions`: every live session of the caller. */
export async function showSessions(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const caller = await callerOf(c, services);
  if (caller.kind !== "session") return await signInFirst(c, services, caller);
  const own = caller.session.sessionId;
  const records = await sessionsBeside(own, services);
  // The own one first, whatever its age; the others as they come, newest first.
  records.sort((a, b) => Number(b.id === own) - Number(a.id === own));
  const openTunnels = Map.groupBy(services.tunnels.list(), ({ sessionId }) => sessionId);
  const sessions = records.slice(0, MAX_SHOWN).map((record) => ({
    ...cardOf(record),
    tunnels: openTunnels.get(record.id)?.length ?? 0,
    isOwn: record.id === own,
  }));
  const keys = records[0] === undefined ? [] : await keysOf(records[0], services);
  const nav = navOf(caller.session, services, "sessions");
  const csrf = await browserToken(c, services, "form");
  return page(
    c,
    <SessionsPage {...{ nav, sessions, keys, more: records.length - sessions.length, csrf }} />,
    200,
  );
}

/**
 * `POST /.pomerium/sessions`: ends the session that the field `session` names, if it is the caller's, or with the field
 * `everywhere` all of them.
 */
export async function submitSessions(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const fields = await readOwnForm(c, services);
  if (fields instanceof Response) return fields;
  const caller = await callerOf(c, services);
  if (caller.kind !== "session") return refuse(c, "http/invalid-token");
  const all = await sessionsBeside(caller.session.sessionId, services);
  const ended = fields.has("everywhere") ? all : all.filter(({ id }) => id === fields.get("session"));
  const isOwnEnded = ended.some(({ id }) => id === caller.session.sessionId);
  const next = isOwnEnded ? await whereNext(c, services) : null;
  for (const session of ended) await endSession(c, services, session);
  return isOwnEnded ? answerSignedOut(c, services, next) : c.redirect("/.pomerium/sessions", 303);
}

/** All sessions of the person whose session this is; none when it is not kept in the store. */
async function sessionsBeside(id: string, { store, clock }: HttpServices): Promise<SessionRecord[]> {
  const now = clock.now();
  const own = await store.liveSession(id, now);
  return own === null ? [] : await store.sessionsOf(own.userId, now);
}

function cardOf(record: SessionRecord): Omit<SessionCard, "tunnels" | "isOwn"> {
  const { id, createdFrom = null, userAgent, createdAt, expiresAt } = record;
  const program = userAgent === undefined ? null : userAgentFamily(userAgent);
  return { id, program, address: createdFrom, createdAt, expiresAt };
}
