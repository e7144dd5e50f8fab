import type { Clock } from "../base/clock.ts";
import type { Connection } from "../base/connection.ts";
import type { Log } from "../observe/log.ts";
import { DirectEntrance } from "./_direct_entrance.ts";
import { FrontEntrance } from "./_front_entrance.ts";
import { Places } from "./_places.ts";
import { type Address, CAN_SHARE_PORT, probePort } from "./_port.ts";
import type { Entrance, Serving } from "./_serving.ts";
import type { CertificateChoice } from "./certificate_choice.ts";

/** How to accept TLS connections. */
export interface TlsAcceptorOptions {
  /** Empty means every interface. */
  readonly hostname: string;
  /** 0 to 65535; 0 lets the system choose. */
  readonly port: number;
  /** What clients are shown at first. */
  readonly certificates: CertificateChoice;
  /** Offered to the client, most wanted first. */
  readonly alpn: readonly string[];
  /** A handshake that takes longer is dropped. */
  readonly handshakeTimeoutMs: number;
  /** While so many are open, more have to wait. While certificates change, one more may be taken. */
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
   * Shows other certificates from now on. Connections that are open live on. When it takes another listener, as it does
   * from and to a single certificate, those that wait for the old one are accepted first; one that comes just as it is
   * closed may be reset.
   *
   * @returns when every new connection is shown them
   * @throws {ListenError} `listen/bad-certificate`, and those of {@link acceptTls}: then nothing has changed
   * @throws {TypeError} when the acceptor is disposed
   */
  setCertificates(certificates: CertificateChoice): Promise<void>;
}

/**
 * Listens for TLS and hands over each connection once its handshake is done.
 *
 * With one certificate the platform's TLS listener has the port, and a second one takes over when the certificate
 * changes. With several, when clients are asked for certificates, or when the platform does not let two listeners share a
 * port, a TCP listener has it and passes connections on, by their server names, to a TLS listener on loopback for each
 * certificate. It speaks itself with the clients that are asked.
 *
 * A handshake that takes too long is given up and its connection closed, except with one certificate: the platform keeps
 * the descriptor until the client does something, so the connection goes on to count until then.
 *
 * @returns the acceptor; the caller disposes it
 * @throws {ListenError} `listen/address-in-use`, `listen/not-permitted`, `listen/bad-address`, `listen/bad-certificate`
 */
export function acceptTls(options: TlsAcceptorOptions): Acceptor {
  checkNotEmpty(options.certificates);
  probePort(options);
  const serving: Serving = { ...options, places: new Places(options.maxConnections), unfinished: new Set() };
  return new TlsAcceptor(options, { serving, certificates: options.certificates });
}

class TlsAcceptor implements Acceptor {
  readonly hostname: string;
  readonly port: number;
  readonly #serving: Serving;
  readonly #address: Address;
  /** The one in use first; the one after it is being retired. */
  readonly #entrances: Entrance[];
  #changes: Promise<unknown> = Promise.resolve();
  #disposed = false;

  constructor(address: Address, options: { serving: Serving; certificates: CertificateChoice }) {
    const { serving, certificates } = options;
    const entrance = openEntrance(address, { serving, certificates });
    this.#serving = serving;
    this.#entrances = [entrance];
    this.hostname = entrance.address.hostname;
    this.port = entrance.address.port;
    this.#address = { hostname: address.hostname, port: this.port };
  }

  get openConnections(): number {
    return this.#serving.places.taken;
  }

  setCertificates(certificates: CertificateChoice): Promise<void> {
    const change = this.#changes.then(() => this.#change(certificates));
    this.#changes = change.catch(() => {});
    return change;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await Promise.all(this.#entrances.map((entrance) => entrance.stop()));
    for (const giveUp of this.#serving.unfinished) giveUp();
  }

  async #change(certificates: CertificateChoice): Promise<void> {
    if (this.#disposed) throw new TypeError("Cannot change certificates as the acceptor is disposed");
    checkNotEmpty(certificates);
    const old = this.#entrances[0]!;
    const isSameWay = isDirect(certificates) === old instanceof DirectEntrance;
    if (isSameWay && old.update(certificates)) return;
    this.#entrances.unshift(openEntrance(this.#address, { serving: this.#serving, certificates }));
    await old.retire();
    this.#entrances.pop();
  }
}

function checkNotEmpty({ certificates }: CertificateChoice): void {
  if (certificates.length === 0) throw new TypeError("Cannot accept TLS as there is no certificate");
}

function openEntrance(
  address: Address,
  { serving, certificates }: { serving: Serving; certificates: CertificateChoice },
): Entrance {
  return isDirect(certificates)
    ? new DirectEntrance(address, { pair: certificates.certificates[0]!.pair, serving })
    : new FrontEntrance(address, { certificates, serving });
}

function isDirect({ certificates, clientCertificates }: CertificateChoice): boolean {
  return CAN_SHARE_PORT && certificates.length === 1 && clientCertificates === undefined;
}
