import type { HeaderToken } from "../../config/http_settings.ts";
import { claimHeaders } from "../../identity/claim_headers.ts";
import type { Granted } from "../authorize.ts";
import type { RequestContext } from "../request_context.ts";
import type { HttpServices } from "../services.ts";
import { type Field, plainName } from "./field_names.ts";

/** A character that a header value cannot have. */
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/g;

/** What a service is told about whoever calls it, and what they may not say themselves. */
export interface Identity {
  /** Empty when the route tells nothing, or nobody is signed in. */
  readonly fields: readonly Field[];
  /** Names in lower case, with `-` for `_`. */
  readonly names: ReadonlySet<string>;
  /** The headers that the route sets, with their tokens replaced. */
  readonly set: readonly Field[];
}

/** Gathers it for one request. */
export async function identityOf(
  c: RequestContext,
  services: HttpServices,
  granted: Granted,
): Promise<Identity> {
  const { jwtClaimsHeaders } = services.config;
  const names = new Set(Object.keys(jwtClaimsHeaders).map(plainName));
  const values = new TokenValues(c, services, granted);
  const set: Field[] = [];
  for (const [name, template] of granted.route.http!.setRequestHeaders) {
    const pieces = await Promise.all(template.map((part) => values.of(part)));
    set.push([name, pieces.join("").replace(NO_VALUE, " ")]);
  }
  const session = granted.caller.kind === "session" ? granted.caller.session : null;
  if (session === null || !granted.route.http!.passesIdentity) return { fields: [], names, set };
  const assertion = ["X-Pomerium-Jwt-Assertion", await values.of({ token: "jwt" })] as const;
  return { fields: [assertion, ...claimHeaders(session.claims, jwtClaimsHeaders)], names, set };
}

/** What the tokens in headers stand for, in one request; the empty text for what there is not. */
class TokenValues {
  readonly #c: RequestContext;
  readonly #services: HttpServices;
  readonly #granted: Granted;
  #jwt: Promise<string> | null = null;

  constructor(c: RequestContext, services: HttpServices, granted: Granted) {
    this.#c = c;
    this.#services = services;
    this.#granted = granted;
  }

  async of(
    part: { readonly text: string } | { readonly token: HeaderToken } | { readonly header: string },
  ): Promise<string> {
    if ("text" in part) return part.text;
    if ("header" in part) return this.#c.req.header(part.header) ?? "";
    switch (part.token) {
      case "jwt":
        return await (this.#jwt ??= this.#sign());
      case "id_token":
        return (await this.#providerGrant())?.idToken ?? "";
      case "access_token":
        return (await this.#providerGrant())?.accessToken ?? "";
      case "client_cert_fingerprint":
        return this.#c.get("clientCertificate")?.facts?.fingerprintSha256 ?? "";
      case "client_cert_san_dns":
        return this.#c.get("clientCertificate")?.facts?.sanDns.join(",") ?? "";
      case "client_cert_san_email":
        return this.#c.get("clientCertificate")?.facts?.sanEmail.join(",") ?? "";
    }
  }

  async #providerGrant() {
    const { caller } = this.#granted;
    if (caller.kind !== "session") return undefined;
    const { store, clock } = this.#services;
    return (await store.liveSession(caller.session.sessionId, clock.now()))?.providerGrant;
  }

  #sign(): Promise<string> {
    const { caller, route, target } = this.#granted;
    if (caller.kind !== "session") return Promise.resolve("");
    return this.#services.assertions.sign(caller.session, {
      host: target.host,
      issuerFormat: route.jwtIssuerFormat,
      claims: Object.values(this.#services.config.jwtClaimsHeaders),
    });
  }
}
