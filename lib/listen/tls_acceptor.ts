import type { Clock } from "../base/clock.ts";
import type { Connection, ConnectionFacts } from "../base/connection.ts";
import { errorMessage } from "../base/errors.ts";
import { hangUp } from "../base/hang_up.ts";
import type { Log } from "../observe/log.ts";
import { AcceptLoop } from "./_accept_loop.ts";
import { Contexts } from "./_contexts.ts";
import { Native, type NativeTcp } from "./_native.ts";
import { NativeListener } from "./_native_listener.ts";
import { NativeStream } from "./_native_stream.ts";
import { Places } from "./_places.ts";
import type { CertificateChoice, ClientAdmission, ClientRefusal } from "./certificate_choice.ts";

/** How to accept TLS connections. */
export interface TlsAcceptorOptions {
  /** Empty means every interface. */
  readonly hostname: string;
  /** 0 to 65535; 0 lets the system choose. */
  readonly port: number;
  /** Whether other processes of ours listen there too, or may; default `false`. */
  readonly sharesPort?: boolean;
  /** What clients are shown at first. */
  readonly certificates: CertificateChoice;
  /** Offered to the client, most wanted first. */
  readonly alpn: readonly string[];
  /** A handshake that takes longer is dropped. */
  readonly handshakeTimeoutMs: number;
  /** While so many are open, more have to wait. */
  readonly maxConnections: number;
  /** Receives every finished connection and closes it. */
  readonly onConnection: (connection: Connection) => void;
  /** For the handshake limit and for waiting. */
  readonly clock: Clock;
  /** Where failed and refused connections are noted. */
  readonly log: Log;
}

/**
 * A listening TLS port. Dispose it to stop accepting: connections already handed over live on, those whose handshake is
 * not done are closed.
 */
export interface Acceptor extends AsyncDisposable {
  /** IP address that it listens on. */
  readonly hostname: string;
  /** Port that it listens on: the one the system chose if 0 was asked for. */
  readonly port: number;
  /** Connections accepted and not closed yet, handshakes included. */
  readonly openConnections: number;
  /**
   * Shows other certificates from now on. Connections that are open live on.
   *
   * @throws {ListenError} `listen/bad-certificate`: then nothing has changed
   * @throws {TypeError} when the acceptor is disposed
   */
  setCertificates(certificates: CertificateChoice): void;
}

/**
 * Listens for TLS and hands over each connection once its handshake is done. What is written is sent at once (TCP_NODELAY),
 * and a handshake that takes too long is given up and its connection closed.
 *
 * @returns the acceptor; the caller disposes it
 * @throws {ListenError} `listen/address-in-use`, `listen/not-permitted`, `listen/bad-address`, `listen/bad-certificate`,
 * `listen/unsupported-platform`
 */
export function acceptTls(options: TlsAcceptorOptions): Acceptor {
  const native = new Native();
  const contexts = new Contexts(native, options.certificates);
  return new TlsAcceptor(options, { native, contexts });
}

class TlsAcceptor implements Acceptor {
  readonly #options: TlsAcceptorOptions;
  readonly #native: Native;
  readonly #places: Places;
  readonly #loop: AcceptLoop<NativeTcp>;
  /** How to give up each of the handshakes under way. */
  readonly #unfinished = new Set<() => void>();
  #contexts: Contexts;
  #disposed = false;

  constructor(options: TlsAcceptorOptions, { native, contexts }: { native: Native; contexts: Contexts }) {
    this.#options = options;
    this.#native = native;
    this.#contexts = contexts;
    this.#places = new Places(options.maxConnections);
    this.#loop = new AcceptLoop(new NativeListener(native, options), {
      ...options,
      places: this.#places,
      onAccept: (tcp) => void this.#serve(tcp),
    });
  }

  get hostname(): string {
    return this.#loop.address.hostname;
  }

  get port(): number {
    return this.#loop.address.port;
  }

  get openConnections(): number {
    return this.#places.taken;
  }

  setCertificates(certificates: CertificateChoice): void {
    if (this.#disposed) throw new TypeError("Cannot change certificates as the acceptor is disposed");
    this.#contexts = new Contexts(this.#native, certificates);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await this.#loop.stop();
    for (const giveUp of this.#unfinished) giveUp();
  }

  async #serve(tcp: NativeTcp): Promise<void> {
    const { clock, handshakeTimeoutMs, onConnection, log } = this.#options;
    const stream = new NativeStream(this.#native, tcp, this.#places.take());
    const giveUp = () => stream.close();
    this.#unfinished.add(giveUp);
    const timeout = clock.timer(handshakeTimeoutMs, giveUp);
    let ip: string | null = null;
    try {
      const { peer: { address, port }, local } = stream.names();
      ip = address;
      const facts = await this.#admit(stream, ip);
      const { address: localAddress, port: localPort } = local;
      onConnection({ facts: { peer: { address, port }, localAddress, localPort, ...facts }, stream });
    } catch (error) {
      stream.close();
      log.debug("TLS handshake failed", { ip, error: errorMessage(error) });
    } finally {
      this.#unfinished.delete(giveUp);
      timeout[Symbol.dispose]();
    }
  }

  /** Finishes the handshake. A client that gets no further has been told when this rejects. */
  async #admit(
    stream: NativeStream,
    ip: string,
  ): Promise<Pick<ConnectionFacts, "alpn" | "serverName" | "clientCertificates">> {
    const { serverName } = await stream.clientHello();
    const { context, request } = this.#contexts.of(serverName ?? "");
    const admission = request?.admission ?? null;
    try {
      const alpn = await stream.startTls({ context, alpn: this.#options.alpn });
      if (request === null) return { alpn, serverName, clientCertificates: null };
      const clientCertificates = stream.clientCertificates();
      if (admission !== null) await admit(admission, clientCertificates);
      return { alpn, serverName, clientCertificates };
    } catch (error) {
      if (admission !== null) this.#noteRefusal(error, { ip, serverName });
      await hangUp(stream);
      throw error;
    }
  }

  #noteRefusal(error: unknown, { ip, serverName }: { ip: string; serverName: string | null }): void {
    this.#options.log.info("listener connection failure", {
      "client-certificate": error instanceof RefusedError ? error.certificate : null,
      ip,
      "tls-sni-hostname": serverName,
      "downstream-transport-failure-reason": errorMessage(error),
    });
  }
}

/** @throws {RefusedError} when the client may not go on */
async function admit(
  admission: ClientAdmission,
  certificates: readonly Uint8Array<ArrayBuffer>[],
): Promise<void> {
  // A session (RFC 8446 section 2.2) can be of a time when nobody was asked.
  const none = { reason: "the client has resumed a session without a certificate", certificate: null };
  const refusal = certificates.length === 0 ? none : await admission(certificates);
  if (refusal !== null) throw new RefusedError(refusal);
}

/** A client that was not admitted. */
class RefusedError extends Error {
  readonly certificate: unknown;

  constructor({ reason, certificate }: ClientRefusal) {
    super(reason);
    this.certificate = certificate;
  }
}
