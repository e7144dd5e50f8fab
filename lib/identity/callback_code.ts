import type { Clock } from "../base/clock.ts";
import { type Random, randomId } from "../base/random.ts";
import type { Store } from "../store/store.ts";
import { IdentityError } from "./identity_error.ts";
import { openJson, sealJson } from "./_jwe.ts";

/** What one host tells another after a sign-in. */
export interface CallbackPayload {
  /** The session that was begun. */
  readonly sessionId: string;
  /** Host, with port if any, whose callback may open the code. */
  readonly callbackHost: string;
  /** Where the caller goes next. */
  readonly redirectUri: string;
  /** Whether a program asked, which then receives the token itself. */
  readonly programmatic: boolean;
}

/** Longest code that is looked at, in characters. */
const MAX_CODE_LENGTH = 16_384;
const DEFAULT_LIFETIME_MS = 60_000;

/**
 * Carries the result of a sign-in from one host to another through the browser: sealed (JWE, RFC 7516, `dir` with
 * A256GCM), for one host, for a minute, and opened once.
 */
export class CallbackCodes {
  readonly #key: CryptoKey;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #random: Random;

  /** Codes under `key`, the `callback` of `deriveKeys()`; used ones are remembered in `store`. */
  constructor(options: { key: CryptoKey; store: Store; clock: Clock; random: Random }) {
    this.#key = options.key;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** Seals `payload`. @param options `lifetimeMs`: default one minute */
  seal(payload: CallbackPayload, options: { lifetimeMs?: number } = {}): Promise<string> {
    const expiry = this.#clock.now() + (options.lifetimeMs ?? DEFAULT_LIFETIME_MS);
    const sealed: Sealed = { ...payload, nonce: randomId(this.#random), expiry };
    return sealJson(sealed, this.#key);
  }

  /**
   * Opens a code and uses it up.
   *
   * @param code from outside; more than 16384 characters are refused
   * @param options `callbackHost`: the host that was asked
   * @throws {IdentityError} `identity/code-invalid`, `identity/code-expired`, `identity/code-used`
   * @throws {StoreError} when the store cannot remember it
   */
  async open(code: string, options: { callbackHost: string }): Promise<CallbackPayload> {
    const { nonce, expiry, ...payload } = await this.#decrypt(code);
    if (payload.callbackHost !== options.callbackHost) throw invalid("is for another host");
    if (this.#clock.now() >= expiry) {
      throw new IdentityError("identity/code-expired", "The callback code has expired", {
        hint: "start the sign-in again",
      });
    }
    if (!await this.#store.useOnce(`callback:${nonce}`, expiry)) {
      throw new IdentityError("identity/code-used", "The callback code was used before", {
        hint: "start the sign-in again",
      });
    }
    return payload;
  }

  async #decrypt(code: string): Promise<Sealed> {
    if (code.length > MAX_CODE_LENGTH) throw invalid("is too long");
    try {
      // Authenticated: only seal() can have written it.
      return await openJson(code, this.#key) as Sealed;
    } catch (cause) {
      throw new IdentityError(
        "identity/code-invalid",
        "The callback code was not sealed here, or was changed",
        {
          cause,
        },
      );
    }
  }
}

interface Sealed extends CallbackPayload {
  readonly nonce: string;
  /** Milliseconds since 1970. */
  readonly expiry: number;
}

function invalid(what: string): IdentityError {
  return new IdentityError("identity/code-invalid", `The callback code ${what}`);
}
