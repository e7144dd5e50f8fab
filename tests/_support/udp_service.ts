/** A UDP service on a free port of loopback. */
export interface UdpService extends Disposable {
  readonly port: number;
  /** The datagrams that came, and the ports they came from, in order. */
  readonly received: readonly { readonly payload: Uint8Array; readonly port: number }[];
  /** Sends a datagram to a port of 127.0.0.1. */
  send(payload: Uint8Array, port: number): Promise<void>;
}

/** Receives datagrams, and answers each with what `answer` makes of it; `null` is no answer. */
export function serveUdp(
  answer: (payload: Uint8Array) => Uint8Array | null,
  options: { hostname?: string } = {},
): UdpService {
  const { hostname = "127.0.0.1" } = options;
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  const received: { payload: Uint8Array; port: number }[] = [];
  let isClosed = false;
  const run = async () => {
    const buffer = new Uint8Array(65_535);
    for (;;) {
      const [payload, from] = await socket.receive(buffer);
      received.push({ payload: payload.slice(), port: (from as Deno.NetAddr).port });
      const reply = answer(payload);
      if (reply !== null) await socket.send(reply.slice(), from);
    }
  };
  run().catch((error) => {
    if (!isClosed) throw error;
  });
  return {
    port: (socket.addr as Deno.NetAddr).port,
    received,
    async send(payload, port) {
      await socket.send(payload, { transport: "udp", hostname: "127.0.0.1", port });
    },
    [Symbol.dispose]() {
      isClosed = true;
      socket.close();
    },
  };
}

/** Sends back what it gets. */
export function serveUdpEcho(options: { hostname?: string } = {}): UdpService {
  return serveUdp((payload) => payload, options);
}
