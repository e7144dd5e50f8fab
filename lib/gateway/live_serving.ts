import type { Config } from "../config/config.ts";
import type { HttpServices } from "../http/services.ts";
import { buildServing, type Serving, type ServingParts } from "./serving.ts";

/** The configuration that is served, and how it is replaced. */
export class LiveServing {
  readonly #parts: ServingParts;
  #current: Serving;

  private constructor(parts: ServingParts, first: Serving) {
    this.#parts = parts;
    this.#current = first;
  }

  /** Starts with `config`. @param parts `revision`: default 1 @throws {SallyportError} as {@link buildServing} */
  static async start(
    config: Config,
    { revision = 1, ...parts }: ServingParts & { revision?: number },
  ): Promise<LiveServing> {
    return new LiveServing(parts, await buildServing(config, { ...parts, revision }));
  }

  /** What is served now. */
  get current(): Serving {
    return this.#current;
  }

  /** Makes of `config` what would be served next; changes nothing. @throws {SallyportError} as {@link buildServing} */
  prepare(config: Config): Promise<Serving> {
    return buildServing(config, { ...this.#parts, revision: this.#current.revision + 1 });
  }

  /** Serves `next` from now on. */
  replace(next: Serving): void {
    this.#current = next;
  }

  /** The services of the application: those that come from the configuration are as it is whenever they are asked for. */
  services(rest: Omit<HttpServices, FromServing>): HttpServices {
    // In the getters `this` is the record.
    // deno-lint-ignore no-this-alias
    const live = this;
    return {
      ...rest,
      certificateCovers: (hostname) => live.current.certificates.covers(hostname),
      get config() {
        return live.current.config;
      },
      get routes() {
        return live.current.routes;
      },
      get clientCertificates() {
        return live.current.clientCertificates;
      },
      get tokens() {
        return live.current.tokens;
      },
      get keys() {
        return live.current.keys;
      },
      get codes() {
        return live.current.codes;
      },
      get provider() {
        return live.current.provider;
      },
      get providers() {
        return live.current.providers;
      },
      get providerStates() {
        return live.current.providerStates;
      },
      get jwks() {
        return live.current.jwks;
      },
      get assertions() {
        return live.current.assertions;
      },
    };
  }
}

/** The services that come from the configuration. */
export type FromServing =
  | "revision"
  | "config"
  | "routes"
  | "certificateCovers"
  | "clientCertificates"
  | "tokens"
  | "keys"
  | "codes"
  | "provider"
  | "providers"
  | "providerStates"
  | "jwks"
  | "assertions";
