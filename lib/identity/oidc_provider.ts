import { decodeJwt } from "jose";
import * as client from "openid-client";
import { abortable } from "../base/abortable.ts";
import type { Clock } from "../base/clock.ts";
import type { IdpSettings } from "../config/config.ts";
import type { IdpName } from "../config/idp_names.ts";
import type { ProviderGrant } from "../store/store.ts";
import { Discovery } from "./_discovery.ts";
import { readGithubUser } from "./_github.ts";
import { IdentityError } from "./identity_error.ts";
import { type LogoutNotice, LogoutTokens } from "./logout_token.ts";
import { personFrom, type ProviderPerson } from "./provider_claims.ts";
import { clientProviderId, issuerIdOf } from "./provider_ids.ts";
import { providerFailure } from "./_provider_failure.ts";
import { providerFetch, unavailable } from "./_provider_fetch.ts";
import { invalidBearer, ShownTokens } from "./_shown_tokens.ts";
import { ownerByUserinfo } from "./_userinfo.ts";
import type { ProviderSecrets } from "./provider_state.ts";
import { type ProviderRow, providers, trustsUnmarkedEmail } from "./providers.ts";

/** Somebody for whom a provider vouches. */
export interface Vouched {
  /** Who. */
  readonly person: ProviderPerson;
  /** With what the provider can be asked again. Holds secrets. */
  readonly grant: ProviderGrant;
}

/** Whose bearer token it is. */
export interface TokenOwner {
  /** Who. */
  readonly person: ProviderPerson;
  /** End of the token, in milliseconds since 1970-01-01T00:00:00Z; `null` when it does not say. */
  readonly expiresAt: number | null;
}

/** What a provider is made from. */
export interface OidcProviderOptions {
  /** What kind it is. */
  readonly name: IdpName;
  /** How it is reached. */
  readonly settings: IdpSettings;
  /** Whether the client is one of routes, not that of the top level; default false. */
  readonly isRouteClient?: boolean;
  /** Trusted beside the system's authorities for its TLS; `null`: these only. */
  readonly authorityPem: string | null;
  /** For expiry. */
  readonly clock: Clock;
  /** Longest wait for all that one call asks the provider, in milliseconds; default 10 seconds. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** How far in the future an ID token may have been issued. */
const LEEWAY_MS = 60_000;
/** Bounds of an answer about a bearer token. */
const USERINFO = { timeoutMs: 5000, maxAnswerKib: 64 };

/**
 * An identity provider (OpenID Connect Core 1.0, authorization code flow with PKCE S256). Every method that asks it
 * throws {@link IdentityError}: `identity/provider-unavailable` when it is down, slow or not what it should be,
 * `identity/provider-refused`, `identity/provider-invalid`.
 */
export class OidcProvider {
  /** Stands in the ids of its people: its name, and when `idp_provider_url` names it, 8 digits that tell it from others. */
  readonly issuerId: string;
  /** Stands in sessions and tokens: the same, and for a client of routes, 8 digits that tell that from others. */
  readonly id: string;
  /** What it knows the gateway by. */
  readonly clientId: string;
  readonly #row: ProviderRow;
  readonly #url: string;
  readonly #options: OidcProviderOptions;
  readonly #fetch: client.CustomFetch;
  readonly #timeoutMs: number;
  readonly #discovery: Discovery;
  readonly #logoutTokens: LogoutTokens;
  readonly #shownTokens: ShownTokens;
  readonly #userinfoFetch: client.CustomFetch;

  /** A provider that was not asked yet. */
  constructor(options: OidcProviderOptions) {
    const { name, settings, authorityPem, clock, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const row = providers[name];
    const url = settings.url ?? row.url;
    if (url === null) throw new TypeError(`Cannot find the provider ${name} without its URL`);
    this.clientId = settings.clientId;
    this.issuerId = issuerIdOf(name, settings.url);
    this.id = options.isRouteClient ? clientProviderId(this.issuerId, this.clientId) : this.issuerId;
    this.#row = row;
    this.#url = url;
    this.#options = options;
    this.#timeoutMs = timeoutMs;
    this.#fetch = providerFetch({ authorityPem, timeoutMs });
    this.#discovery = new Discovery({ url, row, settings, fetch: this.#fetch, timeoutMs, clock });
    this.#logoutTokens = new LogoutTokens({ fetch: this.#fetch, clientId: settings.clientId, clock });
    this.#shownTokens = new ShownTokens({ fetch: this.#fetch, clock });
    this.#userinfoFetch = providerFetch({
      authorityPem,
      ...USERINFO,
      timeoutMs: Math.min(timeoutMs, USERINFO.timeoutMs),
    });
  }

  /** Where to send a browser that shall sign in. @param request `redirectUri`: where the provider sends it back to */
  authorizationUrl(request: ProviderSecrets & { redirectUri: string; state: string }): Promise<URL> {
    return this.#ask(async () => {
      const config = await this.#discovery.configuration();
      const { settings } = this.#options;
      return client.buildAuthorizationUrl(config, {
        ...this.#row.requestParams,
        ...settings.requestParams,
        scope: (settings.scopes ?? this.#row.scopes).join(" "),
        redirect_uri: request.redirectUri,
        state: request.state,
        code_challenge: await client.calculatePKCECodeChallenge(request.codeVerifier),
        code_challenge_method: "S256",
        ...(this.#isOpenid ? { nonce: request.nonce } : {}),
      });
    });
  }

  /**
   * Exchanges the code for what the provider says about the person.
   *
   * @param callback the address that the browser came back to, with `code` and `state`
   */
  exchange(
    callback: URL,
    { state, nonce, codeVerifier }: ProviderSecrets & { state: string },
  ): Promise<Vouched> {
    return this.#ask(async () => {
      const config = await this.#discovery.configuration();
      const url = new URL(callback);
      if (!this.#isOpenid) url.searchParams.delete("iss");
      const tokens = await client.authorizationCodeGrant(config, url, {
        expectedState: state,
        pkceCodeVerifier: codeVerifier,
        ...(this.#isOpenid ? { expectedNonce: nonce } : {}),
      });
      this.#requireIssuedNow(tokens);
      const grant = this.#grantOf(tokens, null);
      return { person: await this.#personOf(grant, tokens.claims()?.sub ?? null), grant };
    });
  }

  /**
   * Gets another access token. What it returns takes the place of `grant`, whose refresh token may be used up.
   *
   * @returns `null` when the grant has no refresh token
   * @throws {IdentityError} `identity/provider-refused` when the person may no longer
   */
  async refresh(grant: ProviderGrant, { subject }: { subject: string }): Promise<ProviderGrant | null> {
    const { refreshToken } = grant;
    if (refreshToken === null) return null;
    return await this.#ask(async () => {
      const tokens = await client.refreshTokenGrant(await this.#discovery.configuration(), refreshToken);
      this.#requireIssuedNow(tokens);
      if ((tokens.claims()?.sub ?? subject) !== subject) throw somebodyElse();
      return this.#grantOf(tokens, grant);
    });
  }

  /**
   * Asks anew about the person.
   *
   * @throws {IdentityError} `identity/provider-refused` when the access token is good no longer
   */
  read(grant: ProviderGrant, { subject }: { subject: string }): Promise<ProviderPerson> {
    return this.#ask(() => this.#personOf(grant, subject));
  }

  /**
   * Where to send a browser that signs out (OpenID Connect RP-Initiated Logout 1.0).
   *
   * @returns `null` when the provider has no such place, or cannot be asked
   */
  async endSessionUrl(
    request: { idToken: string | null; postLogoutRedirectUri: string },
  ): Promise<URL | null> {
    try {
      return await this.#ask(async () => {
        const config = await this.#discovery.configuration();
        if (config.serverMetadata().end_session_endpoint === undefined) return null;
        return client.buildEndSessionUrl(config, {
          post_logout_redirect_uri: request.postLogoutRedirectUri,
          ...(request.idToken === null ? {} : { id_token_hint: request.idToken }),
        });
      });
    } catch (error) {
      if (error instanceof IdentityError) return null;
      throw error;
    }
  }

  /**
   * Reads a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.6). Whether it was used before is up to the
   * caller.
   *
   * @throws {IdentityError} `identity/logout-token-invalid`
   */
  readLogoutToken(token: string): Promise<LogoutNotice> {
    return this.#ask(async () => {
      const { issuer, jwks_uri: keys } = (await this.#discovery.configuration()).serverMetadata();
      return await this.#logoutTokens.verify(token, { issuer, keys });
    });
  }

  /**
   * Whose ID token somebody shows (OpenID Connect Core 1.0 section 3.1.3.7): of this provider, made for `clientId`, signed
   * with RS256, ES256 or EdDSA, with an end.
   *
   * @throws {IdentityError} `identity/bearer-invalid`
   */
  ownerOfIdToken(
    token: string,
    { clientId }: { clientId: string },
  ): Promise<TokenOwner & { readonly expiresAt: number }> {
    return this.#ask(async () => {
      const claims = await this.#readShown(token, { audiences: [clientId], types: ["jwt"] });
      const { azp = clientId, aud } = claims;
      const isForSeveral = Array.isArray(aud) && aud.length > 1 && claims.azp === undefined;
      if (azp !== clientId || isForSeveral) throw invalidBearer("was made for somebody else");
      return { person: this.#personIn(claims), expiresAt: claims.exp * 1000 };
    });
  }

  /**
   * Reads an access token of this provider that is a JWT for one of `audiences` (RFC 9068).
   *
   * @throws {IdentityError} `identity/bearer-invalid`
   */
  readAccessToken(
    token: string,
    { audiences }: { audiences: readonly string[] },
  ): Promise<{ readonly sub: string }> {
    const types = ["jwt", "at+jwt", "application/at+jwt"];
    return this.#ask(() => this.#readShown(token, { audiences, types }));
  }

  /**
   * Whose access token somebody shows, by what the userinfo endpoint says within 5 seconds and 64 KiB. When the token
   * ends is read from it if it is a JWT.
   *
   * @throws {IdentityError} `identity/bearer-invalid`
   */
  ownerOfAccessToken(token: string): Promise<TokenOwner> {
    return this.#ask(async () => {
      const { userinfo_endpoint: url } = (await this.#discovery.configuration()).serverMetadata();
      const told = await ownerByUserinfo(token, { url, fetch: this.#userinfoFetch });
      return { person: this.#personIn(told), expiresAt: endOf(token) };
    });
  }

  async #readShown(token: string, rule: { audiences: readonly string[]; types: readonly string[] }) {
    const { issuer, jwks_uri: keys } = (await this.#discovery.configuration()).serverMetadata();
    return await this.#shownTokens.verify(token, { ...rule, issuer, keys });
  }

  #personIn(...sources: Record<string, unknown>[]): ProviderPerson {
    return personFrom(sources, {
      trustsUnmarkedEmail: trustsUnmarkedEmail(this.#options.name, this.#url),
    });
  }

  get #isOpenid(): boolean {
    return this.#row.protocol === "openid";
  }

  #requireIssuedNow(tokens: Tokens): void {
    const issuedAtMs = (tokens.claims()?.iat ?? 0) * 1000;
    if (issuedAtMs <= this.#options.clock.now() + LEEWAY_MS) return;
    throw new IdentityError("identity/provider-invalid", "The ID token was issued in the future");
  }

  /** What is told now, over what the ID token says, which was verified when it came. */
  async #personOf({ idToken, accessToken }: ProviderGrant, subject: string | null): Promise<ProviderPerson> {
    const told = await this.#userinfo(accessToken, subject);
    const sources = [idToken === null ? null : decodeJwt(idToken), told].filter((source) => source !== null);
    if (subject !== null && sources.some(({ sub }) => sub !== subject)) throw somebodyElse();
    return this.#personIn(...sources);
  }

  /** What the provider says about the owner of the access token, or `null` when it has no place to ask at. */
  async #userinfo(accessToken: string, subject: string | null): Promise<Record<string, unknown> | null> {
    const config = await this.#discovery.configuration();
    if (!this.#isOpenid) return await readGithubUser({ config, accessToken, url: this.#url });
    if (config.serverMetadata().userinfo_endpoint === undefined || subject === null) return null;
    return { ...await client.fetchUserInfo(config, accessToken, subject) };
  }

  #grantOf(tokens: Tokens, before: ProviderGrant | null): ProviderGrant {
    const now = this.#options.clock.now();
    const sid = tokens.claims()?.sid;
    return {
      providerSessionId: typeof sid === "string" ? sid : before?.providerSessionId ?? null,
      accessToken: tokens.access_token,
      accessExpiresAt: tokens.expires_in === undefined ? null : now + tokens.expires_in * 1000,
      refreshToken: tokens.refresh_token ?? before?.refreshToken ?? null,
      idToken: tokens.id_token ?? before?.idToken ?? null,
      claimsReadAt: now,
    };
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    const late = AbortSignal.timeout(this.#timeoutMs);
    try {
      return await abortable(work(), late);
    } catch (error) {
      throw late.aborted && error === late.reason ? unavailable("it takes too long") : providerFailure(error);
    }
  }
}

type Tokens = Awaited<ReturnType<typeof client.authorizationCodeGrant>>;

function somebodyElse(): IdentityError {
  return new IdentityError("identity/provider-invalid", "The identity provider speaks of somebody else");
}

/** The end that a JWT tells, in milliseconds; only a provider that takes the token makes it true. */
function endOf(token: string): number | null {
  try {
    const exp: unknown = decodeJwt(token).exp;
    return typeof exp === "number" ? exp * 1000 : null;
  } catch {
    return null;
  }
}
