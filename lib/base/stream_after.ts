import type { ByteStream } from "./byte_stream.ts";

/** A stream whose first bytes have been read already. */
export function streamAfter(early: Uint8Array, stream: ByteStream): ByteStream {
  let rest = early;
  return {
    read(into) {
      if (rest.length === 0) return stream.read(into);
      const count = Math.min(into.length, rest.length);
      into.set(rest.subarray(0, count));
      rest = rest.subarray(count);
      return Promise.resolve(count);
    },
    write: (bytes) => stream.write(bytes),
    closeWrite: () => stream.closeWrite(),
    close: () => stream.close(),
  };
}
