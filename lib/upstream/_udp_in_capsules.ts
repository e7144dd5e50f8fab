import type { DatagramFlow } from "../base/datagram_flow.ts";
import { streamWith } from "../base/stream_with.ts";
import type { Upstream } from "../config/config.ts";
import { capsuleFlow } from "../carrier/capsule_flow.ts";
import type { Grant } from "../policy/grant.ts";
import type { ProxyRequest } from "./dial_proxy.ts";
import type { Endpoint } from "./endpoint.ts";
import type { UpstreamPool } from "./upstream_pool.ts";

/** Has a proxy, or who publishes the service, carry UDP in capsules. @param options `onClose`: called when the flow is closed */
export async function udpInCapsules(
  grant: Grant,
  pool: Pick<UpstreamPool, "open">,
  { endpoint, proxy, signal, onClose }: {
    readonly endpoint: Endpoint;
    readonly proxy: Omit<ProxyRequest, "isUdp"> | null;
    readonly signal: AbortSignal;
    readonly onClose: () => void;
  },
): Promise<{ flow: DatagramFlow; upstream: Upstream; address: string }> {
  const { stream, upstream, address } = await pool.open(grant, {
    endpoint,
    signal,
    proxy: proxy === null ? null : { ...proxy, isUdp: true },
  });
  const close = () => {
    stream.close();
    onClose();
  };
  return { flow: capsuleFlow(streamWith(stream, { close })), upstream, address };
}
