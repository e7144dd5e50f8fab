import { quote } from "./_quote.ts";
import type { MappingPlace } from "./_read_keys.ts";

/** What the top level says about the identity provider. */
export interface ProviderDefaults {
  /** Whether one is configured, rightly or not. */
  readonly isThere: boolean;
  /** The client of all routes that have none of their own. */
  readonly clientId: string | null;
  /** Its secret, when it stands in place. */
  readonly clientSecret: string | null;
  /** The clients of the routes before, and their secrets; what is read is added. */
  readonly routeClients: Map<string, string | null>;
}

/** A client of a route. */
export interface RouteClient {
  /** What the provider knows it by. */
  readonly clientId: string;
  /** A secret; `null`: that of the top level. */
  readonly clientSecret: string | null;
}

/** Checks what a route says about its client. @returns `null` when it is that of the top level, or an error was reported */
export function readRouteClient(
  { idp_client_id: clientId, idp_client_secret: clientSecret }: {
    readonly idp_client_id: string | null;
    readonly idp_client_secret: string | null;
  },
  { place, provider }: { place: MappingPlace; provider: ProviderDefaults },
): RouteClient | null {
  const key = ["idp_client_id", "idp_client_secret"].find((name) =>
    Object.hasOwn(place.mapping, name) && place.mapping[name] !== null
  );
  if (key === undefined) return null;
  const where = { path: [...place.path, key], at: "key" as const };
  if (!provider.isThere) {
    const message = `A route has ${key}, but there is no identity provider`;
    place.report.error("config/missing-key", {
      message,
      hint: "add idp_provider at the top level",
      ...where,
    });
    return null;
  }
  if (key === "idp_client_secret") {
    const message = "This route has idp_client_secret without idp_client_id";
    place.report.error("config/missing-key", { message, hint: "add idp_client_id", ...where });
    return null;
  }
  // A value of a wrong type was reported already.
  if (clientId === null) return null;
  if (!agrees({ clientId, clientSecret }, provider)) {
    place.report.error("config/conflict", {
      message: `The client ${quote(clientId)} has another idp_client_secret elsewhere`,
      hint: clientId === provider.clientId
        ? "leave it out: that of the top level is taken"
        : "write the same one wherever the client is named",
      ...where,
    });
    return null;
  }
  if (clientId === provider.clientId) return null;
  provider.routeClients.set(clientId, clientSecret);
  return Object.freeze({ clientId, clientSecret });
}

/** Whether a client has the secret that it has elsewhere, if it is named there. */
function agrees({ clientId, clientSecret }: RouteClient, provider: ProviderDefaults): boolean {
  if (clientId === provider.clientId) return clientSecret === null || clientSecret === provider.clientSecret;
  const known = provider.routeClients.get(clientId);
  return known === undefined || known === clientSecret;
}
