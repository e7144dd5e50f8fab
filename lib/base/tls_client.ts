import { connect, type ConnectionOptions } from "node:tls";
import { abortable } from "./abortable.ts";
import type { ByteStream } from "./byte_stream.ts";
import { type SecuredStream, TlsStream } from "./tls_stream.ts";

/**
 * Speaks TLS 1.2 or 1.3 as a client by `node:tls`, which can present a certificate and be told whom to trust, over a
 * stream of ours.
 *
 * @param raw owned from now on: closed when the handshake fails
 * @param options `connection`: for `node:tls`; `signal` gives up the handshake and does nothing afterwards
 * @throws what the platform throws: an untrusted certificate, an alert, what is no TLS at all
 */
export async function connectTls(
  raw: ByteStream,
  options: { connection: Omit<ConnectionOptions, "socket">; signal: AbortSignal },
): Promise<SecuredStream> {
  const stream = new TlsStream(raw);
  const connection = { minVersion: "TLSv1.2", ...options.connection, allowHalfOpen: true } as const;
  try {
    const handshake = stream.start((socket) => connect({ ...connection, socket }));
    const { alpnProtocol } = await abortable(handshake, options.signal);
    return { stream, alpn: alpnProtocol || null };
  } catch (error) {
    stream.close();
    throw error;
  }
}
