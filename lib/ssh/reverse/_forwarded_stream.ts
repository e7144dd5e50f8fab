import type { Duplex } from "node:stream";
import type { ByteStream } from "../../base/byte_stream.ts";
import { streamWith } from "../../base/stream_with.ts";
import { channelStream } from "../channel_stream.ts";

/** What happens on a forwarded channel. */
export interface ForwardedStreamOptions {
  /** Set when the connection of the client is no more. */
  readonly gone: AbortSignal;
  /** Called after bytes were sent to the client. */
  readonly onSent: (count: number) => void;
  /** Called after bytes came from the client. */
  readonly onReceived: (count: number) => void;
  /** Called once, when the stream is closed here or the client is gone. */
  readonly onClose: () => void;
}

/** A forwarded channel as a stream, which breaks when its client is gone, and is closed at once whatever the client does. */
export function forwardedStream(channel: Duplex, options: ForwardedStreamOptions): ByteStream {
  const { gone, onSent, onReceived, onClose } = options;
  const stream = channelStream(channel);
  const waiting = new Set<(error: Error) => void>();
  let end: Error | null = null;
  const endWith = (error: Error) => {
    if (end !== null) return;
    end = error;
    gone.removeEventListener("abort", onGone);
    stream.close();
    for (const reject of waiting) reject(error);
    onClose();
  };
  const onGone = () => endWith(new Error("The SSH client is gone"));
  if (gone.aborted) onGone();
  else gone.addEventListener("abort", onGone, { once: true });
  const unlessEnded = <T>(work: Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      work.then(resolve, reject).finally(() => waiting.delete(reject));
      if (end === null) waiting.add(reject);
      else reject(end);
    });
  return {
    async read(into) {
      const count = await unlessEnded(stream.read(into));
      // A channel ends with its connection as if the client had finished.
      if (count === null && gone.aborted) throw new Error("The SSH client is gone");
      if (count !== null) onReceived(count);
      return count;
    },
    async write(bytes) {
      await unlessEnded(stream.write(bytes));
      onSent(bytes.length);
    },
    closeWrite: () => unlessEnded(stream.closeWrite()),
    close: () => endWith(new Error("The channel was closed")),
  };
}

/** What a client that speaks SOCKS would take the first byte of a connection for: version 4 or 5. */
const SOCKS_VERSIONS = [4, 5];

/**
 * The same, but that it is closed in place of sending what a client that expects SOCKS would obey: the caller of a service
 * must not choose where the client connects to.
 */
export function guardedFromSocks(stream: ByteStream): ByteStream {
  let isFirst = true;
  return streamWith(stream, {
    async write(bytes) {
      const [first] = bytes;
      if (first === undefined) return;
      if (isFirst && SOCKS_VERSIONS.includes(first)) {
        stream.close();
        throw new Error("A connection that begins like SOCKS is not passed on");
      }
      isFirst = false;
      await stream.write(bytes);
    },
  });
}
