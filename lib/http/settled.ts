import type { Writable } from "node:stream";

/** Waits until a stream that is full has room again. Rejects once it is closed. */
export function drained(stream: Writable): Promise<void> {
  return settled(stream, (done) => stream.once("drain", done));
}

/** Waits for `start` to call back. Rejects when the stream is closed before: it does not always call back then. */
export function settled(
  stream: Pick<Writable, "once" | "off" | "destroyed">,
  start: (done: () => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new Error("The stream was closed"));
    if (stream.destroyed) return onClose();
    stream.once("close", onClose);
    start(() => {
      stream.off("close", onClose);
      resolve();
    });
  });
}
