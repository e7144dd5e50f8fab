import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import type { Clock } from "../base/clock.ts";
import { Recent } from "../base/recent.ts";
import { IdentityError } from "./identity_error.ts";

/** What a session token says: which session it names, and for whom. */
export interface SessionTokenClaims {
  /** `iss`: host that signed the caller in. */
  readonly issuer: string;
  /** `sub`: id of the user. */
  readonly userId: string;
  /** `aud`: hosts it was made for. */
  readonly audience: readonly string[];
  /** `jti`: id of the session, whose record decides whether the token still holds. */
  readonly sessionId: string;
  /** `idp_id`: the identity provider that vouched for the caller. */
  readonly providerId: string;
  /** `iat`, in milliseconds since 1970, cut to whole seconds. */
  readonly issuedAt: number;
  /** `exp`: end of the session, in milliseconds since 1970, cut to whole seconds. */
  readonly expiresAt: number;
  /** `secret`: of a service account, which keeps its hash; absent from the tokens of people. */
  readonly secret?: string;
}

/** Longest token that is looked at, in characters. */
export const MAX_TOKEN_LENGTH = 8192;

/** So many tokens are remembered that were verified, the latest. */
const MAX_REMEMBERED = 1000;

/** How far in the future `iat` may lie: the clocks of several gateways differ. */
const LEEWAY_S = 60;

/** Issues and verifies session tokens: JWT (RFC 7519), signed with HS256 and nothing else. */
export class SessionTokens {
  readonly #key: CryptoKey;
  readonly #clock: Clock;
  /** A signature that was right stays right; whether the time has come or gone is asked each time. */
  readonly #verified = new Recent<SessionTokenClaims>(MAX_REMEMBERED);

  /** Tokens under `key`, the `sessionToken` of `deriveKeys()`. */
  constructor(options: { key: CryptoKey; clock: Clock }) {
    this.#key = options.key;
    this.#clock = options.clock;
  }

  /** The token for a session, in compact serialization. */
  issue(claims: SessionTokenClaims): Promise<string> {
    const { secret } = claims;
    return new SignJWT({ idp_id: claims.providerId, ...(secret === undefined ? {} : { secret }) })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setIssuer(claims.issuer)
      .setSubject(claims.userId)
      .setAudience([...claims.audience])
      .setJti(claims.sessionId)
      .setIssuedAt(Math.floor(claims.issuedAt / 1000))
      .setExpirationTime(Math.floor(claims.expiresAt / 1000))
      .sign(this.#key);
  }

  /**
   * Reads a token after verifying its signature and its times. Whether the session still lives is not asked here, nor
   * is `aud`: a token serves every host of the gateway.
   *
   * @param token from outside; more than 8192 characters are refused
   * @throws {IdentityError} `identity/token-invalid`, `identity/token-expired`
   */
  async verify(token: string): Promise<SessionTokenClaims> {
    if (token.length > MAX_TOKEN_LENGTH) throw invalid("is too long");
    const nowMs = this.#clock.now();
    const claims = this.#verified.get(token) ?? await this.#firstVerify(token, nowMs);
    if (claims.expiresAt <= nowMs) throw expired();
    if (claims.issuedAt > nowMs + LEEWAY_S * 1000) throw invalid("was issued in the future");
    return claims;
  }

  async #firstVerify(token: string, nowMs: number): Promise<SessionTokenClaims> {
    const claims = claimsOf(await this.#payloadOf(token, nowMs));
    this.#verified.set(token, claims);
    return claims;
  }

  async #payloadOf(token: string, nowMs: number): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: ["HS256"],
        typ: "JWT",
        currentDate: new Date(nowMs),
      });
      return payload;
    } catch (error) {
      // No cause: the errors of the library carry the payload.
      if (!(error instanceof errors.JWTExpired)) throw invalid("was not issued here, or was changed");
      throw expired();
    }
  }
}

function claimsOf(payload: JWTPayload): SessionTokenClaims {
  const { iss, sub, aud, jti, iat, exp, idp_id: providerId, secret } = payload;
  if (
    typeof iss !== "string" || typeof sub !== "string" || typeof jti !== "string" || !Array.isArray(aud) ||
    typeof providerId !== "string" || iat === undefined || exp === undefined
  ) throw invalid("lacks a claim");
  return {
    issuer: iss,
    userId: sub,
    audience: aud,
    sessionId: jti,
    providerId,
    issuedAt: iat * 1000,
    expiresAt: exp * 1000,
    ...(typeof secret === "string" ? { secret } : {}),
  };
}

function expired(): IdentityError {
  return new IdentityError("identity/token-expired", "The session token has expired");
}

function invalid(what: string): IdentityError {
  return new IdentityError("identity/token-invalid", `The session token ${what}`);
}
