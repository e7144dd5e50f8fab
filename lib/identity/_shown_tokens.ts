import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
} from "jose";
import type { CustomFetch } from "openid-client";
import type { Clock } from "../base/clock.ts";
import { IdentityError } from "./identity_error.ts";
import { unavailable } from "./_provider_fetch.ts";

/** How a token has to be. */
export interface ShownTokenRule {
  /** Its `iss`. */
  readonly issuer: string;
  /** Where the provider publishes its keys; `undefined`: nowhere. */
  readonly keys: string | undefined;
  /** One of them is its `aud`. */
  readonly audiences: readonly string[];
  /** Its `typ`, in lower case, unless it has none. */
  readonly types: readonly string[];
}

const ALGORITHMS = ["RS256", "ES256", "EdDSA"];
/** How long after a failure nobody is asked again. */
const HOLD_OFF_MS = 1000;

/** Verifies tokens (JWT, RFC 7519) that a provider has signed and somebody else shows. */
export class ShownTokens {
  readonly #fetch: CustomFetch;
  readonly #clock: Clock;
  #keySet: { readonly url: string; readonly find: JWTVerifyGetKey } | null = null;

  /** A verifier; keys are fetched by `fetch`. */
  constructor(options: { fetch: CustomFetch; clock: Clock }) {
    this.#fetch = options.fetch;
    this.#clock = options.clock;
  }

  /**
   * The claims of a token that is valid now; among them are `sub` and `exp`.
   *
   * @throws {IdentityError} `identity/bearer-invalid`, `identity/provider-unavailable`
   */
  async verify(token: string, rule: ShownTokenRule): Promise<JWTPayload & { sub: string; exp: number }> {
    const { issuer, keys, audiences, types } = rule;
    if (keys === undefined) throw unavailable("it publishes no keys");
    try {
      const { payload, protectedHeader: { typ } } = await jwtVerify(token, this.#keysAt(keys), {
        algorithms: ALGORITHMS,
        issuer,
        audience: [...audiences],
        currentDate: new Date(this.#clock.now()),
        requiredClaims: ["exp", "sub"],
      });
      // Logout tokens are for the same audience, and older providers give them no type.
      if ((typ !== undefined && !types.includes(typ.toLowerCase())) || payload.events !== undefined) {
        throw invalidBearer("is of another kind");
      }
      return payload as typeof payload & { sub: string; exp: number };
    } catch (error) {
      if (error instanceof IdentityError) throw error;
      // No cause: the errors of the library carry the payload.
      throw invalidBearer(error instanceof errors.JWTExpired ? "has expired" : "is not valid");
    }
  }

  #keysAt(url: string): JWTVerifyGetKey {
    if (this.#keySet?.url !== url) this.#keySet = { url, find: this.#readKeys(url) };
    return this.#keySet.find;
  }

  #readKeys(url: string): JWTVerifyGetKey {
    const remote = createRemoteJWKSet(new URL(url), {
      [customFetch]: (url, { headers, method, signal }) =>
        this.#fetch(url, {
          headers: Object.fromEntries(headers),
          method,
          signal,
          body: undefined,
          redirect: "manual",
        }),
    });
    let failedAt: number | null = null;
    return async (header, input) => {
      if (failedAt !== null && this.#clock.monotonic() - failedAt < HOLD_OFF_MS) {
        throw unavailable("its keys cannot be had");
      }
      try {
        return await remote(header, input);
      } catch (error) {
        if (saysNoKey(error)) throw error;
        failedAt = this.#clock.monotonic();
        throw error instanceof IdentityError ? error : unavailable("its keys cannot be had", error);
      }
    };
  }
}

/** The keys were read, and none of them is the one. */
export function saysNoKey(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported;
}

/** What to throw about a bearer token. @param what never the token */
export function invalidBearer(what: string): IdentityError {
  return new IdentityError("identity/bearer-invalid", `The bearer token ${what}`);
}
