import { CodecError } from "../../codec/codec_error.ts";
import { decodeHttp1AnswerHead, type Http1AnswerHead } from "../../codec/http1_answer_head.ts";
import { headEnd } from "../../codec/http1_lines.ts";
import type { RawHeaders } from "../exchange.ts";
import type { Http1Input } from "../http1_input.ts";

/** A longer head of an answer is none. */
const MAX_HEAD_BYTES = 64 * 1024;
/** A service that says no more than this before its answer. */
const MAX_INTERIM = 10_000;

/**
 * Reads the head of the final answer of a service, 101 among them.
 *
 * @param options `method`: of the request; `onInform`: hears of informational answers
 * @throws {CodecError} when it is none; rejects when the connection ends or breaks before
 */
export async function readAnswerHead(
  input: Http1Input,
  { method, onInform }: { method: string; onInform: (status: number, headers: RawHeaders) => void },
): Promise<Http1AnswerHead> {
  for (let count = 0; count <= MAX_INTERIM; count++) {
    const head = await readHead(input, method);
    if (head.status >= 200 || head.status === 101) return head;
    onInform(head.status, head.fields);
  }
  throw new CodecError("codec/too-large", "A service says too much before its answer");
}

async function readHead(input: Http1Input, method: string): Promise<Http1AnswerHead> {
  for (let seen = 0;;) {
    const { bytes } = input;
    const end = headEnd(bytes, seen);
    if (end > MAX_HEAD_BYTES || (end < 0 && bytes.length >= MAX_HEAD_BYTES)) {
      throw new CodecError("codec/too-large", "The head of an answer is too long");
    }
    if (end > 0) {
      const head = decodeHttp1AnswerHead(bytes, { end, method });
      input.skip(end);
      return head;
    }
    seen = bytes.length;
    if (!await input.fill()) throw new Error("The service closed the connection without an answer");
  }
}
