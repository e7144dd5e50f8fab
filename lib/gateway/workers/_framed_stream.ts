import type { ByteStream } from "../../base/byte_stream.ts";
import { concatBytes } from "../../base/bytes.ts";

const HEAD_BYTES = 4;
const MAX_FRAME_BYTES = 1024 * 1024;

/**
 * Bytes over a Unix socket, which by itself does not tell a peer that has finished from one that is gone: each write has
 * its length before it, and 0 is the end. A stream that ends without one is broken.
 *
 * @param inner owned by the stream from now on
 */
export function framedStream(inner: ByteStream): ByteStream {
  let left = 0;
  let isOver = false;
  return {
    async read(into) {
      if (left === 0 && !isOver) {
        left = await readLength(inner);
        isOver = left === 0;
      }
      if (isOver) return null;
      const count = await inner.read(into.subarray(0, left));
      if (count === null) throw new Error("The other process is gone");
      left -= count;
      return count;
    },
    async write(bytes) {
      for (let sent = 0; sent < bytes.length; sent += MAX_FRAME_BYTES) {
        await inner.write(frame(bytes.subarray(sent, sent + MAX_FRAME_BYTES)));
      }
    },
    closeWrite: () => inner.write(frame(new Uint8Array(0))),
    close: () => inner.close(),
  };
}

function frame(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(HEAD_BYTES);
  new DataView(head.buffer).setUint32(0, payload.length);
  return concatBytes([head, payload]);
}

async function readLength(inner: ByteStream): Promise<number> {
  const head = new Uint8Array(HEAD_BYTES);
  for (let got = 0; got < HEAD_BYTES;) {
    const count = await inner.read(head.subarray(got));
    if (count === null) throw new Error("The other process is gone");
    got += count;
  }
  const length = new DataView(head.buffer).getUint32(0);
  if (length > MAX_FRAME_BYTES) throw new Error("The other process does not speak as this one");
  return length;
}
