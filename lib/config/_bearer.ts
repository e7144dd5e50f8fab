import type { BearerTokenFormat, IdpBearer, IdpSettings, TokenIssuer } from "./config.ts";
import { deepFreeze } from "./_freeze.ts";
import type { IdpName } from "./idp_names.ts";
import { quote } from "./_quote.ts";
import type { MappingPlace } from "./_read_keys.ts";

/** What the top level says about bearer tokens. */
export interface BearerDefaults {
  /** For routes that do not say it. */
  readonly format: BearerTokenFormat;
  /** Whom routes can name. */
  readonly issuers: readonly TokenIssuer[];
  /** Who vouches for people. */
  readonly idpName: "local" | IdpName;
  /** How that is reached; `null` for `local`, and when it was reported already. */
  readonly idp: IdpSettings | null;
  /** Whom access tokens are for on routes that do not say it; `null`: anybody. */
  readonly audiences: readonly string[] | null;
}

/** What a route says about bearer tokens. */
export interface BearerKeys {
  readonly bearer_token_format: BearerTokenFormat | null;
  readonly identity_providers: readonly string[] | null;
  readonly idp_access_token_allowed_audiences: readonly string[] | null;
}

/** Checks what a route says about bearer tokens. @returns whose tokens it takes; nobody's unless the format is `jwt` */
export function acceptedIssuers(
  { bearer_token_format: own, identity_providers: names }: BearerKeys,
  { place, defaults }: { place: MappingPlace; defaults: BearerDefaults },
): readonly TokenIssuer[] {
  const { report, path } = place;
  const format = own ?? defaults.format;
  for (const [index, name] of (names ?? []).entries()) {
    if (defaults.issuers.some((issuer) => issuer.name === name)) continue;
    const message = `identity_providers names ${quote(name)}, which the top level does not know`;
    const hint = "add it to identity_providers at the top level";
    report.error("config/bad-value", { message, hint, path: [...path, "identity_providers", index] });
  }
  if (format !== "jwt") return Object.freeze([]);
  const accepted = defaults.issuers.filter(({ name }) => names?.includes(name) ?? true);
  if (accepted.length === 0) {
    report.error("config/missing-key", {
      message: "This route takes bearer tokens, but there is nobody whose tokens it could take",
      hint: "name their issuers with identity_providers at the top level",
      path,
    });
  }
  return Object.freeze(accepted);
}

/**
 * Checks how a route takes tokens of the identity provider.
 *
 * @param options `clientId`: the route's own client at the provider; `null`: that of the top level
 * @returns `null`: not at all, or an error was reported
 */
export function idpBearerOf(
  keys: BearerKeys,
  options: { place: MappingPlace; defaults: BearerDefaults; clientId: string | null },
): IdpBearer | null {
  const { place, defaults: { idpName: provider, idp, ...defaults }, clientId } = options;
  const format = keys.bearer_token_format ?? defaults.format;
  if (format !== "idp_access_token" && format !== "idp_identity_token") return null;
  if (provider === "local" || provider === "github") {
    reportNoProvider(format, { provider, place });
    return null;
  }
  const kind = format === "idp_access_token" ? "access" : "identity";
  const wanted = keys.idp_access_token_allowed_audiences ?? defaults.audiences;
  const audiences = kind === "access" ? wanted : null;
  if (audiences?.length === 0) {
    place.report.error("config/bad-value", {
      message: "idp_access_token_allowed_audiences is empty, so that this route could take no access token",
      hint: "name whom access tokens are for, or leave it out",
      path: place.path,
    });
  }
  if (idp === null) return null;
  return deepFreeze({ kind, provider, url: idp.url, clientId: clientId ?? idp.clientId, audiences });
}

function reportNoProvider(
  format: BearerTokenFormat,
  { provider, place }: { provider: "local" | "github"; place: MappingPlace },
): void {
  place.report.error("config/missing-key", {
    message:
      `bearer_token_format ${format} needs an identity provider that speaks OpenID Connect: found ${provider}`,
    hint: "set idp_provider at the top level, or leave bearer_token_format out",
    path: place.path,
  });
}
