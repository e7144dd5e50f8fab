import { isIP } from "node:net";
import { type ConnectionOptions, rootCertificates } from "node:tls";
import { abortable } from "../base/abortable.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import { denoStream } from "../base/deno_stream.ts";
import { connectTls } from "../base/tls_client.ts";
import type { SecuredStream } from "../base/tls_stream.ts";
import type { UpstreamTls } from "../config/upstream_settings.ts";
import { serverIdentityFault } from "../pki/server_identity.ts";

/** What a service is reached by. */
export type Transport = Deno.TcpConn | Deno.UnixConn | ByteStream;

/** The bytes of a transport as they are. */
export function plainStream(transport: Transport): ByteStream {
  return "closeWrite" in transport && !("localAddr" in transport)
    ? transport
    : denoStream(transport, { detectReset: true });
}

/** How TLS is started. */
export interface StartTlsOptions {
  /** Of the route. */
  readonly tls: UpstreamTls;
  /** The name or the address to ask for and to verify. */
  readonly host: string;
  /** Protocols to offer; empty: none. */
  readonly alpn: readonly string[];
  /** Gives up the handshake; does nothing afterwards. */
  readonly signal: AbortSignal;
}

/**
 * Speaks TLS 1.2 or 1.3 as a client on a new connection: with the name, the trust and the certificate of the route. The
 * name is looked for among the subject alternative names only.
 *
 * @param conn owned from now on: closed when the handshake fails
 * @returns the decrypted stream, which the caller closes
 * @throws what the platform throws: an untrusted certificate, an alert, what is no TLS at all
 */
export async function startTls(
  conn: Transport,
  options: StartTlsOptions,
): Promise<SecuredStream> {
  const { tls, host, alpn, signal } = options;
  if (!("setNoDelay" in conn) || needsNode(tls)) {
    return await connectTls(plainStream(conn), {
      connection: nodeOptions(options),
      signal,
    });
  }
  const secured = await Deno.startTls(conn, {
    hostname: host,
    caCerts: tls.authorities === null ? [] : [tls.authorities.pem],
    alpnProtocols: [...alpn],
  });
  try {
    const { alpnProtocol } = await abortable(secured.handshake(), signal);
    return { stream: denoStream(secured), alpn: alpnProtocol };
  } catch (error) {
    secured.close();
    throw error;
  }
}

/** What the platform's own TLS, which is faster, cannot do. */
function needsNode({ skipVerify, authorities, clientCertificate }: UpstreamTls): boolean {
  return skipVerify || clientCertificate !== null || authorities?.isAll === true;
}

/** What `node:tls` is told. */
export function nodeOptions({ tls, host, alpn }: Omit<StartTlsOptions, "signal">): ConnectionOptions {
  const { authorities, clientCertificate, skipVerify } = tls;
  return {
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // What `node:tls` is given takes the place of all that it trusts otherwise.
    ...(authorities === null
      ? {}
      : { ca: authorities.isAll ? authorities.pem : [...rootCertificates, authorities.pem] }),
    ...(clientCertificate === null ? {} : { cert: clientCertificate.certPem, key: clientCertificate.keyPem }),
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
    rejectUnauthorized: !skipVerify,
    checkServerIdentity: (_host, { raw }) => serverIdentityFault(raw, host) ?? undefined,
  };
}
