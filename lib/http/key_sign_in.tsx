import type { Context } from "hono";
import { fingerprintOfKeyId } from "../identity/key_sign_ins.ts";
import type { KeyEvent } from "../observe/audit.ts";
import type { SignInCodeRecord, SignInOutcome } from "../store/key_store.ts";
import type { SessionRecord } from "../store/store.ts";
import { refuse } from "./answers.tsx";
import { callerOf } from "./caller.ts";
import type { HttpEnv } from "./env.ts";
import { readOwnForm } from "./own_form.ts";
import { navOf } from "./nav.ts";
import { gatewayOrigin } from "./origins.ts";
import { KeyDecidedPage, KeySignInPage } from "./pages/key_sign_in_page.tsx";
import { page } from "./pages/render.ts";
import { unknownHost } from "./programmatic_login.ts";
import { requireSignIn } from "./require_sign_in.ts";
import type { HttpServices } from "./services.ts";
import { browserToken, signInUrl } from "./sign_in_chain.ts";

/** Of what `randomId()` makes. */
const CODE = /^[A-Za-z0-9_-]{22}$/;

/** Whether a request for the sign-in page is about the key of a terminal, see {@link userCodeOf}. */
export function isKeySignIn(c: Context<HttpEnv>): boolean {
  return userCodeOf(c) !== null;
}

/** The code in the address that the terminal shows; `null`: it has none. */
function userCodeOf(c: Context<HttpEnv>): string | null {
  return new URL(c.req.url).searchParams.get("user_code");
}

/** A code that waits, and who is to decide. */
interface Asked {
  readonly record: SignInCodeRecord;
  readonly session: SessionRecord;
  readonly user: string;
}

/**
 * `GET /.pomerium/sign_in?user_code=CODE`: after signing in, asks whether a terminal that waits is the person's. A key that
 * they have asked to be remembered is not asked about.
 */
export async function showKeySignIn(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const asked = await askedOf(c, services);
  if (asked instanceof Response) return asked;
  const { record, session, user } = asked;
  const known = await services.store.keys.identityBinding(record.keyId);
  if (known?.userId === session.userId) return await approve(c, services, { ...asked, remember: false });
  const csrf = await browserToken(c, services, "form");
  const signIn = { ...record, fingerprint: fingerprintOfKeyId(record.keyId) };
  return page(c, <KeySignInPage {...{ user, signIn, csrf }} />, 200);
}

/** `POST /.pomerium/sign_in?user_code=CODE`: the answer of the person, in the fields `confirm` and `create_id_binding`. */
export async function submitKeySignIn(c: Context<HttpEnv>, services: HttpServices): Promise<Response> {
  const fields = await readOwnForm(c, services);
  if (fields instanceof Response) return fields;
  const asked = await askedOf(c, services);
  if (asked instanceof Response) return asked;
  if (fields.get("confirm") === "true") {
    const remember = fields.get("create_id_binding") === "true";
    return await approve(c, services, { ...asked, remember });
  }
  const outcome = await services.signIns.deny(asked.record.code);
  return refusalOf(c, outcome) ?? answer(c, services, { ...asked, event: "key-denied" });
}

async function approve(
  c: Context<HttpEnv>,
  services: HttpServices,
  { remember, ...asked }: Asked & { remember: boolean },
): Promise<Response> {
  const { record: { code }, session } = asked;
  const outcome = await services.signIns.approve(code, { session, remember });
  return refusalOf(c, outcome) ?? answer(c, services, { ...asked, event: "key-approved" });
}

function answer(
  c: Context<HttpEnv>,
  services: HttpServices,
  { record, session, event }: Asked & { event: KeyEvent },
): Response {
  noteKey(c, services, { keyId: record.keyId, session, event });
  return page(c, <KeyDecidedPage isApproved={event === "key-approved"} />, 200);
}

/** Writes down what was said of a key. */
export function noteKey(
  c: Context<HttpEnv>,
  { audit }: HttpServices,
  { keyId, session, event }: {
    keyId: string;
    session: Pick<SessionRecord, "id" | "userId">;
    event: KeyEvent;
  },
): void {
  audit.signIn({
    requestId: c.get("requestId"),
    ip: c.get("ip"),
    event,
    userName: null,
    userId: session.userId,
    sessionId: session.id,
    key: fingerprintOfKeyId(keyId),
  });
}

/** The code and the session, or the answer to who has not both. */
async function askedOf(c: Context<HttpEnv>, services: HttpServices): Promise<Asked | Response> {
  const code = userCodeOf(c) ?? "";
  if (!CODE.test(code)) return wrongCode(c);
  const caller = await callerOf(c, services);
  if (caller.kind !== "session") {
    const url = new URL(c.req.url);
    const origin = gatewayOrigin(url, services) ?? services.config.authenticateOrigin;
    if (origin === null) return refuse(c, "http/bad-request", { detail: unknownHost(c) });
    const redirectUri = `${origin}/.pomerium/sign_in?user_code=${code}`;
    const location = async () => {
      const browserMark = await browserToken(c, services, "sign-in");
      return await signInUrl({ origin, redirectUri, programmatic: false, browserMark }, services);
    };
    return await requireSignIn(c, caller, { location });
  }
  const record = await services.signIns.find(code);
  if (record === null) return wrongCode(c);
  if (record.state !== "pending") return refuse(c, "http/already-decided");
  const session = await services.store.liveSession(caller.session.sessionId, services.clock.now());
  // A program that has a token of its own is nobody who could answer for a key.
  if (session === null || caller.carrier !== "cookie") return refuse(c, "http/invalid-token");
  return { record, session, user: navOf(caller.session, services, "sessions").userName };
}

function refusalOf(c: Context<HttpEnv>, outcome: SignInOutcome): Response | null {
  switch (outcome) {
    case "done":
      return null;
    case "unknown":
      return wrongCode(c);
    case "decided":
      return refuse(c, "http/already-decided");
    case "other-user":
      return refuse(c, "http/foreign-key");
  }
}

function wrongCode(c: Context<HttpEnv>): Response {
  const detail = "This address is wrong, or was for a terminal that waits no more. Start again there.";
  return refuse(c, "http/bad-request", { detail });
}
