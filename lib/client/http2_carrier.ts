import { abortable } from "../base/abortable.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import { Http2Connection } from "../carrier/http2_connection.ts";
import { reachError } from "./_reach_error.ts";
import { StreamCarrier } from "./_stream_carrier.ts";
import type { Carrier } from "./carrier.ts";
import type { GatewayAddress } from "./gateway_address.ts";

/**
 * HTTP/2: one connection for all tunnels.
 *
 * @param stream on which TLS has agreed on `h2`; the carrier owns it from now on
 * @returns once the gateway has told its settings
 * @throws {ClientError} `client/unreachable`, `client/timeout`, `client/cancelled`
 */
export async function http2Carrier(
  stream: ByteStream,
  { gateway, signal }: { gateway: GatewayAddress; signal: AbortSignal },
): Promise<Carrier> {
  const connection = Http2Connection.connect(stream);
  try {
    const { enableConnectProtocol } = await abortable(connection.peerSettings, signal);
    return new StreamCarrier(connection, { name: "h2", gateway, carriesUdp: enableConnectProtocol });
  } catch (error) {
    connection.destroy();
    throw reachError(signal.aborted ? signal.reason : error, gateway);
  }
}
