import type { Clock } from "../base/clock.ts";
import type { Connection } from "../base/connection.ts";
import { denoStream } from "../base/deno_stream.ts";
import { errorMessage } from "../base/errors.ts";
import type { Log } from "../observe/log.ts";
import { AcceptLoop } from "./_accept_loop.ts";
import { Places } from "./_places.ts";
import { listenTcp } from "./_port.ts";
import type { Acceptor } from "./tls_acceptor.ts";

/** How to accept TCP connections. */
export interface TcpAcceptorOptions {
  /** Empty means every interface. */
  readonly hostname: string;
  /** 0 to 65535; 0 lets the system choose. */
  readonly port: number;
  /** Whether other processes of ours listen there too, or may; default `false`. */
  readonly sharesPort?: boolean;
  /** While so many are open, more have to wait. */
  readonly maxConnections: number;
  /** Receives every connection and closes it. */
  readonly onConnection: (connection: Connection) => void;
  /** For waiting. */
  readonly clock: Clock;
  /** Where failures are noted. */
  readonly log: Log;
}

/**
 * Listens for TCP and hands over each connection as it comes.
 *
 * @returns the acceptor; the caller disposes it, and connections that were handed over live on
 * @throws {ListenError} `listen/address-in-use`, `listen/not-permitted`, `listen/bad-address`
 */
export function acceptTcp(options: TcpAcceptorOptions): Omit<Acceptor, "setCertificates"> {
  const { clock, log } = options;
  const places = new Places(options.maxConnections);
  const onAccept = (conn: Deno.TcpConn) => serve(conn, { ...options, places });
  const loop = new AcceptLoop(listenTcp(options), { onAccept, places, clock, log });
  return {
    hostname: loop.address.hostname,
    port: loop.address.port,
    get openConnections() {
      return places.taken;
    },
    [Symbol.asyncDispose]: () => loop.stop(),
  };
}

function serve(
  conn: Deno.TcpConn,
  { places, onConnection, log }: TcpAcceptorOptions & { places: Places },
): void {
  const release = places.take();
  try {
    conn.setNoDelay(true);
    const { hostname: address, port } = conn.remoteAddr as Deno.NetAddr;
    const { hostname: localAddress, port: localPort } = conn.localAddr as Deno.NetAddr;
    const peer = { address, port };
    const facts = { peer, localAddress, localPort, alpn: null, serverName: null, clientCertificates: null };
    onConnection({ facts, stream: denoStream(conn, { onClose: release, detectReset: true }) });
  } catch (error) {
    // A connection that was reset meanwhile has no addresses any more.
    closeQuietly(conn);
    release();
    log.debug("a connection was lost", { error: errorMessage(error) });
  }
}

/** Closes what may be closed already. */
function closeQuietly(conn: { close(): void }): void {
  try {
    conn.close();
  } catch {
    // Already closed.
  }
}
