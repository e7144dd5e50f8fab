import { lookup } from "node:dns/promises";
import { abortable } from "../base/abortable.ts";
import { formatAuthority } from "../base/authority.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import { denoStream } from "../base/deno_stream.ts";
import { errorMessage } from "../base/errors.ts";
import { parseIp } from "../base/ip.ts";
import type { Upstream } from "../config/config.ts";
import type { Grant } from "../policy/grant.ts";
import { DialError } from "./dial_error.ts";
import { drawOrder } from "./pick.ts";

/** A connection to a service. The caller closes the stream. */
export interface UpstreamConnection {
  /** Its bytes. */
  readonly stream: ByteStream;
  /** The one of the route that was reached. */
  readonly upstream: Upstream;
  /** The IP address and port that answered. */
  readonly address: string;
}

/** How to dial. */
export interface DialOptions {
  /** For all addresses of all upstreams together, name lookup included; default 10,000. */
  readonly timeoutMs?: number;
  /** 0 (included) to 1 (excluded); draws the upstream. Default `Math.random`: the choice is no secret. */
  readonly random?: () => number;
  /** Gives up when aborted. */
  readonly signal?: AbortSignal;
  /** Sent first on the connection, such as a PROXY header; a service that does not take it counts as not reached. */
  readonly preface?: Uint8Array | null;
}

/** Names are tried at no more than this many of their addresses. */
const MAX_ADDRESSES = 4;

/**
 * Connects to one of the TCP services of a route: drawn by weight, then the others in turn, each at every address of
 * its name (IPv4 first).
 *
 * @param grant the policy's yes, without which nothing is dialled
 * @param upstreams at least one
 * @returns the connection, which the caller closes
 * @throws {DialError} the last failure
 */
export async function dialTcp(
  grant: Grant,
  upstreams: readonly Upstream[],
  options: DialOptions = {},
): Promise<UpstreamConnection> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  let failure = new DialError("dial/failed", `Route ${grant.routeId} has no upstream`);
  for (const upstream of drawOrder(upstreams, options.random ?? Math.random)) {
    try {
      return await dialOne(upstream, { signal, preface: options.preface ?? null });
    } catch (error) {
      failure = error as DialError;
      if (signal.aborted) break;
    }
  }
  throw failure;
}

async function dialOne(
  upstream: Upstream,
  { signal, preface }: { signal: AbortSignal; preface: Uint8Array | null },
): Promise<UpstreamConnection> {
  if (upstream.scheme !== "tcp") {
    throw new DialError(
      "dial/unsupported-scheme",
      `Cannot reach ${upstream.url}: only tcp:// upstreams are served by a TCP route in this version`,
    );
  }
  let failure = new DialError("dial/name-not-found", `Cannot reach ${upstream.url}: its name has no address`);
  for (const host of await addressesOf(upstream, signal)) {
    const address = formatAuthority({ host, port: upstream.port });
    try {
      const conn = await Deno.connect({ hostname: host, port: upstream.port, signal });
      conn.setNoDelay(true);
      conn.setKeepAlive(true);
      const stream = denoStream(conn, { detectReset: true });
      if (preface !== null) await sendPreface(stream, preface, signal);
      return { stream, upstream, address };
    } catch (error) {
      failure = dialErrorOf(error, { upstream, address, signal });
      if (signal.aborted) break;
    }
  }
  throw failure;
}

async function sendPreface(stream: ByteStream, preface: Uint8Array, signal: AbortSignal): Promise<void> {
  const sending = stream.write(preface);
  // Closing makes it fail when nobody waits for it any more.
  sending.catch(() => {});
  try {
    await abortable(sending, signal);
  } catch (error) {
    stream.close();
    throw error;
  }
}

async function addressesOf(upstream: Upstream, signal: AbortSignal): Promise<string[]> {
  if (parseIp(upstream.host) !== null) return [upstream.host];
  try {
    const found = await abortable(lookup(upstream.host, { all: true, order: "ipv4first" }), signal);
    return found.slice(0, MAX_ADDRESSES).map(({ address }) => address);
  } catch (cause) {
    const code = signal.aborted ? "dial/timeout" : "dial/name-not-found";
    throw new DialError(code, `Cannot reach ${upstream.url}: the name ${upstream.host} does not resolve`, {
      cause,
    });
  }
}

function dialErrorOf(
  cause: unknown,
  at: { upstream: Upstream; address: string; signal: AbortSignal },
): DialError {
  const options = { cause, address: at.address };
  const where = `Cannot reach ${at.upstream.url} at ${at.address}`;
  if (at.signal.aborted || cause instanceof Deno.errors.TimedOut) {
    return new DialError("dial/timeout", `${where}: no answer in time`, options);
  }
  if (cause instanceof Deno.errors.ConnectionRefused) {
    return new DialError("dial/refused", `${where}: connection refused`, options);
  }
  const message = errorMessage(cause);
  if (/unreachable/i.test(message) || /Unreachable/.test(cause instanceof Error ? cause.name : "")) {
    return new DialError("dial/unreachable", `${where}: no route to the host`, options);
  }
  return new DialError("dial/failed", `${where}: ${message}`, options);
}
