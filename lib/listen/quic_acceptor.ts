import type { Clock } from "../base/clock.ts";
import type { ConnectionFacts } from "../base/connection.ts";
import { errorMessage } from "../base/errors.ts";
import type { Log } from "../observe/log.ts";
import { Places } from "./_places.ts";
import { type CertificateChoice, isSame, type ServerKeyPair } from "./certificate_choice.ts";
import { ListenError } from "./listen_error.ts";

/** Unidirectional streams of one client at once: HTTP/3 needs three, and some for extensions. */
const MAX_UNIDIRECTIONAL_STREAMS = 16;
const MAX_HANDSHAKES = 1000;

/** A QUIC connection whose handshake is over. Whoever receives it closes it. */
export interface QuicConnection {
  /** What the acceptor knows of it. The client may go on from another address later. */
  readonly facts: ConnectionFacts;
  /** The connection; it may have been lost already. */
  readonly conn: Deno.QuicConn;
}

/** How to accept QUIC connections. */
export interface QuicAcceptorOptions {
  /** An IP address; empty means every IPv4 interface. */
  readonly hostname: string;
  /** 0 to 65535; 0 lets the system choose. */
  readonly port: number;
  /** The first of them is shown to every client, whatever name it asks for: the platform cannot choose. */
  readonly certificates: CertificateChoice;
  /** What the client has to understand. Default `h3`. */
  readonly alpn?: readonly string[];
  /** While so many are open, more are refused. */
  readonly maxConnections: number;
  /** While so many handshakes are under way, more are refused: a hello may come from an address that is forged. Default 1,000. */
  readonly maxHandshakes?: number;
  /** Bidirectional streams at once of one client. */
  readonly maxStreams: number;
  /** A handshake that takes longer is given up. */
  readonly handshakeTimeoutMs: number;
  /** A client that is not heard of for so long is lost. It is asked three times within that. */
  readonly idleTimeoutMs: number;
  /** Receives every finished connection and closes it. */
  readonly onConnection: (connection: QuicConnection) => void;
  /** For the handshake limit. */
  readonly clock: Clock;
  /** Where failed and refused connections are noted. */
  readonly log: Log;
}

/**
 * A UDP port with QUIC. Dispose it to refuse all who come: connections already handed over live on, those whose handshake
 * is not done are closed. The port is given back some time after the last connection has ended: the platform does so when
 * it collects garbage.
 */
export interface QuicAcceptor extends AsyncDisposable {
  /** IP address that it listens on. */
  readonly hostname: string;
  /** Port that it listens on: the one the system chose if 0 was asked for. */
  readonly port: number;
  /** Connections accepted and not closed yet, handshakes included. */
  readonly openConnections: number;
  /**
   * Shows another certificate from now on, the first of these. Connections that are open live on.
   *
   * @throws {ListenError} `listen/bad-certificate`: then nothing has changed
   */
  setCertificates(certificates: CertificateChoice): void;
}

/**
 * Listens for QUIC (RFC 9000) and hands over each connection once its handshake is done, so that nothing in it can be a
 * replay of early data.
 *
 * **One certificate for all names.** The platform cannot choose by server name: with several certificates the clients of
 * all but the first refuse it, so tell nobody of this port whose name {@link QuicAcceptorOptions.certificates}' first does
 * not cover. Nor can it ask for client certificates.
 *
 * @returns the acceptor; the caller disposes it
 * @throws {ListenError} `listen/address-in-use`, `listen/not-permitted`, `listen/bad-address`, `listen/bad-certificate`
 */
export function acceptQuic(options: QuicAcceptorOptions): QuicAcceptor {
  return new EndpointAcceptor(options);
}

class EndpointAcceptor implements QuicAcceptor {
  readonly hostname: string;
  readonly port: number;
  readonly #options: QuicAcceptorOptions;
  readonly #endpoint: Deno.QuicEndpoint;
  readonly #places: Places;
  readonly #unfinished = new Set<Deno.QuicConn>();
  /** All there ever were: when the platform collects one of them as garbage, its endpoint accepts nothing any more. */
  readonly #listeners: Deno.QuicListener[] = [];
  #pair: ServerKeyPair | null = null;
  #isDisposed = false;

  constructor(options: QuicAcceptorOptions) {
    this.#options = options;
    this.#places = new Places(options.maxConnections);
    this.#endpoint = openEndpoint(options);
    try {
      this.setCertificates(options.certificates);
    } catch (error) {
      this.#endpoint.close();
      throw error;
    }
    this.hostname = this.#endpoint.addr.hostname;
    this.port = this.#endpoint.addr.port;
    void this.#run(this.#listeners[0]!);
  }

  get openConnections(): number {
    return this.#places.taken;
  }

  setCertificates({ certificates }: CertificateChoice): void {
    const pair = certificates[0]?.pair;
    if (pair === undefined) throw new TypeError("Cannot accept QUIC as there is no certificate");
    if (this.#pair !== null && isSame(this.#pair, pair)) return;
    const { alpn = ["h3"], maxStreams, idleTimeoutMs } = this.#options;
    try {
      this.#listeners.push(this.#endpoint.listen({
        cert: pair.certPem,
        key: pair.keyPem,
        alpnProtocols: [...alpn],
        maxConcurrentBidirectionalStreams: maxStreams,
        maxConcurrentUnidirectionalStreams: MAX_UNIDIRECTIONAL_STREAMS,
        maxIdleTimeout: idleTimeoutMs,
        keepAliveInterval: Math.ceil(idleTimeoutMs / 3),
      }));
    } catch (error) {
      throw ListenError.badCertificate(error);
    }
    this.#pair = pair;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    for (const conn of this.#unfinished) conn.close();
    this.#closeIfUnused();
    return Promise.resolve();
  }

  /** A listener accepts for its endpoint, whatever certificate that shows by now. */
  async #run(listener: Deno.QuicListener): Promise<void> {
    try {
      for (;;) this.#decide(await listener.incoming());
    } catch (error) {
      if (!this.#isDisposed) {
        this.#options.log.error("QUIC accepts no more", { error: errorMessage(error) });
      }
    }
  }

  #decide(incoming: Deno.QuicIncoming): void {
    // Nothing else can be asked of it before: the platform loses who is coming by the first question.
    const isBusy = this.#unfinished.size >= (this.#options.maxHandshakes ?? MAX_HANDSHAKES);
    if (isBusy || this.#isDisposed || this.#places.full) incoming.refuse();
    else void this.#serve(incoming);
  }

  async #serve(incoming: Deno.QuicIncoming): Promise<void> {
    const { handshakeTimeoutMs, onConnection, clock, log } = this.#options;
    const release = this.#places.take();
    try {
      // Only so can a handshake be given up. The early data that comes with it is not looked at.
      const conn = incoming.accept({ zeroRtt: true });
      let isClosed = false;
      const closed = conn.closed.catch(() => {}).then(() => void (isClosed = true));
      void closed.then(() => this.#release(conn, release));
      this.#unfinished.add(conn);
      using _timeout = clock.timer(handshakeTimeoutMs, () => conn.close());
      await conn.handshake;
      // That it failed is heard of just after that it is over.
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.#unfinished.delete(conn);
      if (isClosed) log.debug("QUIC handshake failed", { ip: conn.remoteAddr.hostname });
      else onConnection({ facts: this.#factsOf(conn), conn });
    } catch (error) {
      release();
      this.#closeIfUnused();
      log.debug("QUIC handshake failed", { error: errorMessage(error) });
    }
  }

  #release(conn: Deno.QuicConn, release: () => void): void {
    this.#unfinished.delete(conn);
    release();
    this.#closeIfUnused();
  }

  #closeIfUnused(): void {
    if (this.#isDisposed && this.#places.taken === 0) this.#endpoint.close();
  }

  #factsOf(conn: Deno.QuicConn): ConnectionFacts {
    const { hostname: address, port } = conn.remoteAddr;
    return {
      peer: { address, port },
      localAddress: this.hostname,
      localPort: this.port,
      alpn: conn.protocol ?? null,
      serverName: conn.serverName?.toLowerCase() ?? null,
      clientCertificates: null,
    };
  }
}

function openEndpoint(address: { hostname: string; port: number }): Deno.QuicEndpoint {
  if (!("QuicEndpoint" in Deno)) {
    throw new ListenError(
      "listen/not-permitted",
      "Cannot listen for QUIC: the platform has it switched off",
      {
        hint: 'start with --unstable-net, or with the deno.json that says "unstable": ["net"]',
      },
    );
  }
  try {
    return new Deno.QuicEndpoint({ hostname: address.hostname || "0.0.0.0", port: address.port });
  } catch (error) {
    throw ListenError.from(error, address);
  }
}
