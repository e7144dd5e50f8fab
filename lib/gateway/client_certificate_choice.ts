import { parseIp } from "../base/ip.ts";
import type { Config, Route } from "../config/config.ts";
import { GatewayHosts } from "../config/gateway_hosts.ts";
import type { ClientCertificates } from "../identity/client_certificates.ts";
import type { ClientCertificateChoice, ClientCertificateRequest } from "../listen/certificate_choice.ts";
import { asksForCertificate } from "../policy/client_certificate_rule.ts";

/** So many sets of authorities at most are kept at a time; as many as hosts can have. */
const MAX_REQUESTS = 1000;

/**
 * Which clients are asked for a certificate: those of the server names whose routes need one. Where every route needs one,
 * so do names that belong to none, save that of the sign-in pages.
 *
 * @returns `null` when no client is asked
 */
export function clientCertificateChoice(
  config: Config,
  certificates: ClientCertificates,
): ClientCertificateChoice | null {
  const choice = new Choice(config, certificates);
  return choice.isEmpty ? null : choice;
}

class Choice implements ClientCertificateChoice {
  readonly isEmpty: boolean;
  readonly #config: Config;
  readonly #certificates: ClientCertificates;
  readonly #hosts: GatewayHosts;
  readonly #byAddress: readonly Route[];
  readonly #signInHost: string | null;
  readonly #requests = new Map<string, ClientCertificateRequest>();

  constructor(config: Config, certificates: ClientCertificates) {
    const routes = config.routes.filter(({ from }) => from.protocol !== "ssh");
    this.#config = config;
    this.#certificates = certificates;
    this.#hosts = new GatewayHosts(routes);
    this.#byAddress = routes.filter(({ from }) => parseIp(from.gateway.host) !== null);
    this.#signInHost = config.authenticateOrigin && new URL(config.authenticateOrigin).hostname;
    this.isEmpty = !this.#asksEverybody && !routes.some((route) => this.#isAsking(route));
  }

  request(serverName: string): ClientCertificateRequest | null {
    const name = serverName.toLowerCase();
    // A client that dials an address names none (RFC 6066 section 3).
    const routes = name === "" ? this.#byAddress : this.#hosts.of(name);
    const asking = routes.filter((route) => this.#isAsking(route));
    if (asking.length > 0) {
      const pems = new Set(asking.flatMap(({ clientAuthoritiesPem: pem }) => pem ?? []));
      return this.#requestFor([...pems], routes.every((route) => route.clientAuthoritiesPem !== null));
    }
    if (!this.#asksEverybody || this.#isSignInOnly(name)) return null;
    return this.#requestFor([this.#config.downstreamMtls.authoritiesPem!], true);
  }

  get #asksEverybody(): boolean {
    const { authoritiesPem, enforcement } = this.#config.downstreamMtls;
    return authoritiesPem !== null && enforcement !== "policy";
  }

  #isSignInOnly(name: string): boolean {
    return name === this.#signInHost && !this.#hosts.names(name) &&
      this.#config.downstreamMtls.enforcement !== "reject_connection";
  }

  #isAsking({ clientAuthoritiesPem: pem, policy }: Route): boolean {
    const { authoritiesPem, enforcement } = this.#config.downstreamMtls;
    return pem !== null && (enforcement !== "policy" || pem !== authoritiesPem || asksForCertificate(policy));
  }

  /** @param isNeeded whether every route behind the name needs a certificate */
  #requestFor(authoritiesPem: readonly string[], isNeeded: boolean): ClientCertificateRequest {
    const rejects = isNeeded && this.#config.downstreamMtls.enforcement === "reject_connection";
    const key = JSON.stringify([rejects, authoritiesPem]);
    const known = this.#requests.get(key);
    if (known !== undefined) return known;
    const admission: ClientCertificateRequest["admission"] = async (chain) => {
      const { facts, reason, details } = await this.#certificates.judgeBy(chain, authoritiesPem);
      return facts.valid ? null : { reason: reason ?? "no certificate", certificate: details };
    };
    const request = { authoritiesPem, admission: rejects ? admission : null };
    if (this.#requests.size >= MAX_REQUESTS) this.#requests.clear();
    this.#requests.set(key, request);
    return request;
  }
}
