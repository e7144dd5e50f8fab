import type { Context } from "hono";
import type { HttpEnv } from "./env.ts";
import type { HttpServices } from "./services.ts";

/** Ends a session and its tunnels, and writes it down. A session that is no more is left at that. */
export async function endSession(
  c: Context<HttpEnv>,
  services: HttpServices,
  session: { readonly id: string; readonly userId: string },
): Promise<void> {
  if (!await services.store.removeSession(session.id)) return;
  services.tunnels.endSession(session.id, "session-ended");
  services.audit.signIn({
    requestId: c.get("requestId"),
    ip: c.get("ip"),
    event: "signed-out",
    userName: null,
    userId: session.userId,
    sessionId: session.id,
  });
}
