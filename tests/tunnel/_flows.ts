import type { DatagramFlow } from "../../lib/base/datagram_flow.ts";

/** A flow whose other side is the test. */
export interface TestFlow extends DatagramFlow {
  /** What was sent to it. */
  readonly sent: string[];
  /** Delivers a datagram from it. */
  deliver(text: string): void;
  /** Ends it from the other side; with an error it breaks. */
  end(error?: Error): void;
  /** Whether it takes datagrams; default true. */
  isOpen: boolean;
  readonly isClosed: boolean;
}

/** A flow in memory. */
export function testFlow({ maxPayloadBytes = 100 } = {}): TestFlow {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let receiver: (payload: Uint8Array) => void = () => {};
  let isClosed = false;
  const sent: string[] = [];
  return {
    maxPayloadBytes,
    sent,
    isOpen: true,
    send(payload) {
      if (this.isOpen && !isClosed) sent.push(new TextDecoder().decode(payload));
      return this.isOpen && !isClosed;
    },
    receive(deliver) {
      receiver = deliver;
      return promise;
    },
    close() {
      isClosed = true;
      resolve();
    },
    get isClosed() {
      return isClosed;
    },
    deliver: (text) => receiver(new TextEncoder().encode(text)),
    end: (error) => error === undefined ? resolve() : reject(error),
  };
}
