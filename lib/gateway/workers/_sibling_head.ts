import type { ByteStream } from "../../base/byte_stream.ts";
import { concatBytes, fromUtf8, utf8 } from "../../base/bytes.ts";
import { streamAfter } from "../../base/stream_after.ts";

const MAX_HEAD_BYTES = 64 * 1024;
const NEW_LINE = 10;

/** Writes a question or an answer: one line of JSON. */
export function writeHead(stream: ByteStream, value: unknown): Promise<void> {
  return stream.write(utf8(`${JSON.stringify(value)}\n`));
}

/** Reads a question or an answer, of at most 64 KiB. @returns it, and the stream of what follows it */
export async function readHead(stream: ByteStream): Promise<{ head: unknown; rest: ByteStream }> {
  let bytes = new Uint8Array(0);
  const buffer = new Uint8Array(4096);
  for (;;) {
    const count = await stream.read(buffer);
    if (count === null) throw new Error("The other process has ended in the midst of its words");
    bytes = concatBytes([bytes, buffer.subarray(0, count)]);
    const end = bytes.indexOf(NEW_LINE);
    if (end >= 0) {
      const head: unknown = JSON.parse(fromUtf8(bytes.subarray(0, end)));
      return { head, rest: streamAfter(bytes.subarray(end + 1), stream) };
    }
    if (bytes.length > MAX_HEAD_BYTES) throw new Error("The other process does not come to an end");
  }
}
