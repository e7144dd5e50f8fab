import { isIP } from "node:net";
import { connect as connectNodeTls } from "node:tls";
import { abortable } from "../base/abortable.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import { denoStream } from "../base/deno_stream.ts";
import { nodeStream } from "../base/node_stream.ts";
import { reachError } from "./_reach_error.ts";
import type { GatewayAddress } from "./gateway_address.ts";
import type { GatewayTrust } from "./gateway_trust.ts";

/**
 * Connects to a gateway: TCP, and TLS that offers HTTP/1.1 (RFC 7301) unless the gateway is plain.
 *
 * @param options `signal` gives up the attempt; it does nothing to the finished stream
 * @returns the stream, which the caller closes
 * @throws {ClientError} `client/unreachable`, `client/tls-untrusted`, `client/timeout`, `client/cancelled`
 */
export async function dialGateway(
  gateway: GatewayAddress,
  options: { trust: GatewayTrust; signal: AbortSignal },
): Promise<ByteStream> {
  const { trust, signal } = options;
  try {
    signal.throwIfAborted();
    if (gateway.tls && !trust.verify) return await dialUnverified(gateway, signal);
    const tcp = await dialTcp(gateway, signal);
    return denoStream(gateway.tls ? await startTls(tcp, { host: gateway.host, trust, signal }) : tcp);
  } catch (error) {
    throw reachError(signal.aborted ? signal.reason : error, gateway);
  }
}

async function dialTcp({ host, port }: GatewayAddress, signal: AbortSignal): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: host, port, signal });
  // A keystroke must not wait for the acknowledgement of the one before (RFC 9293 section 3.7.4). `Deno.connectTls`
  // cannot say so, which is why the two steps are taken here.
  conn.setNoDelay(true);
  conn.setKeepAlive(true);
  return conn;
}

async function startTls(
  tcp: Deno.TcpConn,
  { host, trust, signal }: { host: string; trust: GatewayTrust; signal: AbortSignal },
): Promise<Deno.TlsConn> {
  const conn = await Deno.startTls(tcp, {
    hostname: host,
    caCerts: [...trust.caCerts],
    alpnProtocols: ["http/1.1"],
  });
  try {
    await abortable(conn.handshake(), signal);
    return conn;
  } catch (error) {
    conn.close();
    throw error;
  }
}

/** The platform's own TLS client cannot be told to believe any certificate; Node's can. */
async function dialUnverified({ host, port }: GatewayAddress, signal: AbortSignal): Promise<ByteStream> {
  const options = {
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ALPNProtocols: ["http/1.1"],
    rejectUnauthorized: false,
    allowHalfOpen: true,
  };
  const socket = connectNodeTls(options);
  const connected = Promise.withResolvers<void>();
  socket.once("secureConnect", connected.resolve).once("error", connected.reject);
  try {
    await abortable(connected.promise, signal);
  } catch (error) {
    socket.on("error", () => {}).destroy();
    throw error;
  }
  socket.setNoDelay(true);
  return nodeStream(socket);
}
