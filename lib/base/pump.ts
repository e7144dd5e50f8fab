import type { ByteStream } from "./byte_stream.ts";

const MIN_BUFFER = 4 * 1024;
const MAX_BUFFER = 128 * 1024;
/** So many reads in a row must have fitted into the smallest buffer before a larger one is given up. */
const SMALL_READS = 16;

/**
 * Copies bytes one way until `from` has finished sending, then says so to `to` with `closeWrite`. Reading waits for
 * writing, which is the backpressure. The buffer starts at 4 KiB, doubles up to 128 KiB while reads fill it, and is
 * 4 KiB again after 16 reads in a row that would have fitted into that, so that a quiet tunnel costs little. Closes
 * neither stream.
 *
 * @param options `onBytes`: told how many bytes `to` has taken, after each write
 * @returns when `to` knows that the bytes have ended; rejects with whatever reading or writing failed with
 */
export async function pump(
  from: Pick<ByteStream, "read">,
  to: Pick<ByteStream, "write" | "closeWrite">,
  options: { onBytes?: (count: number) => void } = {},
): Promise<void> {
  let buffer = new Uint8Array(MIN_BUFFER);
  let smallReads = 0;
  for (;;) {
    const count = await from.read(buffer);
    if (count === null) return await to.closeWrite();
    await to.write(buffer.subarray(0, count));
    options.onBytes?.(count);
    // A TLS record larger than the buffer comes in pieces, the last of which is small: one small read says nothing.
    smallReads = count <= MIN_BUFFER && count < buffer.length ? smallReads + 1 : 0;
    if (count === buffer.length && count < MAX_BUFFER) buffer = new Uint8Array(count * 2);
    else if (smallReads === SMALL_READS && buffer.length > MIN_BUFFER) buffer = new Uint8Array(MIN_BUFFER);
  }
}
