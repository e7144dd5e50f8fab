import { abortable } from "../base/abortable.ts";
import { formatAuthority } from "../base/authority.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import type { SecuredStream } from "../base/tls_stream.ts";
import { streamWith } from "../base/stream_with.ts";
import type { Upstream } from "../config/config.ts";
import { speaksTls } from "../config/to_url.ts";
import { addressesOf } from "./_addresses.ts";
import { dialErrorOf, isTlsAlert } from "./_dial_failure.ts";
import { DialError } from "./dial_error.ts";
import { connectThrough, connectUdpThrough } from "./dial_proxy.ts";

import { plainStream, startTls, type Transport } from "./_start_tls.ts";
import type { OpenOptions, UpstreamConnection } from "./upstream_connection.ts";

const STREAM_SCHEMES: readonly string[] = ["tcp", "tls", "http", "https", "h2c", "ssh", "unix", "https+unix"];

/** Those of a route whose callers get a tunnel. */
const TUNNEL_SCHEMES: readonly string[] = ["tcp", "tls", "http", "https"];
const PROXY_SCHEMES: readonly string[] = ["http", "https"];

/**
 * Connects to one service, at each address of its name in turn (IPv4 first): TCP, TLS and the way through a proxy, as its
 * URL and `options` say. Who asks for it is not checked here.
 *
 * @returns the connection, which the caller closes
 * @throws {DialError} the last failure
 */
export async function openUpstream(upstream: Upstream, options: OpenOptions): Promise<UpstreamConnection> {
  const schemes = options.proxy ? TUNNEL_SCHEMES : STREAM_SCHEMES;
  if (!schemes.includes(upstream.scheme)) {
    const message = `Cannot reach ${upstream.url}: only ${
      schemes.join("://, ")
    }:// are served by such a route`;
    throw new DialError("dial/unsupported-scheme", message);
  }
  if (upstream.scheme.endsWith("unix")) return await openAt(upstream, { ...options, host: null });
  let failure: DialError | null = null;
  for (const host of await addressesOf(upstream, options.signal)) {
    try {
      return await openAt(upstream, { ...options, host });
    } catch (error) {
      failure = error as DialError;
      if (options.signal.aborted) break;
    }
  }
  const message = `Cannot reach ${upstream.url}: its name has no address`;
  throw failure ?? new DialError("dial/name-not-found", message);
}

/**
 * Connects to one service through somebody who publishes it: what is spoken with it, such as TLS, is as if it had been reached.
 *
 * @param options `open`: makes the connection; `address`: what it is called
 * @returns the connection, which the caller closes
 * @throws {DialError}
 */
export async function openPublished(
  upstream: Upstream,
  options: OpenOptions & { readonly open: () => Promise<ByteStream>; readonly address: string },
): Promise<UpstreamConnection> {
  const { open, address, signal } = options;
  try {
    const opened = await open();
    const { stream, alpn } = await overConnection(opened, { ...options, upstream, address });
    return { stream, upstream, address, alpn };
  } catch (error) {
    throw dialErrorOf(error, { upstream, address, signal });
  }
}

async function openAt(
  upstream: Upstream,
  options: OpenOptions & { host: string | null },
): Promise<UpstreamConnection> {
  const { host, signal } = options;
  const address = host === null ? socketPath(upstream) : formatAuthority({ host, port: upstream.port });
  try {
    const conn = host === null
      ? await abortable(Deno.connect({ transport: "unix", path: address }), signal)
      : await connectTcp(host, upstream.port, signal);
    const { stream, alpn } = await overConnection(conn, { ...options, upstream, address });
    return { stream, upstream, address, alpn };
  } catch (error) {
    throw dialErrorOf(error, { upstream, address, signal });
  }
}

function socketPath({ url }: Upstream): string {
  const { pathname } = new URL(url);
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname;
  }
}

async function connectTcp(hostname: string, port: number, signal: AbortSignal): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname, port, signal });
  conn.setNoDelay(true);
  conn.setKeepAlive(true);
  return conn;
}

/** What is spoken before the caller has the stream. */
async function overConnection(
  conn: Transport,
  options: OpenOptions & { upstream: Upstream; address: string },
): Promise<SecuredStream> {
  const { upstream, signal, preface = null, proxy = null } = options;
  if (proxy === null || !PROXY_SCHEMES.includes(upstream.scheme)) return await secured(conn, options);
  const { stream } = await secured(conn, { ...options, preface: null, alpn: ["http/1.1"] });
  const through = proxy.isUdp ? connectUdpThrough : connectThrough;
  const tunnel = await through(stream, { ...proxy, proxy: upstream, signal });
  if (preface !== null) await send(tunnel, preface, signal);
  return { stream: tunnel, alpn: null };
}

async function secured(
  conn: Transport,
  options: OpenOptions & { upstream: Upstream; address: string },
): Promise<SecuredStream> {
  const { upstream, tls, signal, preface = null, alpn = [] } = options;
  const plain = plainStream(conn);
  if (preface !== null) await send(plain, preface, signal);
  if (!speaksTls(upstream)) return { stream: plain, alpn: null };
  const host = tls.serverName ?? (upstream.host === "" ? "localhost" : upstream.host);
  return watchAlerts(await startTls(conn, { tls, host, alpn, signal }), options);
}

async function send(stream: ByteStream, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  try {
    await abortable(stream.write(bytes), signal);
  } catch (error) {
    stream.close();
    throw error;
  }
}

/** With TLS 1.3 a service that misses a certificate says so after the handshake, when something is read. */
function watchAlerts({ stream, alpn }: SecuredStream, at: {
  upstream: Upstream;
  address: string;
}): SecuredStream {
  const watched = streamWith(stream, {
    read: (into) =>
      stream.read(into).catch((error) => {
        const signal = new AbortController().signal;
        throw isTlsAlert(error) ? dialErrorOf(error, { ...at, signal }) : error;
      }),
  });
  return { stream: watched, alpn };
}
