import type { Socket } from "node:net";
import tls from "node:tls";
import type { ByteStream } from "../base/byte_stream.ts";
import { hangUp } from "../base/hang_up.ts";
import { streamAfter } from "../base/stream_after.ts";
import { type SecuredStream, TlsStream } from "../base/tls_stream.ts";

/** A longer chain than any real one is cut off. */
const MAX_CHAIN = 16;

/** How to speak TLS with a client that is asked for a certificate. */
export interface AskingOptions {
  /** Certificate and key of the server, and the authorities whose names the client is told. */
  readonly secureContext: tls.SecureContext;
  /** Whether a client without a certificate is told so with an alert (RFC 8446 section 6.2), and gets no further. */
  readonly isRequired: boolean;
  /** Offered to the client, most wanted first. */
  readonly alpn: readonly string[];
  /** What the client has said already. */
  readonly prefix: Uint8Array;
}

/** A client whose handshake is over. Whoever asked for it closes the stream, which closes the client's. */
export interface AskedClient extends SecuredStream {
  /** What it presented, in DER, its own first; empty when it presented none. */
  readonly certificates: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Speaks TLS with a client, and asks for its certificate, which the platform's own listener cannot. Every certificate is
 * taken, whoever has signed it.
 *
 * @param client owned by the result; closed when this rejects
 * @returns once the handshake is done; rejects when it fails, and the client has been told why
 */
export async function askClient(client: ByteStream, options: AskingOptions): Promise<AskedClient> {
  const { secureContext, isRequired, alpn, prefix } = options;
  let isDone = false;
  const close = () => {
    // Closed at once, a connection with unread bytes would be reset, and the alert lost.
    if (isDone) client.close();
  };
  const stream = new TlsStream({ ...streamAfter(prefix, client), close });
  const settings = { isServer: true, secureContext, requestCert: true, rejectUnauthorized: isRequired };
  try {
    const socket = await stream.start((transport) => {
      const socket = new tls.TLSSocket(transport as unknown as Socket, {
        ...settings,
        ALPNProtocols: [...alpn],
      });
      letAlertsOut(socket);
      return socket;
    }, "secure");
    isDone = true;
    return { stream, alpn: socket.alpnProtocol || null, certificates: chainOf(socket) };
  } catch (error) {
    stream.close();
    await hangUp(client);
    throw error;
  }
}

/** What the client presented, in the order in which it did. */
function chainOf(socket: tls.TLSSocket): Uint8Array<ArrayBuffer>[] {
  const chain: Uint8Array<ArrayBuffer>[] = [];
  let one: tls.DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (one?.raw !== undefined && chain.length < MAX_CHAIN) {
    chain.push(new Uint8Array(one.raw));
    one = one.issuerCertificate === one ? undefined : one.issuerCertificate;
  }
  return chain;
}

/**
 * The platform (Deno 2.9.6) sends alerts, that of the end (RFC 8446 section 6.1) among them, in a later turn than the one in
 * which it destroys the socket that had to send them. Nothing but alerts is lost if a later version has no such handle.
 */
function letAlertsOut(socket: tls.TLSSocket): void {
  const { _handle: handle } = socket as unknown as { _handle?: TlsHandle };
  const { onerror, shutdown } = handle ?? {};
  if (handle === undefined || onerror === undefined || shutdown === undefined) return;
  handle.onerror = (error) => {
    handle._flushEncOut?.();
    setTimeout(() => onerror.call(handle, error), 0);
  };
  handle.shutdown = (request) => {
    const { oncomplete } = request;
    request.oncomplete = (...args) => void setTimeout(() => oncomplete.apply(request, args), 0);
    return shutdown.call(handle, request);
  };
}

interface TlsHandle {
  onerror?: (error: unknown) => void;
  shutdown?: (request: { oncomplete: (...args: unknown[]) => void }) => number;
  _flushEncOut?: () => void;
}
