import type { Context } from "hono";
import { errorMessage, SallyportError } from "../../base/errors.ts";
import { ControlError } from "./control_error.ts";

/** A configuration is no larger. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;

/** The body of a request. @throws {ControlError} `control/too-large` */
export async function bodyText(c: Context): Promise<string> {
  const text = await c.req.text();
  if (text.length > MAX_BODY_BYTES) {
    throw new ControlError("control/too-large", "The configuration is larger than 10 MiB");
  }
  return text;
}

/** What is answered to a request that cannot be done. */
export function controlFailed(error: Error, c: Context): Response {
  const code = error instanceof SallyportError ? error.code : "control/failed";
  const hint = error instanceof SallyportError ? error.hint : undefined;
  return c.json({ code, error: errorMessage(error), hint }, error instanceof ControlError ? 400 : 500);
}
