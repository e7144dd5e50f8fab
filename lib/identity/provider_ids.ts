import { createHash } from "node:crypto";
import type { Config, Route } from "../config/config.ts";

/** Stands between a provider and a client of a route. No name of a provider, and no digest, holds it. */
const CLIENT_MARK = ".";

/** The id of the provider, whichever client asks it: its name, and when its URL is configured, 8 digits of that. */
export function issuerIdOf(name: string, url: string | null): string {
  return url === null ? name : `${name}-${digest(url)}`;
}

/** The id of the provider as a route's own client sees it. */
export function clientProviderId(issuerId: string, clientId: string): string {
  return `${issuerId}${CLIENT_MARK}${digest(clientId)}`;
}

/** The id that sessions for `route` bear: of its own client, else of the provider, or `local`. */
export function providerIdOf(
  { idpProvider, idp }: Pick<Config, "idpProvider" | "idp">,
  { idpClient }: Pick<Route, "idpClient">,
): string {
  if (idpProvider === "local" || idp === null) return "local";
  const issuerId = issuerIdOf(idpProvider, idp.url);
  return idpClient === null ? issuerId : clientProviderId(issuerId, idpClient.clientId);
}

/**
 * Whether a session that began with `providerId` counts on a route whose sessions bear `wanted`. Where the client of the
 * top level is wanted, so does every session that is not of a route's client: those from before it was configured go on.
 */
export function countsOn(wanted: string, providerId: string): boolean {
  return wanted === providerId || (!isOfRouteClient(wanted) && !isOfRouteClient(providerId));
}

function isOfRouteClient(providerId: string): boolean {
  return providerId.includes(CLIENT_MARK);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
