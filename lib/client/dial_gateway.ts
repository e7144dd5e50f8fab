import { isIP } from "node:net";
import { getCACertificates } from "node:tls";
import { abortable } from "../base/abortable.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import { denoStream } from "../base/deno_stream.ts";
import { connectTls } from "../base/tls_client.ts";
import { serverIdentityFault } from "../pki/server_identity.ts";
import { certificateRefusal, withRefusalNamed } from "./_certificate_refusal.ts";
import { reachError } from "./_reach_error.ts";
import type { GatewayAddress } from "./gateway_address.ts";
import type { GatewayTrust } from "./gateway_trust.ts";

/** How to connect to a gateway. */
export interface DialGatewayOptions {
  /** Which certificates are believed. */
  readonly trust: GatewayTrust;
  /** Gives up the attempt; does nothing to the finished stream. */
  readonly signal: AbortSignal;
  /** What TLS offers (RFC 7301), the best first; default `http/1.1`. */
  readonly alpn?: readonly string[];
}

/** A connection to a gateway. The caller closes the stream. */
export interface GatewayConnection {
  /** Its bytes. */
  readonly stream: ByteStream;
  /** What the gateway chose of what TLS offered; `null`: nothing, or the gateway is plain. */
  readonly alpn: string | null;
}

/**
 * Connects to a gateway: TCP, and TLS unless the gateway is plain.
 *
 * @throws {ClientError} `client/unreachable`, `client/tls-untrusted`, `client/timeout`, `client/cancelled`, and
 *   `client/certificate-refused`, which with TLS 1.3 may also come from the stream
 */
export async function dialGateway(
  gateway: GatewayAddress,
  options: DialGatewayOptions,
): Promise<GatewayConnection> {
  const { trust, signal, alpn = ["http/1.1"] } = options;
  try {
    signal.throwIfAborted();
    const tcp = await dialTcp(gateway, signal);
    if (!gateway.tls) return { stream: denoStream(tcp), alpn: null };
    const start = trust.verify && !trust.clientCertificate ? startTls : startNodeTls;
    const { stream, alpn: chosen } = await start(tcp, { host: gateway.host, trust, signal, alpn });
    return { stream: withRefusalNamed(stream, { gateway, trust }), alpn: chosen };
  } catch (error) {
    const refusal = certificateRefusal(error, { gateway, trust });
    if (refusal !== null) throw refusal;
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
  { host, trust, signal, alpn }: Required<DialGatewayOptions> & { host: string },
): Promise<GatewayConnection> {
  const conn = await Deno.startTls(tcp, {
    hostname: host,
    caCerts: [...trust.caCerts],
    alpnProtocols: [...alpn],
  });
  try {
    const { alpnProtocol } = await abortable(conn.handshake(), signal);
    return { stream: denoStream(conn), alpn: alpnProtocol };
  } catch (error) {
    conn.close();
    throw error;
  }
}

/**
 * The platform's own TLS client can neither present a certificate on a connection that was told not to delay (with
 * `Deno.connectTls` a small message waits 44 ms for the acknowledgement of the one before) nor believe any certificate.
 */
async function startNodeTls(
  tcp: Deno.TcpConn,
  { host, trust, signal, alpn }: Required<DialGatewayOptions> & { host: string },
): Promise<GatewayConnection> {
  const { caCerts, verify, clientCertificate } = trust;
  return await connectTls(denoStream(tcp), {
    signal,
    connection: {
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      // Given here, they would replace those that the platform trusts.
      ...(caCerts.length === 0 ? {} : { ca: [...getCACertificates("default"), ...caCerts] }),
      ...(clientCertificate ? { cert: clientCertificate.certPem, key: clientCertificate.keyPem } : {}),
      ALPNProtocols: [...alpn],
      rejectUnauthorized: verify,
      checkServerIdentity: (_host, { raw }) => serverIdentityFault(raw, host) ?? undefined,
    },
  });
}
