import { tokenState } from "./token.ts";

/** The one page to which the browser brings the token. */
export interface Callback {
  /** Settles with the token at the first request that brings one. */
  readonly token: Promise<string>;
  /** Answers a request to the loopback listener. */
  handle(request: Request): Response;
}

/** What a callback accepts. */
export interface CallbackOptions {
  /** `127.0.0.1:port`; another `Host` is refused, so that no web page can reach it by a name of its own. */
  readonly host: string;
  /** Unguessable, begins with a slash. */
  readonly path: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: () => number;
}

/**
 * Waits for `GET <path>?pomerium_jwt=<token>`, once: another path is 404, another method 405, anything that does not
 * carry exactly one usable token 400, a second time 409.
 */
export function loopbackCallback(options: CallbackOptions): Callback {
  const { promise: token, resolve } = Promise.withResolvers<string>();
  let used = false;
  function handle(request: Request): Response {
    const url = new URL(request.url);
    if (request.headers.get("host") !== options.host) {
      return page(421, "This is not the address you asked for.");
    }
    if (url.pathname !== options.path) return page(404, "There is nothing here.");
    if (request.method !== "GET") return page(405, "Only GET is allowed.", { allow: "GET" });
    const parameters = [...url.searchParams];
    const [name, value] = parameters[0] ?? [];
    if (
      parameters.length !== 1 || name !== "pomerium_jwt" || tokenState(value!, options.now()) !== "usable"
    ) {
      return page(400, "The sign-in brought no usable token. Start again on the command line.");
    }
    if (used) return page(409, "This sign-in was already completed.");
    used = true;
    resolve(value!);
    return page(200, "You are signed in. You can close this window.");
  }
  return { token, handle };
}

function page(status: number, text: string, headers: Record<string, string> = {}): Response {
  const body =
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sallyport</title><p>${text}</p></html>\n`;
  return new Response(body, {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      // The token stands in the address: it must not travel on.
      "referrer-policy": "no-referrer",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
      "connection": "close",
      ...headers,
    },
  });
}
