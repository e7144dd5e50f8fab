import type { ByteStream } from "../../base/byte_stream.ts";
import type { Http1AnswerHead } from "../../codec/http1_answer_head.ts";
import { http1Head, http1RequestLine } from "../../codec/http1_encode.ts";
import { DialError } from "../../upstream/dial_error.ts";
import { Http1Input } from "../http1_input.ts";
import { readAnswerHead } from "./_read_answer.ts";

/** A service may take so long to go over to another protocol, whatever the route says. */
const HANDSHAKE_MS = 30_000;

/** What a service says to an upgrade. */
export interface Handshake {
  /** Of a 101, or of the answer that it gave instead. */
  readonly head: Http1AnswerHead;
  /** What follows. */
  readonly input: Http1Input;
}

/**
 * Asks a service to go over to another protocol.
 *
 * @param stream stays the caller's
 * @throws {DialError} `dial/timeout`; {@link RangeError} for a path that cannot be asked for; rejects when there is no answer
 */
export async function shakeHands(
  stream: ByteStream,
  { method, path, headers }: { method: string; path: string; headers: readonly string[] },
): Promise<Handshake> {
  const request = http1Head(http1RequestLine(method, path), headers);
  const input = new Http1Input(stream);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stream.close();
  }, HANDSHAKE_MS);
  try {
    await stream.write(Uint8Array.from(request, (character) => character.charCodeAt(0)));
    return { head: await readAnswerHead(input, { method, onInform() {} }), input };
  } catch (error) {
    throw isLate ? new DialError("dial/timeout", "The service did not answer in time") : error;
  } finally {
    clearTimeout(timer);
  }
}
