import { denoStream } from "../base/deno_stream.ts";
import { errorMessage } from "../base/errors.ts";
import { AcceptLoop } from "./_accept_loop.ts";
import { type Address, listenTls } from "./_port.ts";
import { closeQuietly, type Entrance, type Serving } from "./_serving.ts";
import { type CertificateChoice, isSame, type ServerKeyPair } from "./certificate_choice.ts";

/** One certificate for all: the platform's own TLS listener on the port. */
export class DirectEntrance implements Entrance {
  readonly #pair: ServerKeyPair;
  readonly #serving: Serving;
  readonly #loop: AcceptLoop<Deno.TlsConn>;

  /** Starts accepting. @throws {ListenError} */
  constructor(address: Address, options: { pair: ServerKeyPair; serving: Serving }) {
    const { pair, serving } = options;
    this.#pair = pair;
    this.#serving = serving;
    this.#loop = new AcceptLoop(listenTls(address, { pair, alpn: serving.alpn }), {
      ...serving,
      onAccept: (conn) => void this.#serve(conn),
    });
  }

  get address(): Deno.NetAddr {
    return this.#loop.address;
  }

  update({ certificates }: CertificateChoice): boolean {
    const [first, second] = certificates;
    return first !== undefined && second === undefined && isSame(first.pair, this.#pair);
  }

  retire(): Promise<void> {
    return this.#loop.retire();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #serve(conn: Deno.TlsConn): Promise<void> {
    const { places, unfinished, clock, handshakeTimeoutMs, onConnection, log } = this.#serving;
    const release = places.take();
    const giveUp = () => closeQuietly(conn);
    unfinished.add(giveUp);
    const { hostname, port } = conn.remoteAddr;
    // Closing now would not free the descriptor before the client does something, and nobody would know when.
    let late = false;
    const timeout = clock.timer(handshakeTimeoutMs, () => {
      late = true;
      log.debug("TLS handshake timed out", { ip: hostname });
    });
    try {
      const { alpnProtocol: alpn } = await conn.handshake();
      if (late) throw new Error("finished too late");
      const { hostname: localAddress, port: localPort } = conn.localAddr;
      const peer = { address: hostname, port };
      const facts = { peer, localAddress, localPort, alpn, serverName: null, clientCertificates: null };
      onConnection({ facts, stream: denoStream(conn, { onClose: release }) });
    } catch (error) {
      closeQuietly(conn);
      release();
      log.debug("TLS handshake failed", { ip: hostname, error: errorMessage(error) });
    } finally {
      unfinished.delete(giveUp);
      timeout[Symbol.dispose]();
    }
  }
}
