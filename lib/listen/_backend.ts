import type { Clock } from "../base/clock.ts";
import type { Log } from "../observe/log.ts";
import { AcceptLoop } from "./_accept_loop.ts";
import { Places } from "./_places.ts";
import { listenTls } from "./_port.ts";
import { closeQuietly } from "./_serving.ts";
import type { ServerKeyPair } from "./certificate_choice.ts";

const LOOPBACK = "127.0.0.1";

/** Both ends of a connection between the front and a backend. Whoever dialled closes them. */
export interface BackendLink {
  /** The end that carries TLS records. */
  readonly near: Deno.TcpConn;
  /** The end that speaks TLS, once it is accepted. */
  readonly far: Promise<Deno.TlsConn>;
  /** Closes the far end, now or when it is accepted. */
  forget(): void;
}

/** One certificate's TLS listener on loopback. It takes the connections that `dial` makes, and no others. */
export class Backend {
  readonly #loop: AcceptLoop<Deno.TlsConn>;
  readonly #log: Log;
  readonly #expected = new Map<number, (conn: Deno.TlsConn) => void>();
  readonly #dials = new Set<Promise<unknown>>();
  #users = 0;
  #retired = false;

  /** Starts listening. @throws {ListenError} */
  constructor(
    readonly pair: ServerKeyPair,
    options: { readonly alpn: readonly string[]; readonly clock: Clock; readonly log: Log },
  ) {
    this.#log = options.log;
    const listener = listenTls({ hostname: LOOPBACK, port: 0 }, { pair, alpn: options.alpn });
    this.#loop = new AcceptLoop(listener, {
      ...options,
      // The front counts.
      places: new Places(Infinity),
      onAccept: (conn) => void this.#claim(conn),
    });
  }

  /** Keeps the backend open while `work` goes on, even when it is retired meanwhile. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    this.#users++;
    try {
      return await work();
    } finally {
      this.#users--;
      this.#stopIfUnused();
    }
  }

  /** Connects to it. */
  async dial(): Promise<BackendLink> {
    const dialling = this.#dial();
    this.#dials.add(dialling);
    try {
      return await dialling;
    } finally {
      this.#dials.delete(dialling);
    }
  }

  /** Stops as soon as nobody uses it. */
  retire(): void {
    this.#retired = true;
    this.#stopIfUnused();
  }

  async #dial(): Promise<BackendLink> {
    const near = await Deno.connect({ hostname: LOOPBACK, port: this.#loop.address.port });
    near.setNoDelay(true);
    const { port } = near.localAddr;
    const { promise: far, resolve } = Promise.withResolvers<Deno.TlsConn>();
    this.#expected.set(port, resolve);
    const forget = () => {
      if (this.#expected.get(port) === resolve) this.#expected.delete(port);
      void far.then(closeQuietly);
    };
    return { near, far, forget };
  }

  async #claim(conn: Deno.TlsConn): Promise<void> {
    const { hostname, port } = conn.remoteAddr;
    // It can be accepted before the one who dials has heard that it is connected.
    if (!this.#expected.has(port)) await Promise.allSettled(this.#dials);
    const claim = hostname === LOOPBACK ? this.#expected.get(port) : undefined;
    if (claim === undefined) {
      closeQuietly(conn);
      this.#log.debug("connection to an inner port refused", { ip: hostname });
      return;
    }
    this.#expected.delete(port);
    claim(conn);
  }

  #stopIfUnused(): void {
    if (this.#retired && this.#users === 0) void this.#loop.stop();
  }
}
