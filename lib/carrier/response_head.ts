import type { ByteStream } from "../base/byte_stream.ts";
import { concatBytes } from "../base/bytes.ts";
import { CodecError } from "../codec/codec_error.ts";

/** A response without its body (RFC 9112 section 2.1). */
export interface ResponseHead {
  /** 100 to 599. */
  readonly status: number;
  /** By lower-case name; of a repeated field, the first. */
  readonly headers: ReadonlyMap<string, string>;
  /** Bytes that arrived after the head. */
  readonly rest: Uint8Array<ArrayBuffer>;
}

const MAX_BYTES = 64 * 1024;

/**
 * Reads the head of the final response, interim ones (RFC 9110 section 15.2) passed over.
 *
 * @throws {CodecError} `codec/unexpected` when it is not HTTP/1, `codec/malformed`, `codec/truncated`, and
 * `codec/too-large` when it is longer than 64 KiB with all interim ones
 */
export async function readResponseHead(stream: Pick<ByteStream, "read">): Promise<ResponseHead> {
  let bytes = new Uint8Array(0);
  let budget = MAX_BYTES;
  const chunk = new Uint8Array(4096);
  for (;;) {
    const end = headEnd(bytes);
    if (end >= 0) {
      const head = parseHead(bytes.subarray(0, end));
      bytes = bytes.slice(end);
      if (!isInterim(head.status)) return { ...head, rest: bytes };
      continue;
    }
    if (budget === 0) throw new CodecError("codec/too-large", "its answer has no end");
    const count = await stream.read(chunk.subarray(0, Math.min(chunk.length, budget)));
    if (count === null) {
      const isEmpty = bytes.length === 0;
      throw new CodecError(
        "codec/truncated",
        isEmpty ? "it closed the connection without an answer" : "its answer is cut off",
      );
    }
    budget -= count;
    bytes = concatBytes([bytes, chunk.subarray(0, count)]);
  }
}

/** Where the body begins, or -1 as long as the empty line has not come. */
function headEnd(bytes: Uint8Array): number {
  for (let i = bytes.indexOf(13); i >= 0; i = bytes.indexOf(13, i + 1)) {
    if (bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) return i + 4;
  }
  return -1;
}

/** 101 is final here: nothing asked for another protocol. */
function isInterim(status: number): boolean {
  return status < 200 && status !== 101;
}

function parseHead(bytes: Uint8Array): Omit<ResponseHead, "rest"> {
  const [statusLine, ...lines] = new TextDecoder().decode(bytes).split("\r\n");
  const match = /^HTTP\/1\.[01] ([1-5]\d\d)(?: .*)?$/.exec(statusLine!);
  if (match === null) throw new CodecError("codec/unexpected", "its answer is not HTTP/1.1");
  const headers = new Map<string, string>();
  for (const line of lines.slice(0, -2)) {
    const colon = line.indexOf(":");
    if (colon < 1) throw new CodecError("codec/malformed", "its answer holds a broken header field");
    const name = line.slice(0, colon).toLowerCase();
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return { status: Number(match[1]), headers };
}
