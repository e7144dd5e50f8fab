import type { Connection } from "../base/connection.ts";
import type { Clock } from "../base/clock.ts";
import type { CertificateChoice } from "../listen/certificate_choice.ts";
import { type Acceptor, acceptTls } from "../listen/tls_acceptor.ts";
import type { Log } from "../observe/log.ts";
import { LIMITS } from "./limits.ts";
import type { Serving } from "./serving.ts";

/** What accepted connections are handed to, and what accepting works with. */
export interface ListenerOptions {
  /** Receives every connection whose handshake is over, and closes it. */
  readonly onConnection: (connection: Connection) => void;
  /** Whether other processes of this gateway listen there too; default `false`. */
  readonly sharesPort?: boolean;
  /** For time limits. */
  readonly clock: Clock;
  /** Hears of connections that fail. */
  readonly log: Log;
}

/** The TLS port of the gateway. It follows the configuration: another address is listened on before the old one is left. */
export class GatewayListener implements AsyncDisposable {
  readonly #options: ListenerOptions;
  #acceptor: Acceptor;
  #serving: Serving;
  /** Acceptors that no longer accept, but whose connections live on. */
  #left: Acceptor[] = [];

  /** Listens as `serving` says. @throws {ListenError} */
  constructor(serving: Serving, options: ListenerOptions) {
    this.#options = options;
    this.#serving = serving;
    this.#acceptor = this.#listen(serving);
  }

  /** Where it listens. */
  get address(): { readonly hostname: string; readonly port: number } {
    return { hostname: this.#acceptor.hostname, port: this.#acceptor.port };
  }

  /** Connections that are open, tunnels included. */
  get openConnections(): number {
    return [this.#acceptor, ...this.#left].reduce((sum, { openConnections }) => sum + openConnections, 0);
  }

  /**
   * Listens as `next` says. Connections that are open stay open.
   *
   * @throws {ListenError} and listens where it did before
   */
  async follow(next: Serving): Promise<void> {
    const before = this.#serving.config.address;
    const wanted = next.config.address;
    // Port 0 in the configuration stands for the port that the system chose.
    const isSamePort = wanted.port === before.port || wanted.port === this.#acceptor.port;
    const isSameCodec = alpnOf(next).join() === alpnOf(this.#serving).join();
    if (wanted.hostname === before.hostname && isSamePort && isSameCodec) {
      await this.#acceptor.setCertificates(choiceOf(next));
    } else {
      const old = this.#acceptor;
      const port = isSamePort ? old.port : wanted.port;
      // One program cannot listen twice on a port: there the old place has to be left first.
      if (isSamePort) await old[Symbol.asyncDispose]();
      try {
        this.#acceptor = this.#listen(next, port);
      } catch (error) {
        if (isSamePort) this.#acceptor = this.#listen(this.#serving, port);
        throw error;
      }
      this.#left = [...this.#left.filter(({ openConnections }) => openConnections > 0), old];
      await old[Symbol.asyncDispose]();
    }
    this.#serving = next;
  }

  /** Accepts nothing more; connections that are open stay open. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#acceptor[Symbol.asyncDispose]());
  }

  #listen(serving: Serving, port = serving.config.address.port): Acceptor {
    return acceptTls({
      hostname: serving.config.address.hostname,
      port,
      ...LIMITS.accept,
      certificates: choiceOf(serving),
      alpn: alpnOf(serving),
      ...this.#options,
    });
  }
}

function alpnOf({ config }: Serving): readonly string[] {
  const { type } = config.codecs;
  return type === "http1" ? ["http/1.1"] : type === "http2" ? ["h2"] : ["h2", "http/1.1"];
}

function choiceOf({ certificates, clientCertificateChoice }: Serving): CertificateChoice {
  return {
    certificates: certificates.certificates,
    select: (serverName) => certificates.select(serverName),
    ...(clientCertificateChoice === null ? {} : { clientCertificates: clientCertificateChoice }),
  };
}
