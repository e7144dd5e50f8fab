import { abortable } from "../base/abortable.ts";
import { Http3Connection } from "../carrier/http3_connection.ts";
import { reachError } from "./_reach_error.ts";
import { StreamCarrier } from "./_stream_carrier.ts";
import type { Carrier } from "./carrier.ts";
import { ClientError } from "./client_error.ts";
import type { GatewayAddress } from "./gateway_address.ts";
import type { GatewayTrust } from "./gateway_trust.ts";

/** How to connect with QUIC. */
export interface Http3CarrierOptions {
  /** Which certificates are believed. */
  readonly trust: GatewayTrust;
  /** Gives up the attempt. */
  readonly signal: AbortSignal;
}

/** A connection on which nothing comes for so long is lost. */
const IDLE_TIMEOUT_MS = 15_000;
/** Keeps it, and the way through address translation, open. */
const KEEP_ALIVE_MS = 5_000;

/**
 * HTTP/3: one QUIC connection for all tunnels.
 *
 * @returns once the gateway has told its settings
 * @throws {ClientError} `client/no-carrier`: what `trust` asks for cannot be had with QUIC; `client/unreachable`,
 *   `client/tls-untrusted`, `client/timeout`, `client/cancelled`
 */
export async function http3Carrier(gateway: GatewayAddress, options: Http3CarrierOptions): Promise<Carrier> {
  const { trust, signal } = options;
  if (Deno.QuicEndpoint === undefined) throw unsuitable("this program was started without --unstable-net");
  if (!trust.verify) throw unsuitable("it always verifies certificates");
  if (trust.clientCertificate) throw unsuitable("it cannot show client certificates");
  const endpoint = new Deno.QuicEndpoint();
  try {
    signal.throwIfAborted();
    const conn = await abortable(dial(endpoint, gateway, trust), signal);
    const connection = Http3Connection.connect(conn);
    const { enableConnectProtocol, h3Datagram } = await abortable(connection.peerSettings, signal);
    const carriesUdp = enableConnectProtocol && h3Datagram;
    void connection.closed.then(() => endpoint.close());
    return new StreamCarrier(connection, { name: "h3", gateway, carriesUdp });
  } catch (error) {
    endpoint.close();
    throw reachError(signal.aborted ? signal.reason : error, gateway);
  }
}

async function dial(
  endpoint: Deno.QuicEndpoint,
  { host, port }: GatewayAddress,
  trust: GatewayTrust,
): Promise<Deno.QuicConn> {
  return await Deno.connectQuic({
    endpoint,
    hostname: host,
    port,
    alpnProtocols: ["h3"],
    caCerts: [...trust.caCerts],
    keepAliveInterval: KEEP_ALIVE_MS,
    maxIdleTimeout: IDLE_TIMEOUT_MS,
  });
}

function unsuitable(why: string): ClientError {
  return new ClientError("client/no-carrier", `Cannot use HTTP/3: ${why}`, {
    hint: "leave --carrier out, or try --carrier h2",
  });
}
