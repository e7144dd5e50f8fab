import { denoStream } from "../../lib/base/deno_stream.ts";
import { pump } from "../../lib/base/pump.ts";

/** A TCP service on a free port of loopback. */
export interface TestService extends Disposable {
  readonly port: number;
  /** Connections that are open. */
  readonly open: number;
}

/** Serves each connection with `handle`; closes it afterwards. */
export function serveTcp(handle: (conn: Deno.TcpConn) => Promise<void>): TestService {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();
  const accept = async () => {
    for await (const conn of listener) {
      conn.setNoDelay(true);
      open.add(conn);
      handle(conn).catch(() => {}).finally(() => {
        open.delete(conn);
        try {
          conn.close();
        } catch {
          // The handler has closed it.
        }
      });
    }
  };
  void accept();
  return {
    port: listener.addr.port,
    get open() {
      return open.size;
    },
    [Symbol.dispose]: () => listener.close(),
  };
}

/** Sends back what it gets, and ends when the other side does. */
export function serveEcho(): TestService {
  return serveTcp((conn) => pump(denoStream(conn), denoStream(conn)));
}
