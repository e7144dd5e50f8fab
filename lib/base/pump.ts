import type { ByteStream } from "./byte_stream.ts";

/** What waits for the next bytes of a quiet tunnel. */
const IDLE_BUFFER = 512;
const GROWTH = 4;
const MAX_BUFFER = 128 * 1024;
/** So many reads in a row must have fitted into the smallest buffer before a larger one is given up. */
const SMALL_READS = 16;

/** Which of the two streams of a pump failed: the one that is read, or the one that is written to. */
export type PumpSide = "from" | "to";

/** What to hear of a pump. */
export interface PumpOptions {
  /** How many bytes `to` has taken, after each write. */
  readonly onBytes?: (count: number) => void;
  /** Which stream has failed, before the pump rejects. */
  readonly onBreak?: (side: PumpSide) => void;
}

/**
 * Copies bytes one way until `from` has finished sending, then says so to `to` with `closeWrite`. Reading waits for
 * writing, which is the backpressure. The buffer starts at 512 bytes, grows fourfold up to 128 KiB while reads fill it, and
 * is that small again after 16 reads in a row that would have fitted into that, so that a quiet tunnel costs little. Closes
 * neither stream.
 *
 * @returns when `to` knows that the bytes have ended; rejects with whatever reading or writing failed with
 */
export async function pump(
  from: Pick<ByteStream, "read">,
  to: Pick<ByteStream, "write" | "closeWrite">,
  { onBytes, onBreak }: PumpOptions = {},
): Promise<void> {
  let buffer = new Uint8Array(IDLE_BUFFER);
  let smallReads = 0;
  let side: PumpSide = "from";
  try {
    for (;;) {
      side = "from";
      const count = await from.read(buffer);
      side = "to";
      if (count === null) return await to.closeWrite();
      await to.write(buffer.subarray(0, count));
      onBytes?.(count);
      // A TLS record larger than the buffer comes in pieces, the last of which is small: one small read says nothing.
      smallReads = count <= IDLE_BUFFER && count < buffer.length ? smallReads + 1 : 0;
      if (count === buffer.length && count < MAX_BUFFER) {
        buffer = new Uint8Array(Math.min(count * GROWTH, MAX_BUFFER));
      } else if (smallReads === SMALL_READS && buffer.length > IDLE_BUFFER) {
        buffer = new Uint8Array(IDLE_BUFFER);
      }
    }
  } catch (error) {
    onBreak?.(side);
    throw error;
  }
}
