import * as client from "openid-client";
import type { Clock } from "../base/clock.ts";
import type { IdpSettings } from "../config/config.ts";
import { unavailable } from "./_provider_fetch.ts";
import type { ProviderRow } from "./providers.ts";

/** How long metadata is believed before it is read again. */
const FRESH_MS = 3_600_000;
/** How long after a failure nobody is asked again. */
const HOLD_OFF_MS = 1000;
const ATTEMPTS = 2;
/** How far the clock of the provider may differ, in seconds. */
const CLOCK_LEEWAY_S = 60;

/** What a provider is found by. */
export interface DiscoveryOptions {
  /** Its issuer. */
  readonly url: string;
  readonly row: ProviderRow;
  readonly settings: IdpSettings;
  readonly fetch: client.CustomFetch;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * The metadata of a provider (OpenID Connect Discovery 1.0), read when it is first needed and again after an hour; an
 * outage then changes nothing. Several who need it at once share one attempt, which is tried twice.
 */
export class Discovery {
  readonly #options: DiscoveryOptions;
  #known: { readonly config: client.Configuration; readonly readAt: number } | null = null;
  #attempt: Promise<client.Configuration> | null = null;
  #failed: { readonly error: unknown; readonly at: number } | null = null;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  /** The provider, ready to be asked. Rejects with errors of the library and of the fetch. */
  async configuration(): Promise<client.Configuration> {
    const now = this.#options.clock.monotonic();
    const known = this.#known;
    if (known !== null && now - known.readAt < FRESH_MS) return known.config;
    if (this.#failed !== null && now - this.#failed.at < HOLD_OFF_MS) {
      if (known === null) throw this.#failed.error;
      return known.config;
    }
    this.#attempt ??= this.#discover().finally(() => this.#attempt = null);
    return known === null ? await this.#attempt : await this.#attempt.catch(() => known.config);
  }

  async #discover(): Promise<client.Configuration> {
    const { clock } = this.#options;
    for (let attempt = 1;; attempt++) {
      try {
        const config = await this.#read();
        this.#known = { config, readAt: clock.monotonic() };
        this.#failed = null;
        return config;
      } catch (error) {
        if (attempt < ATTEMPTS) continue;
        this.#failed = { error, at: clock.monotonic() };
        throw error;
      }
    }
  }

  async #read(): Promise<client.Configuration> {
    const { url, row, settings: { clientId }, fetch, timeoutMs } = this.#options;
    const metadata = { [client.clockTolerance]: CLOCK_LEEWAY_S };
    const timeout = timeoutMs / 1000;
    if (row.protocol === "oauth") {
      const config = new client.Configuration(oauthServer(url), clientId, metadata, this.#authentication());
      config[client.customFetch] = fetch;
      config.timeout = timeout;
      return config;
    }
    const options = { [client.customFetch]: fetch, timeout };
    const config = await client.discovery(new URL(url), clientId, metadata, this.#authentication(), options);
    requireHttps(config.serverMetadata());
    // Without it the library takes the TLS connection for proof enough and looks at no signature.
    client.enableNonRepudiationChecks(config);
    return config;
  }

  /** As the provider says it takes it; as is usual for its kind when it takes both ways or says nothing. */
  #authentication(): client.ClientAuth {
    const { row, settings: { clientSecret } } = this.#options;
    if (clientSecret === null) return client.None();
    const [basic, post] = [client.ClientSecretBasic(clientSecret), client.ClientSecretPost(clientSecret)];
    return (server, ...rest) => {
      const known = server.token_endpoint_auth_methods_supported ?? [];
      const takesPost = known.includes("client_secret_post");
      const isPost = takesPost === known.includes("client_secret_basic")
        ? row.clientAuth === "post"
        : takesPost;
      (isPost ? post : basic)(server, ...rest);
    };
  }
}

/** GitHub publishes no metadata for its OAuth applications. */
function oauthServer(url: string): client.ServerMetadata {
  const base = url.replace(/\/+$/, "");
  return {
    issuer: base,
    authorization_endpoint: `${base}/login/oauth/authorize`,
    token_endpoint: `${base}/login/oauth/access_token`,
  };
}

/** People are sent to these two: the library looks at the others itself. */
function requireHttps(
  { authorization_endpoint: authorize, end_session_endpoint: end }: client.ServerMetadata,
) {
  for (const url of [authorize, end]) {
    if (url !== undefined && URL.parse(url)?.protocol !== "https:") {
      throw unavailable("an address in its metadata is not an https URL");
    }
  }
}
