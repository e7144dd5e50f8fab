import { type Random, randomId } from "../base/random.ts";
import { loopbackCallback } from "./callback.ts";
import { ClientError } from "./client_error.ts";
import { type GatewayAddress, gatewayOrigin } from "./gateway_address.ts";
import { askGateway } from "./gateway_http.ts";
import type { GatewayTrust } from "./gateway_trust.ts";

/** How to sign in. */
export interface SignInOptions {
  /** Which certificates are believed. */
  readonly trust: GatewayTrust;
  /** Shows the sign-in page to the person; what it rejects with ends the sign-in. */
  readonly showUrl: (url: string) => Promise<void>;
  /** Makes the path of the callback unguessable. */
  readonly random: Random;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: () => number;
  /** How long the person may take; default 300,000. */
  readonly timeoutMs?: number;
  /** Gives up when aborted. */
  readonly signal?: AbortSignal;
}

const MAX_URL_LENGTH = 8192;

/**
 * Signs a person in with their browser: listens on a loopback port, asks the gateway where to sign in, shows that page,
 * and waits for the browser to come back with the token.
 *
 * @returns the token
 * @throws {ClientError} `client/sign-in-timeout`, `client/sign-in-failed`, `client/cancelled`, and the codes of
 *   {@link askGateway}
 */
export async function signIn(gateway: GatewayAddress, options: SignInOptions): Promise<string> {
  const path = `/callback/${randomId(options.random, 32)}`;
  await using listener = listenForToken(path, options.now);
  const url = await signInUrl(gateway, { redirectUri: listener.url, options });
  await options.showUrl(url);
  return await arrival(listener.token, options);
}

/** One page on a free loopback port until disposed. */
function listenForToken(path: string, now: () => number) {
  const stop = new AbortController();
  let handle: (request: Request) => Response = () => new Response(null, { status: 503 });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, signal: stop.signal, onListen() {} },
    (request) => handle(request),
  );
  const host = `127.0.0.1:${server.addr.port}`;
  const callback = loopbackCallback({ host, path, now });
  handle = callback.handle;
  return {
    url: `http://${host}${path}`,
    token: callback.token,
    async [Symbol.asyncDispose]() {
      // The page must still arrive; a browser that merely keeps a connection open must not hold us up.
      const late = setTimeout(() => stop.abort(), 1000);
      await server.shutdown();
      clearTimeout(late);
    },
  };
}

async function signInUrl(
  gateway: GatewayAddress,
  { redirectUri, options }: { redirectUri: string; options: SignInOptions },
): Promise<string> {
  const { trust, signal } = options;
  const { status, text } = await askGateway(gateway, {
    path: `/.pomerium/api/v1/login?pomerium_redirect_uri=${encodeURIComponent(redirectUri)}`,
    headers: { accept: "text/plain" },
    trust,
    ...(signal === undefined ? {} : { signal }),
  });
  if (status < 200 || status > 299) {
    throw new ClientError(
      "client/sign-in-failed",
      `The gateway ${gatewayOrigin(gateway)} offers no sign-in (status ${status})`,
      {
        status,
        hint: "check that this is the address of the gateway",
      },
    );
  }
  return checkedUrl(text.trim(), gateway);
}

/** The URL is handed to a program of this machine, so it must be what it should be: a web page. */
function checkedUrl(text: string, gateway: GatewayAddress): string {
  const url = text.length <= MAX_URL_LENGTH && /^[\x21-\x7e]+$/.test(text) && URL.canParse(text)
    ? new URL(text)
    : null;
  if (url?.protocol === "https:" || (url?.protocol === "http:" && !gateway.tls)) return url.href;
  throw new ClientError("client/sign-in-failed", "The gateway did not answer with the URL of a sign-in page");
}

async function arrival(token: Promise<string>, options: SignInOptions): Promise<string> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(
      new ClientError("client/sign-in-timeout", "Nobody signed in with the browser in time", {
        hint: "run the command again to get a fresh sign-in page",
      }),
    );
  }, options.timeoutMs ?? 300_000);
  const onAbort = () => reject(new ClientError("client/cancelled", "The sign-in was cancelled"));
  if (options.signal?.aborted) onAbort();
  options.signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([token, ended]);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", onAbort);
  }
}
