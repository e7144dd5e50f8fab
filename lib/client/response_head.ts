import type { ByteStream } from "../base/byte_stream.ts";
import { readResponseHead as readHead, type ResponseHead } from "../carrier/response_head.ts";
import { CodecError } from "../codec/codec_error.ts";
import { ClientError } from "./client_error.ts";

export type { ResponseHead };

/**
 * Reads the head of the final response of a gateway, interim ones (RFC 9110 section 15.2) passed over.
 *
 * @throws {ClientError} `client/bad-response` when it is not HTTP/1, or longer than 64 KiB with all interim ones
 */
export async function readResponseHead(stream: Pick<ByteStream, "read">): Promise<ResponseHead> {
  try {
    return await readHead(stream);
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw new ClientError("client/bad-response", `The gateway cannot be understood: ${cause.message}`, {
      cause,
      hint: "check that the host and port are those of the gateway",
    });
  }
}
