import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { IdpBearer } from "../config/config.ts";
import { Recent } from "../base/recent.ts";
import { invalidBearer } from "./_shown_tokens.ts";
import { IdentityError } from "./identity_error.ts";
import type { OidcProvider, TokenOwner } from "./oidc_provider.ts";
import type { ProviderPerson } from "./provider_claims.ts";
import { MAX_TOKEN_LENGTH } from "./session_token.ts";

/** How long the word of the provider about an access token is believed. */
const BELIEVED_MS = 300_000;
/** So many words about access tokens are remembered, the latest. */
const MAX_REMEMBERED = 10_000;
/** So many access tokens are asked about at once. */
const MAX_ASKED = 100;

interface Known {
  readonly owner: TokenOwner;
  readonly until: number;
}

/**
 * Finds out whose bearer token of the identity provider it is. What the provider says about an access token is believed for
 * five minutes, and no longer than the token holds; of 10,000 at most.
 */
export class IdpBearerTokens {
  readonly #provider: () => OidcProvider | null;
  readonly #clock: Clock;
  readonly #known = new Recent<Known>(MAX_REMEMBERED);
  readonly #asked = new Map<string, Promise<TokenOwner>>();

  /** Knows nobody yet. @param options `provider`: as it is now; `null`: there is none */
  constructor(options: { provider: () => OidcProvider | null; clock: Clock }) {
    this.#provider = options.provider;
    this.#clock = options.clock;
  }

  /**
   * Whose token it is, and until when: to its end, or when an access token tells none, for five minutes at most.
   *
   * @param token from outside; more than 8192 characters are refused
   * @throws {IdentityError} `identity/bearer-invalid`; `identity/issuer-unavailable`: the provider cannot be asked
   */
  async ownerOf(token: string, rule: IdpBearer): Promise<{ person: ProviderPerson; expiresAt: number }> {
    if (token.length > MAX_TOKEN_LENGTH) throw invalidBearer("is too long");
    const provider = this.#provider();
    if (provider === null) throw invalidBearer("is of an identity provider, and there is none");
    try {
      const { kind, clientId, audiences } = rule;
      if (kind === "identity") return await provider.ownerOfIdToken(token, { clientId });
      const claims = audiences === null ? null : await provider.readAccessToken(token, { audiences });
      const { owner: { person, expiresAt }, until } = await this.#askedOnce(token, provider);
      if (claims !== null && claims.sub !== person.subject) throw invalidBearer("is of two people");
      return { person, expiresAt: expiresAt ?? until };
    } catch (error) {
      throw refusalOf(error);
    }
  }

  async #askedOnce(token: string, provider: OidcProvider): Promise<Known> {
    const key = createHash("sha256").update(`${provider.id} ${token}`).digest("base64url");
    const known = this.#known.get(key);
    if (known !== undefined && this.#clock.now() < known.until) return known;
    const owner = await (this.#asked.get(key) ?? this.#ask(key, () => provider.ownerOfAccessToken(token)));
    const now = this.#clock.now();
    const until = Math.min(owner.expiresAt ?? Infinity, now + BELIEVED_MS);
    if (until <= now) throw invalidBearer("has expired");
    this.#known.set(key, { owner, until });
    return { owner, until };
  }

  async #ask(key: string, ask: () => Promise<TokenOwner>): Promise<TokenOwner> {
    if (this.#asked.size >= MAX_ASKED) {
      throw new IdentityError(
        "identity/issuer-unavailable",
        `The identity provider is asked about ${MAX_ASKED} bearer tokens already`,
      );
    }
    const asked = ask();
    this.#asked.set(key, asked);
    try {
      return await asked;
    } finally {
      this.#asked.delete(key);
    }
  }
}

function refusalOf(error: unknown): unknown {
  if (!(error instanceof IdentityError)) return error;
  switch (error.code) {
    case "identity/provider-invalid":
    case "identity/provider-refused":
      return invalidBearer(`is not believed: ${error.message}`);
    case "identity/provider-unavailable":
      return new IdentityError("identity/issuer-unavailable", error.message, { cause: error.cause });
    default:
      return error;
  }
}
