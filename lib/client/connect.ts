import { ClientError } from "./client_error.ts";
import type { Destination } from "./destination.ts";
import { openTunnel, type OpenTunnelOptions, type Tunnel } from "./open_tunnel.ts";
import type { TokenSource } from "./token_source.ts";

/**
 * Opens a tunnel with the token at hand; when the gateway asks for a sign-in, gets another token and tries once more.
 * A refusal for any other reason leaves the token alone.
 *
 * @returns the tunnel, which the caller closes
 * @throws {ClientError} as {@link openTunnel} and {@link TokenSource.renew}
 */
export async function connect(
  destination: Destination,
  { tokens, ...options }: Omit<OpenTunnelOptions, "token"> & { readonly tokens: TokenSource },
): Promise<Tunnel> {
  const token = await tokens.current();
  try {
    return await openTunnel(destination, { ...options, token });
  } catch (error) {
    if (!(error instanceof ClientError && error.code === "client/login-required")) throw error;
  }
  return await openTunnel(destination, { ...options, token: await tokens.renew(token) });
}
