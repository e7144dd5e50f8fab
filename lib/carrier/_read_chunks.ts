import type { ByteStream } from "../base/byte_stream.ts";

const MIN_BUFFER_BYTES = 4 * 1024;
const MAX_BUFFER_BYTES = 128 * 1024;
/** So many reads in a row must have fitted into the smallest buffer before a larger one is given up. */
const SMALL_READS = 16;

/**
 * Reads a stream into one buffer, which grows and shrinks with what comes.
 *
 * @param take is lent each chunk until it returns; @returns whether to go on
 * @returns once the peer has finished sending, or `take` has had enough
 */
export async function readChunks(
  stream: Pick<ByteStream, "read">,
  take: (chunk: Uint8Array) => boolean,
): Promise<void> {
  let buffer = new Uint8Array(MIN_BUFFER_BYTES);
  let smallReads = 0;
  for (;;) {
    const count = await stream.read(buffer);
    if (count === null || !take(buffer.subarray(0, count))) return;
    smallReads = count <= MIN_BUFFER_BYTES && count < buffer.length ? smallReads + 1 : 0;
    if (count === buffer.length && count < MAX_BUFFER_BYTES) buffer = new Uint8Array(count * 2);
    else if (smallReads === SMALL_READS) buffer = new Uint8Array(MIN_BUFFER_BYTES);
  }
}
