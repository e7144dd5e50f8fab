import type { ByteStream } from "../base/byte_stream.ts";
import { denoStream } from "../base/deno_stream.ts";
import { errorMessage } from "../base/errors.ts";
import { ClientError } from "./client_error.ts";
import { formatListenAddress } from "./listen_address.ts";

/** What to do with local connections. */
export interface LocalListenerOptions {
  /** Opens a tunnel for one local connection and moves the bytes. Returns soon after `signal`; the listener closes `local`. */
  readonly carry: (local: ByteStream) => Promise<void>;
  /** Hears why a connection got no tunnel, or lost it. */
  readonly onError: (error: unknown) => void;
  /** Stops listening when aborted. */
  readonly signal: AbortSignal;
  /** Further connections wait in the queue of the system; default 1024. */
  readonly maxConnections?: number;
}

/** A port of this machine behind which there is a tunnel for each connection. */
export interface LocalListener {
  /** `host:port` that it listens on. */
  readonly address: string;
  /** Settles when `signal` has ended everything; never rejects. */
  readonly finished: Promise<void>;
}

/**
 * Listens on a port of this machine and joins each connection with a tunnel of its own. The `signal` of the options
 * closes it.
 *
 * @throws {ClientError} `client/cannot-listen`
 */
export function listenLocally(
  at: { readonly hostname: string; readonly port: number },
  options: LocalListenerOptions,
): LocalListener {
  const listener = openListener(at);
  const stop = () => listener.close();
  if (options.signal.aborted) stop();
  else options.signal.addEventListener("abort", stop, { once: true });
  return { address: formatListenAddress(listener.addr), finished: serve(listener, options) };
}

function openListener(at: { readonly hostname: string; readonly port: number }): Deno.TcpListener {
  try {
    return Deno.listen({ hostname: at.hostname, port: at.port });
  } catch (cause) {
    throw new ClientError(
      "client/cannot-listen",
      `Cannot listen on ${formatListenAddress(at)}: ${errorMessage(cause)}`,
      {
        cause,
        hint: "choose another port with --listen, or 127.0.0.1:0 for a free one",
      },
    );
  }
}

async function serve(listener: Deno.TcpListener, options: LocalListenerOptions): Promise<void> {
  const live = new Set<Promise<void>>();
  while (!options.signal.aborted) {
    if (live.size >= (options.maxConnections ?? 1024)) {
      await Promise.race(live);
      continue;
    }
    const conn = await accept(listener, options);
    if (conn === null) continue;
    const done = serveOne(conn, options).finally(() => live.delete(done));
    live.add(done);
  }
  await Promise.all(live);
}

/** `null` when there is nothing to serve: the listener was closed, or the machine is short of something. */
async function accept(
  listener: Deno.TcpListener,
  options: LocalListenerOptions,
): Promise<Deno.TcpConn | null> {
  try {
    return await listener.accept();
  } catch (error) {
    if (options.signal.aborted) return null;
    options.onError(error);
    // Such as too many open files: it passes when others end, and must not spin meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 100));
    return null;
  }
}

async function serveOne(conn: Deno.TcpConn, options: LocalListenerOptions): Promise<void> {
  const local = denoStream(conn);
  try {
    conn.setNoDelay(true);
    await options.carry(local);
  } catch (error) {
    if (!options.signal.aborted) options.onError(error);
  } finally {
    local.close();
  }
}
