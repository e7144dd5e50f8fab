import type { Clock } from "../base/clock.ts";
import { type Random, randomId } from "../base/random.ts";
import type { Store } from "../store/store.ts";
import { hmac } from "./_hmac.ts";
import { IdentityError } from "./identity_error.ts";
import { openJson, sealJson } from "./_jwe.ts";
import type { IdentityKeys } from "./keys.ts";

/** A sign-in that is on its way through an identity provider. */
export interface ProviderSignIn {
  /** Query of the signed address of the sign-in page: where it leads in the end. */
  readonly query: string;
  /** Address of this gateway that the provider sends the browser back to. */
  readonly redirectUri: string;
  /** Ties it to the browser that began it, see `issueCsrf()`. */
  readonly browserMark: string;
}

/** What only the gateway and, each in its turn, the provider know of one sign-in. */
export interface ProviderSecrets {
  /** Comes back in the ID token (OpenID Connect Core 1.0 section 3.1.2.1). */
  readonly nonce: string;
  /** Proves that who began the sign-in also ends it (RFC 7636). */
  readonly codeVerifier: string;
}

/** Longest state that is looked at, in characters. */
const MAX_STATE_LENGTH = 16_384;
const LIFETIME_MS = 5 * 60_000;

interface Sealed extends ProviderSignIn {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly expiry: number;
}

/**
 * Carries a sign-in through the provider and back in its `state` parameter (RFC 6749 section 10.12): sealed (JWE), for
 * five minutes, and opened once.
 *
 * Nonce and PKCE verifier are not kept anywhere: they are derived from a key of the gateway, the random id in the state
 * and the mark of the browser, so that they fit no other sign-in and no other browser.
 */
export class ProviderStates {
  readonly #keys: Pick<IdentityKeys, "providerState" | "providerSecrets">;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #random: Random;

  /** States under `keys`; used ones are remembered in `store`. */
  constructor(
    options: {
      keys: Pick<IdentityKeys, "providerState" | "providerSecrets">;
      store: Store;
      clock: Clock;
      random: Random;
    },
  ) {
    this.#keys = options.keys;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** Seals a sign-in that begins now. */
  async begin(signIn: ProviderSignIn): Promise<ProviderSecrets & { state: string }> {
    const sealed: Sealed = {
      ...signIn,
      id: randomId(this.#random),
      expiry: this.#clock.now() + LIFETIME_MS,
    };
    return { state: await sealJson(sealed, this.#keys.providerState), ...await this.#secretsOf(sealed) };
  }

  /**
   * Opens a state and uses it up.
   *
   * @param state from outside; more than 16384 characters are refused
   * @param options `isFromBrowser`: whether a mark is that of the browser that asks; `redirectUri`: what it asked for
   * @throws {IdentityError} `identity/state-invalid`, `identity/state-expired`, `identity/state-used`
   * @throws {StoreError} when the store cannot remember it
   */
  async end(
    state: string,
    options: { isFromBrowser: (mark: string) => Promise<boolean>; redirectUri: string },
  ): Promise<ProviderSignIn & ProviderSecrets> {
    const sealed = await this.#open(state);
    if (sealed.redirectUri !== options.redirectUri) throw invalid("was begun on another host");
    // Before it is used up: a stranger must not be able to spoil it.
    if (!await options.isFromBrowser(sealed.browserMark)) throw invalid("was begun in another browser");
    if (this.#clock.now() >= sealed.expiry) {
      throw new IdentityError("identity/state-expired", "The sign-in has taken longer than five minutes");
    }
    if (!await this.#store.useOnce(`provider-state:${sealed.id}`, sealed.expiry)) {
      throw new IdentityError("identity/state-used", "This sign-in has ended before");
    }
    const { query, redirectUri, browserMark } = sealed;
    return { query, redirectUri, browserMark, ...await this.#secretsOf(sealed) };
  }

  async #open(state: string): Promise<Sealed> {
    if (state.length > MAX_STATE_LENGTH) throw invalid("has a state that is too long");
    try {
      // Authenticated: only begin() can have written it.
      return await openJson(state, this.#keys.providerState) as Sealed;
    } catch {
      throw invalid("was not begun here, or its state was changed");
    }
  }

  async #secretsOf({ id, browserMark }: Sealed): Promise<ProviderSecrets> {
    const derive = (purpose: string) => hmac(this.#keys.providerSecrets, `${purpose} ${id} ${browserMark}`);
    return { nonce: await derive("nonce"), codeVerifier: await derive("pkce") };
  }
}

function invalid(what: string): IdentityError {
  return new IdentityError("identity/state-invalid", `The sign-in ${what}`);
}
