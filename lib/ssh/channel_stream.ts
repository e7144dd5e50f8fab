import type { Duplex } from "node:stream";
import type { ByteStream } from "../base/byte_stream.ts";

/**
 * A channel of ssh2 as a {@link ByteStream}. Between two reads nothing listens to it, so that it can be handed on. Its
 * `close` event is what counts: ssh2 gives up writes to a channel that is gone without calling back.
 *
 * @param channel owned by the stream until it is handed on
 */
export function channelStream(channel: Duplex & { eof?(): void }): ByteStream {
  let isClosed = false;
  channel.once("close", () => isClosed = true);
  // A failure reaches whoever reads or writes; without a listener it would end the process.
  channel.on("error", () => {});
  const settled = (start: (done: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) => {
      const onClose = () => done(new Error("The channel was closed"));
      const done = (error?: Error | null) => {
        channel.off("close", onClose);
        if (error) reject(error);
        else resolve();
      };
      if (isClosed) return onClose();
      channel.on("close", onClose);
      start(done);
    });
  return {
    async read(into) {
      while (true) {
        // All that waits would be put together, and what is given back again with whatever comes next.
        const count = Math.min(into.length, channel.readableLength);
        const chunk = channel.read(count) as Uint8Array | null;
        if (chunk !== null) {
          into.set(chunk);
          return chunk.length;
        }
        if (isClosed || channel.readableEnded) return null;
        await readable(channel);
      }
    },
    write: (bytes) => settled((done) => channel.write(bytes, done)),
    // At the end of what is written, ssh2 closes a channel of its server altogether; what was written so far has been sent.
    closeWrite: () =>
      settled((done) => {
        if (channel.eof === undefined) return void channel.end(done);
        channel.eof();
        done();
      }),
    close: () => void channel.destroy(),
  };
}

/** Waits until there is something to read, or nothing more will come. */
function readable(channel: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const events = ["readable", "end", "close"] as const;
    const done = () => {
      for (const event of events) channel.off(event, done);
      resolve();
    };
    for (const event of events) channel.on(event, done);
  });
}
