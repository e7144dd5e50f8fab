import { formatAuthority } from "../base/authority.ts";
import type { Clock } from "../base/clock.ts";
import { acceptTcp } from "../listen/tcp_acceptor.ts";
import type { Log } from "../observe/log.ts";
import { SshServer } from "../ssh/server.ts";
import type { SshServices } from "../ssh/services.ts";
import { LIMITS } from "./limits.ts";
import type { Serving } from "./serving.ts";

/** What the SSH port works with. */
export interface SshListenerOptions {
  /** Of the SSH server. */
  readonly services: SshServices;
  /** Whether other processes of this gateway listen there too; default `false`. */
  readonly sharesPort?: boolean;
  /** For waiting. */
  readonly clock: Clock;
  /** Hears where SSH is served, and with which keys. */
  readonly log: Log;
}

interface Place {
  readonly hostname: string;
  readonly port: number;
}

interface Listening {
  readonly acceptor: ReturnType<typeof acceptTcp>;
  readonly wanted: Place;
}

/** The SSH port of the gateway, if it serves SSH. It follows the configuration; connections that are open stay open. */
export class SshListener implements AsyncDisposable {
  readonly #options: SshListenerOptions;
  #server: SshServer | null = null;
  #open: Listening | null = null;
  #stopping: Disposable | null = null;

  /** Listens for nothing before {@link SshListener.follow}. */
  constructor(options: SshListenerOptions) {
    this.#options = options;
  }

  /** Where it listens; `null` when SSH is not served. */
  get address(): { readonly hostname: string; readonly port: number } | null {
    return this.#open === null
      ? null
      : { hostname: this.#open.acceptor.hostname, port: this.#open.acceptor.port };
  }

  /** Connections that are open. */
  get openConnections(): number {
    return this.#server?.openConnections ?? 0;
  }

  /** Listens as `next` says. @throws {ListenError} and listens where it did before */
  async follow(next: Serving): Promise<void> {
    const { ssh } = next.config;
    const old = this.#open;
    if (ssh === null || next.sshKeys === null) {
      this.#open = null;
      await old?.acceptor[Symbol.asyncDispose]();
      this.#server?.farewell("SSH is no longer served here");
      return;
    }
    const { hostKeys } = next.sshKeys;
    if (this.#server === null) this.#server = new SshServer(this.#options.services, { hostKeys });
    else this.#server.useHostKeys(hostKeys);
    if (old === null || !isSame(ssh.address, old)) await this.#move(ssh.address, old);
    const { hostname: host, port } = this.#open!.acceptor;
    this.#options.log.info("serving SSH", {
      address: formatAuthority({ host, port }),
      "host-keys": hostKeys.map(({ type, fingerprint }) => `${type} ${fingerprint}`),
      "user-ca-key": next.sshKeys.userCaKey.fingerprint,
    });
  }

  /** Accepts nothing more; connections that are open stay open. */
  async [Symbol.asyncDispose](): Promise<void> {
    const old = this.#open;
    this.#open = null;
    await old?.acceptor[Symbol.asyncDispose]();
  }

  /** Takes no more connections, and tells those that are open for too long that it is over. */
  drain(): void {
    this.#server?.drain();
    this.#stopping ??= this.#options.clock.timer(
      LIMITS.drainMs,
      () => this.#server?.farewell("The gateway is stopping"),
    );
  }

  /** Waits until no connection is open. */
  async empty(): Promise<void> {
    await this.#server?.empty();
  }

  /** Closes every connection. */
  close(): void {
    this.#stopping?.[Symbol.dispose]();
    this.#server?.[Symbol.dispose]();
  }

  async #move(wanted: Place, old: Listening | null): Promise<void> {
    // One program cannot listen twice on a port: there the old place has to be left first.
    const isSamePort = old !== null && wanted.port === old.acceptor.port;
    if (isSamePort) await old.acceptor[Symbol.asyncDispose]();
    try {
      this.#open = this.#listen(wanted);
    } catch (error) {
      if (isSamePort) this.#open = this.#listen(old.wanted);
      throw error;
    }
    await old?.acceptor[Symbol.asyncDispose]();
  }

  #listen(wanted: Place): Listening {
    const { clock, log, sharesPort = false } = this.#options;
    const acceptor = acceptTcp({
      ...wanted,
      maxConnections: LIMITS.accept.maxConnections,
      sharesPort,
      onConnection: (connection) => this.#server!.serve(connection),
      clock,
      log,
    });
    return { acceptor, wanted };
  }
}

/** Port 0 in the configuration stands for the port that the system chose. */
function isSame(wanted: Place, { wanted: before, acceptor }: Listening): boolean {
  return wanted.hostname === before.hostname &&
    (wanted.port === before.port || wanted.port === acceptor.port);
}
