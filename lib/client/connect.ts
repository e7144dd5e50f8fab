import { type Carrier, CARRIER_NAMES, type CarrierName, type TunnelRequest } from "./carrier.ts";
import { ClientError, type ClientErrorCode } from "./client_error.ts";
import { dialGateway } from "./dial_gateway.ts";
import type { GatewayAddress } from "./gateway_address.ts";
import type { GatewayCarriers } from "./gateway_carriers.ts";
import type { GatewayTrust } from "./gateway_trust.ts";
import { http1Carrier } from "./http1_carrier.ts";
import { http2Carrier } from "./http2_carrier.ts";
import { http3Carrier } from "./http3_carrier.ts";
import type { TokenSource } from "./token_source.ts";

/** The carriers that a gateway can have at all, the best first. */
export function carriersOf(gateway: GatewayAddress): readonly CarrierName[] {
  return gateway.tls ? CARRIER_NAMES : ["h1"];
}

/**
 * Connects a carrier.
 *
 * @returns the carrier, which the caller closes
 * @throws {ClientError} `client/no-carrier` when the gateway does not speak this version of HTTP; `client/unreachable`,
 *   `client/tls-untrusted`, `client/timeout`, `client/cancelled`
 */
export async function connectCarrier(
  name: CarrierName,
  { gateway, trust, signal }: { gateway: GatewayAddress; trust: GatewayTrust; signal: AbortSignal },
): Promise<Carrier> {
  if (name === "h1") return http1Carrier(gateway, trust);
  if (name === "h3") return await http3Carrier(gateway, { trust, signal });
  const { stream, alpn } = await dialGateway(gateway, { trust, signal, alpn: ["h2"] });
  if (alpn === "h2") return await http2Carrier(stream, { gateway, signal });
  stream.close();
  throw new ClientError("client/no-carrier", "The gateway does not speak HTTP/2");
}

/** What the carrier itself fails with, rather than the gateway. */
const REPLACED: readonly ClientErrorCode[] = ["client/unreachable", "client/carrier-full"];

/** How to open a tunnel. */
export interface ConnectOptions extends Omit<TunnelRequest, "token" | "signal"> {
  /** Ways to the gateway. */
  readonly carriers: GatewayCarriers;
  /** Where tokens come from. */
  readonly tokens: TokenSource;
  /** Gives up the attempt when aborted; does nothing to an open tunnel. */
  readonly signal: AbortSignal;
  /** Until the gateway has answered, connecting included; default 30,000. */
  readonly timeoutMs?: number;
}

/**
 * Opens a tunnel with the token at hand; when the gateway asks for a sign-in, gets another token and tries once more.
 * A refusal for any other reason leaves the token alone.
 *
 * @param open opens it on a carrier
 * @returns the tunnel, which the caller closes
 * @throws {ClientError} as {@link Carrier.openTcp}, {@link GatewayCarriers.get} and {@link TokenSource.renew}
 */
export async function connect<T>(
  open: (carrier: Carrier, request: TunnelRequest) => Promise<T>,
  options: ConnectOptions,
): Promise<T> {
  const { tokens } = options;
  const token = await tokens.current();
  try {
    return await openOnce(open, { ...options, token });
  } catch (error) {
    if (!(error instanceof ClientError && error.code === "client/login-required")) throw error;
  }
  return await openOnce(open, { ...options, token: await tokens.renew(token) });
}

async function openOnce<T>(
  open: (carrier: Carrier, request: TunnelRequest) => Promise<T>,
  options: ConnectOptions & { readonly token: string | null },
): Promise<T> {
  const { carriers, token, userAgent, timeoutMs = 30_000 } = options;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)]);
  const request = { token, userAgent, signal };
  for (;;) {
    const carrier = await carriers.get(signal);
    try {
      return await open(carrier, request);
    } catch (error) {
      // One that died unnoticed, as when a laptop wakes up, or that others have filled, is replaced at once.
      const isOver = error instanceof ClientError && REPLACED.includes(error.code) && !carrier.isOpen;
      if (!isOver || signal.aborted) throw error;
    }
  }
}
