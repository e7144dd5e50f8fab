import { formatAuthority } from "../base/authority.ts";
import type { Clock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import { acceptQuic, type QuicAcceptor, type QuicConnection } from "../listen/quic_acceptor.ts";
import type { Log } from "../observe/log.ts";
import { ServerCertificates } from "../pki/server_certificates.ts";
import { LIMITS } from "./limits.ts";
import type { Serving } from "./serving.ts";

/** How long clients may remember where HTTP/3 is served. */
const MAX_AGE_S = 86_400;
/** The platform gives back a port that was left some time later. */
const RETRY_MS = 60_000;

/** What accepted connections are handed to, and what accepting works with. */
export interface Http3ListenerOptions {
  /** Where the gateway listens for the other versions of HTTP. */
  readonly mainPort: () => number;
  /** Receives every connection whose handshake is over, and closes it. */
  readonly onConnection: (connection: QuicConnection) => void;
  /**
   * What other processes of this gateway have to do with it: one of them serves it for all. Default: there are none.
   */
  readonly elsewhere?: {
    /** Whether another one serves it, if it can; then this one only says where. */
    readonly isServed: () => boolean;
  };
  /** For time limits. */
  readonly clock: Clock;
  /** Hears whether it is served, whenever it can have changed. */
  readonly onChange?: (isServed: boolean) => void;
  /** Hears of connections that fail, and why HTTP/3 is not served. */
  readonly log: Log;
}

/** Where HTTP/3 is listened for. */
interface Place {
  readonly hostname: string;
  readonly port: number;
}

/**
 * The UDP port of the gateway, if it serves HTTP/3. It follows the configuration. With `codec_type: auto` the gateway goes
 * on without, says so, and tries again every minute, when the port cannot be had.
 */
export class Http3Listener implements AsyncDisposable {
  readonly #options: Http3ListenerOptions;
  #open: { readonly acceptor: QuicAcceptor; readonly place: Place } | null = null;
  #advertisedPort = 0;
  #shown: ServerCertificates | null = null;
  /** Acceptors that no longer accept, but whose connections live on. */
  #left: QuicAcceptor[] = [];
  #retry: Disposable | null = null;

  /** Listens for nothing before {@link Http3Listener.follow}. */
  constructor(options: Http3ListenerOptions) {
    this.#options = options;
  }

  /** Where it listens; `null` when HTTP/3 is not served. */
  get address(): { readonly hostname: string; readonly port: number } | null {
    return this.#open?.acceptor ?? null;
  }

  /** Connections that are open. */
  get openConnections(): number {
    const acceptors = [...this.#open === null ? [] : [this.#open.acceptor], ...this.#left];
    return acceptors.reduce((sum, { openConnections }) => sum + openConnections, 0);
  }

  /**
   * The value of `Alt-Svc` (RFC 7838) for clients of this host name; `null` when HTTP/3 is not served, or not with a
   * certificate for the name: it has one for all names.
   */
  altSvc(hostname: string): string | null {
    const isServed = this.#options.elsewhere?.isServed() ?? this.#open !== null;
    if (!isServed || this.#advertisedPort === 0 || !this.#shown?.covers(hostname)) return null;
    return `h3=":${this.#advertisedPort}"; ma=${MAX_AGE_S}`;
  }

  /**
   * Listens as `next` says, before the old place is left. Connections that are open stay open.
   *
   * @throws {ListenError} with `codec_type: http3`, and listens where it did before
   */
  async follow(next: Serving): Promise<void> {
    await this.#follow(next, { complain: "warn" });
  }

  async #follow(next: Serving, { complain }: { complain: "warn" | "debug" }): Promise<void> {
    const { codecs } = next.config;
    this.#retry?.[Symbol.dispose]();
    const wanted = this.#placeOf(next);
    const place = this.#options.elsewhere === undefined ? wanted : null;
    const old = this.#open;
    try {
      if (place !== null && old !== null && isSame(place, old.place)) {
        old.acceptor.setCertificates(next.certificates);
      } else {
        this.#open = place === null ? null : { acceptor: this.#listen(next, place), place };
        await this.#leave(old);
      }
    } catch (error) {
      if (codecs.type === "http3") throw error;
      this.#open = null;
      this.#options.log[complain]("HTTP/3 is not served", { reason: errorMessage(error) });
      const again = () => void this.#follow(next, { complain: "debug" });
      this.#retry = this.#options.clock.timer(RETRY_MS, again);
      await this.#leave(old);
    }
    const [first] = next.certificates.certificates;
    this.#shown = first === undefined ? null : new ServerCertificates([first.pair]);
    const port = this.#options.elsewhere === undefined ? this.address?.port : wanted?.port;
    this.#advertisedPort = codecs.http3AdvertisePort ?? port ?? 0;
    this.#warnOfNames(next);
    this.#options.onChange?.(this.#open !== null);
  }

  /** Takes nobody more; connections that are open stay open. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#retry?.[Symbol.dispose]();
    const old = this.#open;
    this.#open = null;
    await this.#leave(old);
  }

  /** `null`: HTTP/3 is not to be served. */
  #placeOf({ config, clientCertificateChoice }: Serving): Place | null {
    const { type, http3Address } = config.codecs;
    if (type === "http1" || type === "http2") return null;
    if (clientCertificateChoice !== null) {
      const reason = "client certificates are asked for, which cannot be done over QUIC";
      this.#options.log.warn("HTTP/3 is not served", { reason });
      return null;
    }
    const { hostname, port } = http3Address ?? { hostname: config.address.hostname, port: 0 };
    if (port !== 0) return { hostname, port };
    return { hostname, port: config.address.port === 0 ? this.#options.mainPort() : config.address.port };
  }

  #listen(serving: Serving, place: Place): QuicAcceptor {
    const { onConnection, clock, log } = this.#options;
    const acceptor = acceptQuic({
      ...place,
      ...LIMITS.accept,
      ...LIMITS.quic,
      certificates: serving.certificates,
      onConnection,
      clock,
      log,
    });
    log.info("serving HTTP/3", {
      address: formatAuthority({ host: acceptor.hostname, port: acceptor.port }),
    });
    return acceptor;
  }

  async #leave(old: { readonly acceptor: QuicAcceptor } | null): Promise<void> {
    if (old === null) return;
    this.#left = [...this.#left.filter(({ openConnections }) => openConnections > 0), old.acceptor];
    await old.acceptor[Symbol.asyncDispose]();
  }

  #warnOfNames({ certificates }: Serving): void {
    if (this.#open === null) return;
    const names = certificates.names.filter((name) => !this.#shown!.names.includes(name));
    if (names.length === 0) return;
    this.#options.log.warn("HTTP/3 is served with the first certificate only", { "not-served": names });
  }
}

function isSame(a: Place, b: Place): boolean {
  return a.hostname === b.hostname && a.port === b.port;
}
