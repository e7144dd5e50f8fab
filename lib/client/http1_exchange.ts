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
