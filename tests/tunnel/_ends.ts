import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { memoryPair } from "../base/_memory_stream.ts";

/** A stream that notes whether it was closed. */
export interface WatchedStream extends ByteStream {
  readonly isClosed: boolean;
  /** From now on every read fails, those under way included. */
  break(): void;
}

/** A tunnel to be: what the gateway holds, and the far ends of the client and of the service. */
export function tunnelEnds() {
  const [clientFar, clientNear] = memoryPair();
  const [serviceFar, serviceNear] = memoryPair();
  return { clientFar, serviceFar, client: watched(clientNear), service: watched(serviceNear) };
}

function watched(stream: ByteStream): WatchedStream {
  let isClosed = false;
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => {});
  return {
    read: (into) => Promise.race([broken.promise, stream.read(into)]),
    write: (bytes) => Promise.race([broken.promise, stream.write(bytes)]),
    closeWrite: () => stream.closeWrite(),
    close() {
      isClosed = true;
      stream.close();
    },
    get isClosed() {
      return isClosed;
    },
    break: () => broken.reject(new Error("connection reset by peer")),
  };
}

/** Lets everything happen that waits for nothing but its turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
