import type { DatagramFlow } from "../base/datagram_flow.ts";
import { parseIp } from "../base/ip.ts";
import type { ReceiveBuffers } from "./_receive_buffers.ts";

/** Why a datagram was lost at the socket: it came from elsewhere, or the machine could not send it (no route to there). */
export type UdpDrop = "stranger" | "unsendable";

/** What the machine has not taken yet; about as much as its own buffer of a socket holds. */
const MAX_WAITING_BYTES = 256 * 1024;
/** What a datagram costs beside its bytes. */
const OVERHEAD_BYTES = 64;

/**
 * A UDP socket that talks to one peer only. The platform's own connected sockets (`node:dgram`) let datagrams of others
 * through and cost more than twice the time, so each is looked at here.
 *
 * @param socket of the IP version of the peer; owned by the flow from now on
 */
export function udpFlow(
  socket: Deno.DatagramConn,
  { peer, maxPayloadBytes, buffers, onDrop, onClose }: {
    readonly peer: { readonly hostname: string; readonly port: number };
    readonly maxPayloadBytes: number;
    /** Lends the memory for what is received. */
    readonly buffers: ReceiveBuffers;
    readonly onDrop: (drop: UdpDrop) => void;
    readonly onClose: () => void;
  },
): DatagramFlow {
  const to: Deno.NetAddr = { transport: "udp", ...peer };
  const isPeer = senderCheck(peer);
  let isClosed = false;
  let waiting: Uint8Array<ArrayBuffer>[] = [];
  let waitingBytes = 0;
  let isSending = false;
  // One after the other: two at once could overtake each other while the socket is not ready.
  const sendWaiting = async () => {
    isSending = true;
    while (waiting.length > 0) {
      const payloads = waiting;
      waiting = [];
      for (const payload of payloads) {
        await socket.send(payload, to).catch(() => isClosed || onDrop("unsendable"));
        waitingBytes -= payload.length + OVERHEAD_BYTES;
      }
    }
    isSending = false;
  };
  return {
    maxPayloadBytes,
    send(payload) {
      if (isClosed || payload.length > maxPayloadBytes || waitingBytes > MAX_WAITING_BYTES) return false;
      // The platform reads the bytes when the socket is ready, which can be after this has returned.
      waiting.push(payload.slice());
      waitingBytes += payload.length + OVERHEAD_BYTES;
      if (!isSending) void sendWaiting();
      return true;
    },
    async receive(deliver) {
      const buffer = buffers.lend();
      try {
        for (;;) {
          const [payload, from] = await socket.receive(buffer);
          if (isClosed) return;
          if (isPeer(from as Deno.NetAddr)) deliver(payload);
          else onDrop("stranger");
        }
      } catch (error) {
        if (!isClosed) throw error;
      } finally {
        buffers.giveBack(buffer);
      }
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      socket.close();
      onClose();
    },
  };
}

/** Whether a datagram came from the peer: the same port and the same address, however it is spelled. */
function senderCheck(peer: { hostname: string; port: number }): (from: Deno.NetAddr) => boolean {
  const address = parseIp(peer.hostname)!;
  let known = peer.hostname;
  return ({ hostname, port }) => {
    if (port !== peer.port) return false;
    if (hostname === known) return true;
    const other = parseIp(hostname);
    if (other === null || other.version !== address.version || other.value !== address.value) return false;
    known = hostname;
    return true;
  };
}
