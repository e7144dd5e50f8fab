import { providerIdOf } from "../identity/provider_ids.ts";
import type { OidcProvider } from "../identity/oidc_provider.ts";
import type { HttpServices } from "./services.ts";

/**
 * The id of the provider to sign in with on a host: that of the client which all routes of the host have in common, else
 * that of the client of the top level.
 *
 * @param origin of the gateway, as the caller came to it
 */
export function providerIdAt(origin: string, services: HttpServices): string {
  const { config, routes, provider } = services;
  const host = new URL(origin).hostname.replace(/^\[|\]$/g, "");
  const [id, another] = new Set(routes.routesOfGateway(host).map((route) => providerIdOf(config, route)));
  return id !== undefined && another === undefined ? id : provider?.id ?? "local";
}

/** The provider that a signed address names; that of the top level when it is not, or no more, there. */
export function providerNamed(id: string | null, { provider, providers }: HttpServices): OidcProvider | null {
  return providers.get(id ?? "") ?? provider;
}
