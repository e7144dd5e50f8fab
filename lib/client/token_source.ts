import { ClientError } from "./client_error.ts";
import type { GatewayAddress } from "./gateway_address.ts";
import { fitsInHeader } from "./token.ts";
import type { TokenCache } from "./token_cache.ts";

/** Where the token for a gateway comes from. */
export interface TokenSource {
  /** The token to send now, or `null` when there is none yet. Never asks the person. */
  current(): Promise<string | null>;
  /**
   * A token in place of one that the gateway did not take.
   *
   * @param rejected what was sent; `null` when nothing was
   * @throws {ClientError} when there can be no other token
   */
  renew(rejected: string | null): Promise<string>;
}

/**
 * A token that was given to the program, such as that of a service account. It is never stored.
 *
 * @param token surrounding white space is dropped
 * @throws {ClientError} `client/invalid-token` when it cannot stand in a header
 */
export function fixedTokenSource(token: string): TokenSource {
  const trimmed = token.trim();
  if (!fitsInHeader(trimmed)) {
    throw new ClientError(
      "client/invalid-token",
      "The token of the service account is empty, too long, or not a token",
    );
  }
  return {
    current: () => Promise.resolve(trimmed),
    renew: () =>
      Promise.reject(
        new ClientError(
          "client/login-required",
          "The gateway does not accept the token of the service account",
          {
            hint: "check that it has not expired and belongs to this gateway",
          },
        ),
      ),
  };
}

/** How to come by tokens of a person. */
export interface PersonTokenOptions {
  /** Whose tokens these are. */
  readonly gateway: GatewayAddress;
  /** Where they are kept between runs. */
  readonly cache: TokenCache;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: () => number;
  /** Asks the person. */
  readonly signIn: () => Promise<string>;
}

/**
 * The token of a person: the cached one, and when the gateway does not take it, a new one after signing in. Those who
 * ask at the same time share one sign-in.
 */
export function personTokenSource(options: PersonTokenOptions): TokenSource {
  const { gateway, cache, now } = options;
  let latest: string | null = null;
  let pending: Promise<string> | null = null;

  async function renewed(rejected: string | null): Promise<string> {
    // Another tunnel, or another process, may have signed in meanwhile.
    const stored = await cache.load(gateway, now());
    const other = [latest, stored].find((token) => token !== null && token !== rejected);
    if (typeof other === "string") return latest = other;
    latest = null;
    if (stored !== null) await cache.remove(gateway);
    latest = await options.signIn();
    await cache.save(gateway, latest);
    return latest;
  }

  return {
    current: async () => latest ?? await cache.load(gateway, now()),
    renew: (rejected) => pending ??= renewed(rejected).finally(() => pending = null),
  };
}
