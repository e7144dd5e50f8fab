import type { ByteStream } from "../../lib/base/byte_stream.ts";

/** What a connection to the service of a benchmark is for: the first byte the client sends. */
export const MODES = {
  /** The service sends as many bytes as were asked for. */
  download: 1,
  /** The service takes as many bytes as were announced, then sends {@link DONE}. */
  upload: 2,
  /** Each byte comes back. */
  echo: 3,
  /** Each byte comes back twice, in two writes. */
  twoWrites: 4,
} as const;

/** Length of a request: a mode, and a count as 64 bits in network order. */
export const REQUEST_BYTES = 9;

/** What ends an upload. */
export const DONE = new Uint8Array([1]);

/** The first bytes of a connection. */
export function request(mode: keyof typeof MODES, count = 0): Uint8Array {
  const view = new DataView(new ArrayBuffer(REQUEST_BYTES));
  view.setUint8(0, MODES[mode]);
  view.setBigUint64(1, BigInt(count));
  return new Uint8Array(view.buffer);
}

/** Fills the buffer. @throws {Error} when the stream ends before */
export async function readExactly(
  stream: Pick<ByteStream, "read">,
  into: Uint8Array<ArrayBuffer>,
): Promise<void> {
  for (let filled = 0; filled < into.length;) {
    const count = await stream.read(into.subarray(filled));
    if (count === null) throw new Error("The connection ended early");
    filled += count;
  }
}
