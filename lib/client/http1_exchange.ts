import type { ByteStream } from "../base/byte_stream.ts";
import { utf8 } from "../base/bytes.ts";
import { reachError } from "./_reach_error.ts";
import type { GatewayAddress } from "./gateway_address.ts";
import { readResponseHead, type ResponseHead } from "./response_head.ts";

/**
 * Sends an HTTP/1.1 request without body and reads the head of its answer. Closing the stream is what interrupts it.
 *
 * @param lines the request line and the header fields
 * @throws {ClientError} `client/bad-response`, `client/unreachable`, `client/timeout`, `client/cancelled`
 */
export async function exchangeHttp1(
  stream: ByteStream,
  { lines, gateway, signal }: { lines: readonly string[]; gateway: GatewayAddress; signal: AbortSignal },
): Promise<ResponseHead> {
  const onAbort = () => stream.close();
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await stream.write(utf8(`${lines.join("\r\n")}\r\n\r\n`));
    return await readResponseHead(stream);
  } catch (error) {
    throw reachError(signal.aborted ? signal.reason : error, gateway);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

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
