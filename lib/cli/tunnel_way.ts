import type { ConnectOptions } from "../client/connect.ts";
import type { Destination } from "../client/destination.ts";
import { isLoopback } from "../client/listen_address.ts";
import { askWhyEnded } from "../client/tunnel_end.ts";
import type { TunnelIdentity } from "../client/carrier.ts";
import { carrierOptions, openCarriers } from "./carriers.ts";
import type { CliIo } from "./command.ts";
import { openTokens } from "./gateway_access.ts";
import { browserOptions, readTrust, serviceAccountOptions, trustOptions } from "./gateway_options.ts";
import type { OptionSpec, ParsedArgs, PositionalSpec } from "./options.ts";
import { USER_AGENT } from "./version.ts";

/** The route as an argument of a command that opens tunnels. */
export function destinationArgument(kind: "tcp" | "udp"): PositionalSpec {
  return {
    name: "DESTINATION",
    description:
      `The route, as host:port or ${kind}+https://host:port; or, through a gateway of another name, ` +
      `${kind}+https://gateway[:port]/host:port`,
  };
}

/** Where the gateway is, for a command that has a destination. */
export const gatewayUrlOption: OptionSpec = {
  name: "gateway-url",
  aliases: ["pomerium-url"],
  value: "URL",
  description: "The gateway, when the host of the destination does not lead to it",
  env: "SALLYPORT_GATEWAY_URL",
};

/** How such a command reaches the gateway, and signs in. */
export const tunnelOptions: readonly OptionSpec[] = [
  gatewayUrlOption,
  ...carrierOptions,
  ...trustOptions,
  ...browserOptions,
  ...serviceAccountOptions,
];

/** All that it takes to open tunnels to one destination. */
export interface WayOptions extends ConnectOptions {
  /** `host:port` of the route. */
  readonly authority: string;
  /** The process. */
  readonly io: CliIo;
  /** Asks the gateway why a tunnel ended; `null` when it has nothing to tell. Never rejects. */
  readonly whyEnded: (tunnel: TunnelIdentity) => Promise<string | null>;
}

/**
 * Prepares the way to a destination, as the options of the command say.
 *
 * @returns the caller disposes it, which closes the carrier
 * @throws {UsageError} and {ClientError} when an option cannot be used
 */
export async function openWay(
  { authority, gateway }: Destination,
  { kind, args, io, signal }: { kind: "tcp" | "udp"; args: ParsedArgs; io: CliIo; signal: AbortSignal },
): Promise<WayOptions & Disposable> {
  const trust = await readTrust(gateway, { args, io });
  const tokens = await openTokens(gateway, { args, io, trust, signal });
  const carriers = openCarriers(gateway, { kind, args, io, trust });
  return {
    authority,
    carriers,
    tokens,
    userAgent: USER_AGENT,
    io,
    signal,
    whyEnded: ({ requestId, token }) => askWhyEnded(gateway, { requestId, token, trust, signal }),
    [Symbol.dispose]: () => carriers[Symbol.dispose](),
  };
}

/** Tells the person where programs connect, and warns when others can, too. */
export function announce(at: { hostname: string }, { address, io }: { address: string; io: CliIo }): void {
  if (!isLoopback(at.hostname)) {
    io.stderr(
      "warning: whoever can reach this port uses the service in your name; " +
        "to listen for this machine only, use --listen 127.0.0.1:PORT\n",
    );
  }
  io.stderr(`listening on ${address}\n`);
}
