import type { Duplex } from "node:stream";
import type { ByteStream } from "./byte_stream.ts";

/**
 * A duplex of `node:stream`, such as a `node:tls` socket, as a {@link ByteStream}.
 *
 * @param duplex opened with `allowHalfOpen`, and owned by the stream from now on
 */
export function nodeStream(duplex: Duplex): ByteStream {
  // A failure reaches whoever reads or writes; without a listener it would end the process.
  duplex.on("error", () => {});
  const chunks = duplex.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
  let rest = new Uint8Array(0) as Uint8Array;
  return {
    async read(into) {
      while (rest.length === 0) {
        const next = await chunks.next();
        if (next.done) return null;
        rest = next.value;
      }
      const count = Math.min(into.length, rest.length);
      into.set(rest.subarray(0, count));
      rest = rest.subarray(count);
      return count;
    },
    write: (bytes) => settled(duplex, (done) => duplex.write(bytes, done)),
    closeWrite: () => settled(duplex, (done) => duplex.end(done)),
    close: () => void duplex.destroy(),
  };
}

type Done = (error?: Error | null) => void;

/** A stream that is closed under a write does not always call back. */
function settled(duplex: Duplex, start: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () => done(new Error("The stream was closed"));
    const done: Done = (error) => {
      duplex.off("close", onClose);
      if (error) reject(error);
      else resolve();
    };
    if (duplex.destroyed) return onClose();
    duplex.on("close", onClose);
    start(done);
  });
}
