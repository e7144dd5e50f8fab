import { formatAuthority } from "../base/authority.ts";
import type { DatagramFlow } from "../base/datagram_flow.ts";
import { errorMessage } from "../base/errors.ts";
import { type IpAddress, isLoopbackIp, parseIp } from "../base/ip.ts";
import type { Upstream } from "../config/config.ts";
import type { Grant } from "../policy/grant.ts";
import { addressesOf } from "./_addresses.ts";
import { DialError } from "./dial_error.ts";
import type { ProxyRequest } from "./dial_proxy.ts";
import type { Endpoint } from "./endpoint.ts";
import type { ReceiveBuffers } from "./_receive_buffers.ts";
import { type UdpDrop, udpFlow } from "./_udp_flow.ts";
import { udpInCapsules } from "./_udp_in_capsules.ts";
import type { Lease, UpstreamPool } from "./upstream_pool.ts";

export type { UdpDrop };

/** A socket that sends to one service and hears only from it. The caller closes the flow. */
export interface UdpUpstream {
  /** Its datagrams. What another address or port sends to the socket is not among them. */
  readonly flow: DatagramFlow;
  /** The one of the route that was chosen. */
  readonly upstream: Upstream;
  /** The IP address and port that it talks to. */
  readonly address: string;
}

/** How to dial. */
export interface DialUdpOptions {
  /** For looking up all names together; default 10,000. */
  readonly timeoutMs?: number;
  /** What leads to the same service each time, with `RING_HASH` and `MAGLEV`; default: nothing. */
  readonly hashKey?: string | null;
  /** Gives up when aborted. */
  readonly signal?: AbortSignal;
  /**
   * Bytes of an IP packet that need no fragmentation on the way, 576 to 65,535; default 1,500. Longer datagrams are not
   * sent (RFC 9298 section 5). To an address of this machine itself 65,535 bytes always pass.
   */
  readonly mtuBytes?: number;
  /** What services that are proxies, `http://` or `https://`, are asked for; default: none is. */
  readonly proxy?: Omit<ProxyRequest, "isUdp"> | null;
  /** Hears of each datagram that came from elsewhere, or that the machine could not send. */
  readonly onDrop?: (drop: UdpDrop) => void;
}

const PROXY_SCHEMES: ReadonlySet<string> = new Set(["http", "https"]);
const LOCAL = { loopback: { 4: "127.0.0.1", 6: "::1" }, any: { 4: "0.0.0.0", 6: "::" } } as const;
const MAX_PACKET_BYTES = 65_535;
/** Of the IP header without options and the UDP header. */
const HEADER_BYTES = { 4: 20 + 8, 6: 40 + 8 } as const;

/**
 * Opens a UDP socket for one tunnel to a service of a route, at the first address of its name (IPv4 first). Another service
 * is chosen only when the name does not resolve, or the machine has no such IP version: whether anybody is there a UDP
 * socket cannot tell, as the platform reports no ICMP errors.
 *
 * @param grant the policy's yes, without which nothing is dialled
 * @param pool the services of the route; each is asked for once
 * @returns the socket, which the caller closes
 * @throws {DialError} the first failure: `dial/name-not-found`, `dial/name-timeout`, `dial/unsupported-scheme`,
 * `dial/failed`; or `dial/limit`, `dial/no-healthy-upstream`
 */
export async function dialUdp(
  grant: Grant,
  pool: Pick<UpstreamPool, "acquire" | "open" | "receiveBuffers">,
  options: DialUdpOptions = {},
): Promise<UdpUpstream> {
  const { hashKey = null, proxy = null } = options;
  const timeout = AbortSignal.timeout(options.timeoutMs ?? 10_000);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  const without = new Set<Endpoint>();
  let failure: unknown = null;
  for (;;) {
    let lease: Lease;
    try {
      lease = pool.acquire(grant, { hashKey, without });
    } catch (error) {
      throw failure ?? error;
    }
    try {
      const onClose = () => lease.done("unknown");
      const { endpoint } = lease;
      const through = PROXY_SCHEMES.has(endpoint.upstream.scheme) ? proxy : null;
      if (through !== null || endpoint.publisher !== null) {
        return await udpInCapsules(grant, pool, { endpoint, proxy: through, signal, onClose });
      }
      const { receiveBuffers: buffers } = pool;
      return await dialOne(lease.endpoint.upstream, { signal, options: { ...options, buffers, onClose } });
    } catch (error) {
      lease.done("unknown");
      without.add(lease.endpoint);
      failure ??= error;
      if (signal.aborted) throw error;
    }
  }
}

async function dialOne(
  upstream: Upstream,
  { signal, options }: { signal: AbortSignal; options: FlowOptions },
): Promise<UdpUpstream> {
  if (upstream.scheme !== "udp") {
    throw new DialError(
      "dial/unsupported-scheme",
      `Cannot reach ${upstream.url}: only udp:// upstreams are served by a UDP route`,
    );
  }
  let failure = new DialError("dial/name-not-found", `Cannot reach ${upstream.url}: its name has no address`);
  for (const host of await addressesOf(upstream, signal)) {
    const address = formatAuthority({ host, port: upstream.port });
    try {
      return { flow: openFlow(host, upstream.port, options), upstream, address };
    } catch (cause) {
      const message = `Cannot reach ${upstream.url} at ${address}: ${errorMessage(cause)}`;
      failure = new DialError("dial/failed", message, { cause, address });
    }
  }
  throw failure;
}

type FlowOptions = Pick<DialUdpOptions, "mtuBytes" | "onDrop"> & {
  readonly buffers: ReceiveBuffers;
  readonly onClose: () => void;
};

function openFlow(host: string, port: number, options: FlowOptions): DatagramFlow {
  const { mtuBytes = 1500, onDrop = () => {}, buffers, onClose } = options;
  const ip = parseIp(host)!;
  const isLoopback = isLoopbackIp(ip);
  // Toward a service of this machine no other machine can even send to the socket.
  const local = isLoopback ? LOCAL.loopback : LOCAL.any;
  const socket = Deno.listenDatagram({ transport: "udp", hostname: local[ip.version], port: 0 });
  const packetBytes = isLoopback ? MAX_PACKET_BYTES : mtuBytes;
  return udpFlow(socket, {
    peer: { hostname: textOf(ip, host), port },
    maxPayloadBytes: packetBytes - HEADER_BYTES[ip.version],
    buffers,
    onDrop,
    onClose,
  });
}

/** As the platform takes it on a socket of that version: an IPv4-mapped IPv6 address is the IPv4 address. */
function textOf(ip: IpAddress, host: string): string {
  if (ip.version === 6) return host;
  return [24n, 16n, 8n, 0n].map((shift) => (ip.value >> shift) & 255n).join(".");
}
