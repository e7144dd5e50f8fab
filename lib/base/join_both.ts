import type { ByteStream } from "./byte_stream.ts";
import { pump } from "./pump.ts";

/**
 * Moves bytes both ways between two streams until both have finished sending. A half-close of one is passed on to the
 * other; when one breaks, the other is closed at once. Closes both.
 *
 * @returns when it is over; never rejects
 */
export async function joinBoth(one: ByteStream, other: ByteStream): Promise<void> {
  const up = pump(one, other);
  const down = pump(other, one);
  await Promise.all([up, down]).catch(() => {});
  one.close();
  other.close();
  await Promise.allSettled([up, down]);
}
