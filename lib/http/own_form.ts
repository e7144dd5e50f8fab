import type { Context } from "hono";
import { refuse } from "./answers.tsx";
import type { HttpEnv } from "./env.ts";
import { isCrossSite, readForm } from "./form.ts";
import type { HttpServices } from "./services.ts";
import { isFromBrowser } from "./sign_in_chain.ts";

/**
 * Reads a form that a page of the gateway gave to this browser: its field `csrf` is the proof.
 *
 * @returns the fields, or the answer to a form that cannot be read or came from elsewhere
 */
export async function readOwnForm(
  c: Context<HttpEnv>,
  services: HttpServices,
): Promise<URLSearchParams | Response> {
  const fields = await readForm(c, services);
  if (typeof fields === "string") return refuse(c, fields);
  const token = fields.get("csrf");
  const isOwn = !isCrossSite(c) && await isFromBrowser(c, services, { purpose: "form", token });
  return isOwn ? fields : refuse(c, "http/forged-form");
}
