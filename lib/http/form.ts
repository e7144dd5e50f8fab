import type { Context } from "hono";
import { abortable } from "../base/abortable.ts";
import { concatBytes, fromUtf8 } from "../base/bytes.ts";
import type { HttpEnv } from "./env.ts";
import type { HttpServices } from "./services.ts";
import type { HttpErrorCode } from "./status.ts";

/** Our forms hold a name, a password and a token. */
const MAX_FORM_BYTES = 16 * 1024;

/**
 * Reads a form (`application/x-www-form-urlencoded`) of at most 16 KiB, in at most the time for a request head. One that
 * is not valid UTF-8 is empty.
 *
 * @returns the fields, or the code to refuse the request with
 */
export async function readForm(
  c: Context<HttpEnv>,
  services: HttpServices,
): Promise<URLSearchParams | HttpErrorCode> {
  const late = new AbortController();
  using _timer = services.clock.timer(services.config.timeouts.readMs, () => late.abort());
  try {
    const bytes = await abortable(readBody(c.req.raw), late.signal);
    return bytes === null ? "http/too-large" : parseForm(bytes);
  } catch {
    return late.signal.aborted ? "http/too-slow" : "http/bad-request";
  }
}

async function readBody(request: Request): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > MAX_FORM_BYTES) return null;
    chunks.push(chunk);
  }
  return concatBytes(chunks);
}

function parseForm(bytes: Uint8Array): URLSearchParams {
  try {
    return new URLSearchParams(fromUtf8(bytes));
  } catch {
    return new URLSearchParams();
  }
}

/** Whether the browser says that another site sent the form (Fetch Metadata). */
export function isCrossSite(c: Context<HttpEnv>): boolean {
  const site = c.req.header("sec-fetch-site");
  return site !== undefined && site !== "same-origin" && site !== "none";
}
