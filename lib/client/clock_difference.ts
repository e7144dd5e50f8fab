import { formatAuthority } from "../base/authority.ts";
import { dialGateway, type DialGatewayOptions } from "./dial_gateway.ts";
import type { GatewayAddress } from "./gateway_address.ts";
import { exchangeHttp1 } from "./http1_exchange.ts";

/**
 * How far the clock of a gateway is ahead of this one, in milliseconds, by the `Date` of an answer (RFC 9110 section
 * 6.6.1), which counts whole seconds.
 *
 * @returns `null` when the gateway does not tell
 * @throws {ClientError} as {@link dialGateway} and {@link exchangeHttp1}
 */
export async function clockDifference(
  gateway: GatewayAddress,
  { trust, signal, now }: Pick<DialGatewayOptions, "trust" | "signal"> & { now: () => number },
): Promise<number | null> {
  const { stream } = await dialGateway(gateway, { trust, signal });
  try {
    const lines = ["GET /ping HTTP/1.1", `Host: ${formatAuthority(gateway)}`, "Connection: close"];
    const { headers } = await exchangeHttp1(stream, { lines, gateway, signal });
    const told = Date.parse(headers.get("date") ?? "");
    return Number.isNaN(told) ? null : told - Math.floor(now() / 1000) * 1000;
  } finally {
    stream.close();
  }
}
