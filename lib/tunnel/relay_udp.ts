import type { DatagramFlow } from "../base/datagram_flow.ts";
import { CodecError } from "../codec/codec_error.ts";
import type { TunnelCounters } from "./registry.ts";
import type { TunnelEndReason } from "./tunnel_end.ts";
import type { UdpDirection, UdpPermit } from "./udp_limiter.ts";

/** How to join two flows. */
export interface RelayUdpOptions {
  /** Updated as datagrams pass. */
  readonly counters: TunnelCounters;
  /** Ends the relay; its `reason` is a {@link TunnelEndReason}. */
  readonly signal: AbortSignal;
  /** What each datagram is held against. */
  readonly permit: Pick<UdpPermit, "check" | "passed" | "lost">;
}

/**
 * Moves datagrams both ways between a client and a service, each at once or not at all: nothing is kept to be sent later.
 * Goes on until the client ends its flow, one of them breaks, or `signal` ends it. Closes the flow of the service; that of
 * the client is left to the caller, and no datagram is passed on any more.
 *
 * @returns why it ended; never rejects
 */
export async function relayUdp(
  client: DatagramFlow,
  service: DatagramFlow,
  { counters, signal, permit }: RelayUdpOptions,
): Promise<TunnelEndReason> {
  const { promise: ended, resolve } = Promise.withResolvers<TunnelEndReason>();
  let isOver = false;
  const end = (reason: TunnelEndReason) => {
    isOver = true;
    resolve(reason);
  };
  const onAbort = () => end(signal.reason as TunnelEndReason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });

  const pass = (payload: Uint8Array, to: DatagramFlow, direction: UdpDirection): void => {
    if (isOver) return;
    const { length } = payload;
    const cause = length > to.maxPayloadBytes ? "too-large" : permit.check(direction, length);
    if (cause !== null) return permit.lost(cause);
    if (!to.send(payload)) return permit.lost("congested");
    permit.passed(direction, length);
    counters[direction === "up" ? "packetsUp" : "packetsDown"]++;
    counters[direction === "up" ? "bytesUp" : "bytesDown"] += length;
  };
  client.receive((payload) => pass(payload, service, "up"))
    .then(() => end("completed"), (error) => end(clientReason(error)));
  service.receive((payload) => pass(payload, client, "down"))
    .then(() => end("upstream-reset"), () => end("upstream-reset"));

  const reason = await ended;
  signal.removeEventListener("abort", onAbort);
  service.close();
  return reason;
}

function clientReason(error: unknown): TunnelEndReason {
  return error instanceof CodecError ? "protocol-error" : "client-reset";
}
