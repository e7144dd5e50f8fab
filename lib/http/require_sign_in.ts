import type { Context } from "hono";
import type { Caller } from "../identity/resolve_caller.ts";
import { preferredType, refuse } from "./answers.tsx";
import { isProgram } from "./caller.ts";
import type { HttpEnv } from "./env.ts";
import { isGrpc } from "./forward/grpc.ts";

/**
 * The answer to a caller who must sign in first: 302 to the sign-in page, or 401 for those who would not follow it:
 * requests that brought a token outside a cookie, scripts of a page, and clients that want something other than HTML.
 *
 * @param options `location`: makes the signed address of the sign-in page
 */
export async function requireSignIn(
  c: Context<HttpEnv>,
  caller: Caller,
  options: { location: () => Promise<string> },
): Promise<Response> {
  const accept = c.req.header("accept");
  const wantsPage = accept === undefined || accept.includes("*/*") || preferredType(accept) === "html";
  const isScript = c.req.header("x-requested-with")?.toLowerCase() === "xmlhttprequest";
  const isRpc = isGrpc(c.req.header("content-type"));
  if (isProgram(caller) || isScript || isRpc || !wantsPage) return refuse(c, "http/invalid-token");
  return refuse(c, "http/unauthenticated", { location: await options.location() });
}
