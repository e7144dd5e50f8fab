import { type JWTPayload, SignJWT } from "jose";
import type { Clock } from "../base/clock.ts";
import type { SessionFacts } from "../policy/facts.ts";
import { claimAt } from "./claim_headers.ts";
import { importSigningKey, publicJwks } from "./keys.ts";

/** How the issuer is written: `HOST`, or `https://HOST/`. */
export type IssuerFormat = "hostOnly" | "uri";

/** For whom an assertion is, and what it says beside the standard claims. */
export interface AssertionOptions {
  /** The host name that the caller asked for, which is the audience and makes up the issuer. */
  readonly host: string;
  /** Default `hostOnly`. */
  readonly issuerFormat?: IssuerFormat;
  /** Claims of the session to add, by name or dotted path; what the standard claims are called is left out. Default none. */
  readonly claims?: readonly string[];
}

const LIFETIME_S = 300;
const STANDARD: ReadonlySet<string> = new Set([
  ...["iss", "aud", "jti", "iat", "exp", "nbf"],
  ...["sub", "user", "email", "groups", "sid", "name"],
]);

/** Signs what services are told about callers: JWT (RFC 7519) with ES256, for `X-Pomerium-Jwt-Assertion` and the like. */
export class Assertions {
  readonly #key: CryptoKey;
  readonly #kid: string;
  readonly #clock: Clock;

  private constructor(options: { key: CryptoKey; kid: string; clock: Clock }) {
    this.#key = options.key;
    this.#kid = options.kid;
    this.#clock = options.clock;
  }

  /**
   * Signs with `signingKeyPem`, whose public part `publicJwks()` answers.
   *
   * @throws {IdentityError} `identity/bad-signing-key`
   */
  static async create(options: { signingKeyPem: string; clock: Clock }): Promise<Assertions> {
    const [{ kid }] = (await publicJwks(options.signingKeyPem)).keys;
    return new Assertions({
      key: await importSigningKey(options.signingKeyPem),
      kid,
      clock: options.clock,
    });
  }

  /** A fresh assertion about the caller, in compact serialization, valid for five minutes. */
  sign(session: SessionFacts, options: AssertionOptions): Promise<string> {
    const { host, issuerFormat = "hostOnly", claims = [] } = options;
    const issuedAt = Math.floor(this.#clock.now() / 1000);
    return new SignJWT({ ...addedClaims(session, claims), ...standardClaims(session) })
      .setProtectedHeader({ alg: "ES256", kid: this.#kid, typ: "JWT" })
      .setIssuer(issuerFormat === "uri" ? `https://${host}/` : host)
      .setAudience(host)
      .setJti(crypto.randomUUID())
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + LIFETIME_S)
      .sign(this.#key);
  }
}

function standardClaims({ userId, email, groups, sessionId, claims }: SessionFacts): JWTPayload {
  const named = typeof claims.name === "string" ? claims.name : "";
  return { sub: userId, user: userId, email, groups: groupsOf(groups, claims), sid: sessionId, name: named };
}

function groupsOf(groups: readonly string[], claims: SessionFacts["claims"]): readonly string[] {
  if (groups.length > 0 || !Array.isArray(claims.groups)) return groups;
  return claims.groups.filter((group) => typeof group === "string");
}

function addedClaims({ claims }: SessionFacts, names: readonly string[]): JWTPayload {
  return Object.fromEntries(
    names.filter((name) => !STANDARD.has(name))
      .map((name) => [name, claimAt(claims, name)] as const)
      .filter(([, value]) => value !== undefined),
  );
}
