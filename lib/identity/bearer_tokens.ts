import { isDeepStrictEqual } from "node:util";
import { createRemoteJWKSet, customFetch, decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import type { JWTVerifyGetKey } from "jose";
import type { CustomFetch } from "openid-client";
import { encodeBase64Url, utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { IdpBearer, TokenIssuer } from "../config/config.ts";
import type { SessionFacts } from "../policy/facts.ts";
import { providerFetch } from "./_provider_fetch.ts";
import { Recent } from "../base/recent.ts";
import { invalidBearer as invalid, saysNoKey } from "./_shown_tokens.ts";
import { IdentityError } from "./identity_error.ts";
import { IdpBearerTokens } from "./idp_bearer.ts";
import type { OidcProvider } from "./oidc_provider.ts";
import { MAX_TOKEN_LENGTH } from "./session_token.ts";

/** A route, as far as bearer tokens go. */
export interface BearerRoute {
  /** Its id. */
  readonly id: string;
  /** Whose tokens it takes; empty: nobody's. */
  readonly tokenIssuers: readonly TokenIssuer[];
  /** How it takes tokens of the identity provider; `null`, as by default: not at all. */
  readonly idpBearer?: IdpBearer | null;
}

/** Who a bearer token says is calling. */
export interface BearerSession {
  /** The caller. The id of the session stands for this token on this route. */
  readonly session: SessionFacts;
  /** End of the token, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly expiresAt: number;
}

/** What bearer tokens are verified with. */
export interface BearerTokensOptions {
  /** PEM text of authorities that are trusted for issuers, beside the system's, as it is now; `null`: none. */
  readonly authorityPem: () => string | null;
  /** The identity provider as it is now; default: there is none. */
  readonly provider?: () => OidcProvider | null;
  /** For expiry. */
  readonly clock: Clock;
  /** How long an issuer may take for an answer; default 5000. */
  readonly timeoutMs?: number;
}

interface Remembered extends BearerSession {
  readonly routeId: string;
  /** Why the token was taken. */
  readonly by: TokenIssuer | IdpBearer;
}

const DEFAULT_TIMEOUT_MS = 5000;
/** So many sessions are remembered, the latest. */
const MAX_SESSIONS = 10_000;
/** Twice as many as a configuration can name, so that a change of it does not fetch everything anew. */
const MAX_KEY_SETS = 64;
/** A key that is not known makes the keys be read again, but no sooner than this after the last time. */
const COOLDOWN_MS = 30_000;
const FRESH_MS = 600_000;
/** How long after a failure nobody is asked again. */
const HOLD_OFF_MS = 1000;

/**
 * Verifies tokens of others (JWT, RFC 7519) that say who is calling: of an issuer that the route takes, signed with a
 * public-key algorithm that it uses, for one of its audiences, and not expired; a token that never expires is refused.
 * Keys (RFC 7517) come by https, in at most 512 KiB, are kept for ten minutes, and are read again for an unknown key every
 * 30 seconds at most. Tokens of the identity provider are for {@link IdpBearerTokens} to judge.
 */
export class BearerTokens {
  readonly #options: BearerTokensOptions;
  readonly #keySets = new Recent<JWTVerifyGetKey>(MAX_KEY_SETS);
  readonly #idp: IdpBearerTokens;
  readonly #sessions = new Recent<Remembered>(MAX_SESSIONS);

  /** Knows no keys and no sessions yet. */
  constructor(options: BearerTokensOptions) {
    this.#options = options;
    const { provider = () => null, clock } = options;
    this.#idp = new IdpBearerTokens({ provider, clock });
  }

  /**
   * Verifies a token for a route.
   *
   * @param token from outside; more than 8192 characters are refused
   * @throws {IdentityError} `identity/bearer-invalid`; `identity/issuer-unavailable`: its keys cannot be had
   */
  async verify(token: string, route: BearerRoute): Promise<BearerSession> {
    const { idpBearer = null } = route;
    if (idpBearer !== null) return await this.#verifyOfIdp(token, { id: route.id, idpBearer });
    const issuer = issuerOf(token, route.tokenIssuers);
    const payload = await this.#payloadOf(token, issuer);
    const { sub, exp } = payload;
    if (typeof sub !== "string" || sub === "" || exp === undefined) throw invalid("lacks a claim");
    const sessionId = await sessionIdOf(token, route.id);
    const found = { session: factsOf(payload, { sessionId, userId: sub }), expiresAt: exp * 1000 };
    this.#sessions.set(sessionId, { ...found, routeId: route.id, by: issuer });
    return found;
  }

  async #verifyOfIdp(
    token: string,
    { id: routeId, idpBearer }: { id: string; idpBearer: IdpBearer },
  ): Promise<BearerSession> {
    const { person, expiresAt } = await this.#idp.ownerOf(token, idpBearer);
    const sessionId = await sessionIdOf(token, routeId);
    const { subject: userId, email, groups, claims } = person;
    const found = { session: { sessionId, userId, email, groups, claims }, expiresAt };
    this.#sessions.set(sessionId, { ...found, routeId, by: idpBearer });
    return found;
  }

  /**
   * What a policy may ask about a session that {@link BearerTokens.verify} has stated.
   *
   * @param routes as they are, or as they would be
   * @returns `null` when it is over, when its route no longer takes tokens of that issuer, or when 10,000 others came since
   */
  sessionById(id: string, routes: readonly BearerRoute[]): SessionFacts | null {
    const known = this.#sessions.get(id);
    if (known === undefined || this.#options.clock.now() >= known.expiresAt) return null;
    const { tokenIssuers = [], idpBearer = null } = routes.find(({ id }) => id === known.routeId) ?? {};
    const accepted = idpBearer === null ? tokenIssuers : [idpBearer];
    return accepted.some((by) => isDeepStrictEqual(by, known.by)) ? known.session : null;
  }

  async #payloadOf(token: string, issuer: TokenIssuer): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, this.#keysOf(issuer), {
        issuer: issuer.issuer,
        audience: [...issuer.audiences],
        algorithms: [...issuer.algorithms],
        currentDate: new Date(this.#options.clock.now()),
      });
      return payload;
    } catch (error) {
      if (error instanceof IdentityError) throw error;
      // No cause: the errors of the library carry the payload.
      throw invalid(error instanceof errors.JWTExpired ? "has expired" : "is not valid");
    }
  }

  #keysOf(issuer: TokenIssuer): JWTVerifyGetKey {
    const name = JSON.stringify(issuer);
    const keys = this.#keySets.get(name) ?? this.#readKeys(issuer);
    this.#keySets.set(name, keys);
    return keys;
  }

  #readKeys(issuer: TokenIssuer): JWTVerifyGetKey {
    const { authorityPem, clock, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    const fetch: CustomFetch = (url, init) =>
      providerFetch({ authorityPem: authorityPem(), timeoutMs })(url, init);
    let failedAt: number | null = null;
    let remote: JWTVerifyGetKey | null = null;
    return async (header, input) => {
      if (failedAt !== null && clock.monotonic() - failedAt < HOLD_OFF_MS) throw unavailable(issuer);
      try {
        remote ??= remoteKeys(issuer.jwksUrl ?? await discoverKeys(issuer, fetch), { fetch, timeoutMs });
        return await remote(header, input);
      } catch (error) {
        if (saysNoKey(error)) throw error;
        failedAt = clock.monotonic();
        throw unavailable(issuer, error);
      }
    };
  }
}

/** The foreign bearer tokens of a request (RFC 6750 section 2.1): none, one, or several that differ. */
export function findBearerTokens(headers: Pick<Headers, "get">): readonly string[] {
  const found = ["authorization", "proxy-authorization"].map((name) =>
    /^Bearer +(?!Pomerium-)(\S+)$/i.exec(headers.get(name) ?? "")?.[1]
  );
  return [...new Set(found.filter((token) => token !== undefined))];
}

/** Whose token it says it is, which is not proven yet. */
function issuerOf(token: string, accepted: readonly TokenIssuer[]): TokenIssuer {
  if (token.length > MAX_TOKEN_LENGTH) throw invalid("is too long");
  let iss: unknown;
  try {
    iss = decodeJwt(token).iss;
  } catch {
    throw invalid("is none");
  }
  const issuer = accepted.find((one) => one.issuer === iss);
  if (issuer === undefined) throw invalid("is of an issuer whose tokens this route does not take");
  return issuer;
}

function remoteKeys(
  url: string,
  { fetch, timeoutMs }: { fetch: CustomFetch; timeoutMs: number },
): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    cooldownDuration: COOLDOWN_MS,
    cacheMaxAge: FRESH_MS,
    [customFetch]: (url, { signal }) => get(fetch, { url, signal }),
  });
}

/** Reads where the keys of an issuer are (OpenID Connect Discovery 1.0 section 4). */
async function discoverKeys({ issuer }: TokenIssuer, fetch: CustomFetch): Promise<string> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const response = await get(fetch, { url });
  const told = response.status === 200 ? await response.json() as Record<string, unknown> | null : null;
  const keys = told?.jwks_uri;
  if (told?.issuer !== issuer || typeof keys !== "string" || URL.parse(keys)?.protocol !== "https:") {
    throw new IdentityError(
      "identity/issuer-unavailable",
      `${url} does not say where the keys of its issuer are`,
    );
  }
  return keys;
}

function get(fetch: CustomFetch, { url, signal }: { url: string; signal?: AbortSignal }): Promise<Response> {
  return fetch(url, {
    method: "GET",
    headers: { accept: "application/json" },
    body: null,
    redirect: "manual",
    ...(signal === undefined ? {} : { signal }),
  });
}

function factsOf(claims: JWTPayload, ids: { sessionId: string; userId: string }): SessionFacts {
  const { email, ...others } = claims;
  const { email_verified: isVerified, groups } = others;
  // One that is not verified must not pass for one that is, by the name of the claim either.
  const address = typeof email === "string" && isVerified !== false ? email : "";
  return {
    ...ids,
    email: address,
    groups: Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : [],
    claims: address === "" ? others : claims,
  };
}

async function sessionIdOf(token: string, routeId: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", utf8(`${routeId} ${token}`));
  return `bearer-${encodeBase64Url(new Uint8Array(digest).subarray(0, 16))}`;
}

function unavailable({ name }: TokenIssuer, cause?: unknown): IdentityError {
  return new IdentityError(
    "identity/issuer-unavailable",
    `The keys of ${JSON.stringify(name)} cannot be had`,
    {
      cause,
    },
  );
}
