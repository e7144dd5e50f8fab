import type { ByteStream } from "../base/byte_stream.ts";
import type { DatagramFlow } from "../base/datagram_flow.ts";
import { hangUp } from "../base/hang_up.ts";
import { capsuleFlow } from "../carrier/capsule_flow.ts";
import type { TunnelEndReason } from "../tunnel/tunnel_end.ts";

/** The client of a UDP tunnel. */
export interface UdpClient {
  /** Its datagrams. Ends when the client ends its stream. */
  readonly flow: DatagramFlow;
  /** Ends the stream, in a way that fits the reason, and frees everything. */
  end(reason: TunnelEndReason): Promise<void>;
}

/**
 * What a client sends and gets over the stream of its request: in capsules, or in datagrams beside it on HTTP/3, where
 * datagrams that it sends in capsules all the same count, too (RFC 9297 section 3.5), and none is answered so.
 *
 * @param stream of the request; owned by what is returned
 * @param datagrams of HTTP/3, also owned; `null` on HTTP/1.1 and HTTP/2
 */
export function udpClient(stream: ByteStream, datagrams: DatagramFlow | null): UdpClient {
  const patient = afterWrites(stream);
  const capsules = capsuleFlow(patient);
  const flow = datagrams === null ? capsules : beside(capsules, datagrams);
  const { promise: over, resolve } = Promise.withResolvers<void>();
  return {
    flow: {
      get maxPayloadBytes() {
        return flow.maxPayloadBytes;
      },
      send: (payload) => flow.send(payload),
      receive: (deliver) => flow.receive(deliver).finally(resolve),
      close: () => flow.close(),
    },
    async end(reason) {
      // A stream of wrong bytes is aborted (RFC 9298 section 5); every other client sees its end, not a reset.
      const isBroken = reason === "protocol-error" || reason === "client-reset";
      if (!isBroken) await hangUp(patient, { after: over });
      flow.close();
    },
  };
}

function beside(capsules: DatagramFlow, datagrams: DatagramFlow): DatagramFlow {
  return {
    get maxPayloadBytes() {
      return datagrams.maxPayloadBytes;
    },
    send: (payload) => datagrams.send(payload),
    async receive(deliver) {
      await Promise.race([capsules.receive(deliver), datagrams.receive(deliver)]);
    },
    close() {
      datagrams.close();
      capsules.close();
    },
  };
}

/** The same stream, but that it says its end after what is being written. */
function afterWrites(stream: ByteStream): ByteStream {
  let writing: Promise<void> = Promise.resolve();
  return {
    read: (into) => stream.read(into),
    write(bytes) {
      const written = stream.write(bytes);
      writing = written.catch(() => {});
      return written;
    },
    async closeWrite() {
      for (let last: Promise<void> | null = null; last !== writing;) {
        last = writing;
        await last;
      }
      await stream.closeWrite();
    },
    close: () => stream.close(),
  };
}
