import { createSocket, type RemoteInfo } from "node:dgram";
import { isIP } from "node:net";
import { lookup } from "node:dns/promises";
import type { Authority } from "../base/authority.ts";
import type { DatagramFlow } from "../base/datagram_flow.ts";

/** The longest payload of a datagram over IPv4. */
const MAX_PAYLOAD_BYTES = 65_507;

/** A UDP socket of its own toward a service, whose datagrams alone it delivers. The caller closes the flow. */
export async function dialUdpService({ host, port }: Authority): Promise<DatagramFlow> {
  const { address, family } = isIP(host) === 0
    ? await lookup(host, { order: "ipv4first" })
    : { address: host, family: isIP(host) };
  const socket = createSocket({ type: family === 6 ? "udp6" : "udp4" });
  const { promise: closed, resolve, reject } = Promise.withResolvers<void>();
  closed.catch(() => {});
  socket.on("error", reject);
  socket.on("close", () => resolve());
  let isClosed = false;
  return {
    maxPayloadBytes: MAX_PAYLOAD_BYTES,
    send(payload) {
      if (isClosed || payload.length > MAX_PAYLOAD_BYTES) return false;
      socket.send(payload.slice(), port, address, () => {});
      return true;
    },
    async receive(deliver) {
      socket.on("message", (payload: Uint8Array, from: RemoteInfo) => {
        if (from.port === port && from.address === address) deliver(payload);
      });
      await closed;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      socket.close();
    },
  };
}
