import type { Caller } from "../identity/resolve_caller.ts";
import type { RequestContext } from "./request_context.ts";

/** Longer ones are cut. */
const MAX_LENGTH = 256;

/** What leads a caller to the same service each time: what the request says, else the session, else the address. */
export function routingKey(c: RequestContext, caller: Caller): string {
  const asked = c.req.header("x-pomerium-routing-key");
  if (asked !== undefined) return asked.slice(0, MAX_LENGTH);
  return caller.kind === "session" ? caller.session.sessionId : c.get("ip");
}
