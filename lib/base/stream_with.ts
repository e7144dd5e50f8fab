import type { ByteStream } from "./byte_stream.ts";

/** The same stream, but for what `changes` does in its own way. */
export function streamWith(stream: ByteStream, changes: Partial<ByteStream>): ByteStream {
  return {
    read: (into) => stream.read(into),
    write: (bytes) => stream.write(bytes),
    closeWrite: () => stream.closeWrite(),
    close: () => stream.close(),
    ...changes,
  };
}
