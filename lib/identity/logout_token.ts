import { createRemoteJWKSet, customFetch, decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import type { CustomFetch } from "openid-client";
import type { Clock } from "../base/clock.ts";
import { IdentityError } from "./identity_error.ts";

/** A session or a person that the provider has signed out. */
export interface LogoutNotice {
  /** Whose sessions end; `null`: whoever has the session below. */
  readonly subject: string | null;
  /** Which session of the provider's ends; `null`: all of the person's. */
  readonly providerSessionId: string | null;
  /** Tells this token from others. */
  readonly tokenId: string;
  /** Until when the token is good, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly expiresAt: number;
}

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
/** No HMAC: who verifies with a public key must not take it for a shared secret. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
const MAX_TOKEN_LENGTH = 8192;
const LEEWAY_S = 60;
/** The specification advises tokens of at most two minutes. */
const MAX_AGE_S = 600;

/** Verifies logout tokens (OpenID Connect Back-Channel Logout 1.0 section 2.6). */
export class LogoutTokens {
  readonly #fetch: CustomFetch;
  readonly #clientId: string;
  readonly #clock: Clock;
  #keySet: { readonly url: string; readonly find: ReturnType<typeof createRemoteJWKSet> } | null = null;

  /** A verifier of tokens for `clientId`; keys are fetched by `fetch`. */
  constructor(options: { fetch: CustomFetch; clientId: string; clock: Clock }) {
    this.#fetch = options.fetch;
    this.#clientId = options.clientId;
    this.#clock = options.clock;
  }

  /**
   * Reads a token after verifying it. Whether it was used before is not asked here.
   *
   * @param token from outside; more than 8192 characters are refused
   * @param options `keys`: where the provider publishes its keys
   * @throws {IdentityError} `identity/logout-token-invalid`, `identity/provider-unavailable`
   */
  async verify(
    token: string,
    { issuer, keys }: { issuer: string; keys: string | undefined },
  ): Promise<LogoutNotice> {
    if (keys === undefined) throw invalid("cannot be verified: the provider publishes no keys");
    if (token.length > MAX_TOKEN_LENGTH) throw invalid("is too long");
    return noticeOf(await this.#payloadOf(token, { issuer, keys }));
  }

  async #payloadOf(token: string, { issuer, keys }: { issuer: string; keys: string }): Promise<JWTPayload> {
    try {
      const { payload, protectedHeader: { typ } } = await jwtVerify(token, this.#keysAt(keys), {
        algorithms: ALGORITHMS,
        issuer,
        audience: this.#clientId,
        currentDate: new Date(this.#clock.now()),
        clockTolerance: LEEWAY_S,
        maxTokenAge: MAX_AGE_S,
        requiredClaims: ["iat", "exp", "jti", "events"],
      });
      // Tokens of other kinds bear another type; older providers write none, or JWT.
      if (typ !== undefined && !["logout+jwt", "jwt"].includes(typ.toLowerCase())) {
        throw invalid("is of another type");
      }
      return payload;
    } catch (error) {
      if (error instanceof IdentityError) throw error;
      // No cause: the errors of the library carry the payload.
      if (error instanceof errors.JOSEError) throw invalid(`does not hold (${error.code})`);
      throw error;
    }
  }

  #keysAt(url: string): ReturnType<typeof createRemoteJWKSet> {
    if (this.#keySet?.url !== url) {
      const fetch = this.#fetch;
      const find = createRemoteJWKSet(new URL(url), {
        [customFetch]: (url, { headers, method, signal }) =>
          fetch(url, {
            headers: Object.fromEntries(headers),
            method,
            signal,
            body: undefined,
            redirect: "manual",
          }),
      });
      this.#keySet = { url, find };
    }
    return this.#keySet.find;
  }
}

/** The clients that a token says it is for. Nothing is verified: who asks one of them verifies it. */
export function clientsOf(token: string): readonly string[] {
  if (token.length > MAX_TOKEN_LENGTH) return [];
  try {
    const { aud = [] } = decodeJwt(token);
    return [aud].flat().filter((client) => typeof client === "string");
  } catch (error) {
    if (error instanceof errors.JWTInvalid) return [];
    throw error;
  }
}

function noticeOf({ sub, sid, jti, exp, nonce, events }: JWTPayload): LogoutNotice {
  const subject = typeof sub === "string" && sub !== "" ? sub : null;
  const providerSessionId = typeof sid === "string" && sid !== "" ? sid : null;
  if (subject === null && providerSessionId === null) throw invalid("names neither a person nor a session");
  // With a nonce it would be an ID token.
  if (nonce !== undefined || !hasLogoutEvent(events)) throw invalid("is none");
  return { subject, providerSessionId, tokenId: jti!, expiresAt: exp! * 1000 + LEEWAY_S * 1000 };
}

function hasLogoutEvent(events: unknown): boolean {
  if (typeof events !== "object" || events === null || !Object.hasOwn(events, EVENT)) return false;
  const event = (events as Record<string, unknown>)[EVENT];
  return typeof event === "object" && event !== null;
}

function invalid(what: string): IdentityError {
  return new IdentityError("identity/logout-token-invalid", `The logout token ${what}`);
}
