import type { Context } from "hono";
import { fingerprintOfKeyId } from "../identity/key_sign_ins.ts";
import type { SessionRecord } from "../store/store.ts";
import { refuse } from "./answers.tsx";
import { callerOf } from "./caller.ts";
import type { HttpEnv } from "./env.ts";
import { readOwnForm } from "./own_form.ts";

import { noteKey } from "./key_sign_in.tsx";
import type { KeyCard } from "./pages/key_list.tsx";
import type { HttpServices } from "./services.ts";

/** So many keys are shown of each kind. */
const MAX_SHOWN = 100;

/** The keys that stand for somebody, or for one of their sessions. */
export async function keysOf(
  session: Pick<SessionRecord, "userId">,
  { store, clock }: HttpServices,
): Promise<readonly KeyCard[]> {
  const ofSession = await store.keys.sessionBindingsOf(session.userId, clock.now());
  const ofUser = await store.keys.identityBindingsOf(session.userId);
  return [
    ...ofSession.slice(0, MAX_SHOWN).map((binding) => ({ ...binding, kind: "session" as const })),
    ...ofUser.slice(0, MAX_SHOWN).map((binding) => ({
      ...binding,
      kind: "identity" as const,
      expiresAt: null,
    })),
  ].map((binding) => ({ ...binding, fingerprint: fingerprintOfKeyId(binding.keyId) }));
}

/** `POST /.pomerium/session_binding/revoke`: the key in the field `sessionBindingID` stands for no session any more. */
export function revokeSessionBinding(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  return revoke(c, services, "removeSessionBinding");
}

/** `POST /.pomerium/identity_binding/revoke`: the key in the field `sessionBindingID` is asked about again. */
export function revokeIdentityBinding(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  return revoke(c, services, "removeIdentityBinding");
}

async function revoke(
  c: Context<HttpEnv>,
  services: HttpServices,
  what: "removeSessionBinding" | "removeIdentityBinding",
): Promise<Response> {
  const fields = await readOwnForm(c, services);
  if (fields instanceof Response) return fields;
  const caller = await callerOf(c, services);
  const { store, clock } = services;
  const session = caller.kind === "session"
    ? await store.liveSession(caller.session.sessionId, clock.now())
    : null;
  if (session === null) return refuse(c, "http/invalid-token");
  const keyId = (fields.get("sessionBindingID") ?? "").slice(0, 256);
  if (await store.keys[what](keyId, session.userId)) {
    noteKey(c, services, { keyId, session, event: "key-revoked" });
  }
  return c.redirect("/.pomerium/sessions", 303);
}
