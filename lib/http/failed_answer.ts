import { BadRequest } from "./bad_request.ts";
import { errorMessage } from "../base/errors.ts";
import type { Log } from "../observe/log.ts";

/** What a caller is told when no answer could be made, and what the log says of it. */
export function failedAnswer(error: unknown, log: Log): Response {
  if (error instanceof BadRequest) {
    log.debug("malformed request", { error: error.message });
    const headers = { "proxy-status": "sallyport; error=http_request_error" };
    return new Response("The request does not name a host and a path.\n", { status: 400, headers });
  }
  log.error("a request handler failed", { error: errorMessage(error) });
  return new Response("Internal error.\n", { status: 500 });
}
