import { formatAuthority } from "../base/authority.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import { streamAfter } from "../base/stream_after.ts";
import { capsuleFlow } from "../carrier/capsule_flow.ts";
import { formatUdpTarget } from "../codec/masque_target.ts";
import { type Carrier, tunnelFields, type TunnelRequest } from "./carrier.ts";
import { dialGateway } from "./dial_gateway.ts";
import type { GatewayAddress } from "./gateway_address.ts";
import type { GatewayTrust } from "./gateway_trust.ts";
import { exchangeHttp1 } from "./http1_exchange.ts";
import { refusal, requestIdOf } from "./refusal.ts";
import type { ResponseHead } from "./response_head.ts";

/** HTTP/1.1: a connection of its own for each tunnel. Nothing is connected before the first. */
export function http1Carrier(gateway: GatewayAddress, trust: GatewayTrust): Carrier {
  const way = { gateway, trust };
  return {
    name: "h1",
    isOpen: true,
    carriesUdp: true,
    async openTcp(authority, request) {
      const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`, ...fieldLines(request)];
      const { stream, head } = await openOverHttp1({
        ...way,
        lines,
        authority,
        success: 200,
        signal: request.signal,
      });
      return { ...stream, requestId: requestIdOf(head), token: request.token };
    },
    async openUdp(target, request) {
      const authority = formatAuthority(target);
      const lines = [
        `GET ${formatUdpTarget(target)} HTTP/1.1`,
        `Host: ${formatAuthority(gateway)}`,
        "Connection: Upgrade",
        "Upgrade: connect-udp",
        "Capsule-Protocol: ?1",
        ...fieldLines(request),
      ];
      const { stream, head } = await openOverHttp1({
        ...way,
        lines,
        authority,
        success: 101,
        signal: request.signal,
      });
      return Object.assign(capsuleFlow(stream), { requestId: requestIdOf(head), token: request.token });
    },
    // Each tunnel has its own connection.
    retire() {},
    close() {},
  };
}

function fieldLines(request: TunnelRequest): string[] {
  const names: Readonly<Record<string, string>> = {
    "user-agent": "User-Agent",
    authorization: "Authorization",
  };
  return Object.entries(tunnelFields(request)).map(([name, value]) => `${names[name] ?? name}: ${value}`);
}

/**
 * Sends a request of HTTP/1.1 that asks for a tunnel, over a connection of its own.
 *
 * @param options `lines`: the request line and the fields; `authority`: where it leads, for a refusal; `success`: the status that grants it
 * @returns the tunnel, which the caller closes
 * @throws {ClientError} as {@link Carrier.openTcp}
 */
export async function openOverHttp1(
  { gateway, trust, lines, authority, success, signal }: {
    gateway: GatewayAddress;
    trust: GatewayTrust;
    lines: readonly string[];
    authority: string;
    success: number;
    signal: AbortSignal;
  },
): Promise<{ stream: ByteStream; head: ResponseHead }> {
  const { stream } = await dialGateway(gateway, { trust, signal });
  try {
    const head = await exchangeHttp1(stream, { lines, gateway, signal });
    if (head.status !== success) throw refusal(authority, head);
    return { stream: streamAfter(head.rest, stream), head };
  } catch (error) {
    stream.close();
    throw error;
  }
}
