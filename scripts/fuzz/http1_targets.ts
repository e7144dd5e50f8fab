import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { CodecError } from "../../lib/codec/codec_error.ts";
import { decodeHttp1AnswerHead } from "../../lib/codec/http1_answer_head.ts";
import { Http1Body } from "../../lib/codec/http1_body.ts";
import { http1Head, http1RequestLine, putLatin1 } from "../../lib/codec/http1_encode.ts";
import type { Http1Framing } from "../../lib/codec/http1_framing.ts";
import { headEnd } from "../../lib/codec/http1_lines.ts";
import { decodeHttp1RequestHead } from "../../lib/codec/http1_request_head.ts";

/** Valid requests that the others come of. */
export const HTTP1_REQUESTS: readonly Uint8Array[] = [
  "GET /a?b HTTP/1.1\r\nHost: a.test\r\nAccept:  */* \r\nX-Empty:\r\n\r\n",
  "POST / HTTP/1.1\r\nhost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabcGET",
  "PUT http://a/ HTTP/1.1\r\nHost: A\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-T: 1\r\n\r\nGET",
  "CONNECT a.test:1 HTTP/1.0\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n",
].map((text) => utf8(text));

/** Valid answers that the others come of. */
export const HTTP1_ANSWERS: readonly Uint8Array[] = [
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP",
  "HTTP/1.1 204 \r\nX: y\r\n\r\n",
  "HTTP/1.0 200\r\n\r\nuntil the end",
  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
].map((text) => utf8(text));

/** Takes a request in pieces. @throws {CodecError} */
export function http1Request(chunks: readonly Uint8Array[]): string {
  return message(chunks, (bytes, end) => {
    const head = decodeHttp1RequestHead(bytes, end);
    const text = http1Head(http1RequestLine(head.method, head.target), head.fields);
    const again = bytesOf(text.replace("HTTP/1.1\r\n", `HTTP/${head.version}\r\n`));
    if (JSON.stringify(decodeHttp1RequestHead(again, again.length)) !== JSON.stringify(head)) {
      throw new Error("what was encoded again is another request");
    }
    return head;
  });
}

/** Takes an answer to a GET in pieces. @throws {CodecError} */
export function http1Answer(chunks: readonly Uint8Array[]): string {
  return message(chunks, (bytes, end) => decodeHttp1AnswerHead(bytes, { end, method: "GET" }));
}

function message(
  chunks: readonly Uint8Array[],
  decode: (bytes: Uint8Array, end: number) => { readonly framing: Http1Framing },
): string {
  let bytes: Uint8Array = new Uint8Array(0);
  for (const [at, chunk] of chunks.entries()) {
    const seen = bytes.length;
    bytes = concatBytes([bytes, chunk]);
    const end = headEnd(bytes, seen);
    if (end < 0) continue;
    const head = decode(bytes, end);
    return `${JSON.stringify(head)} ${content(head.framing, [bytes.subarray(end), ...chunks.slice(at + 1)])}`;
  }
  return "more";
}

function content(framing: Http1Framing, chunks: readonly Uint8Array[]): string {
  const body = new Http1Body(framing);
  const parts: Uint8Array[] = [];
  let left = 0;
  try {
    for (const chunk of chunks) {
      let rest = chunk;
      while (rest.length > 0 && !body.isOver) {
        const { content, taken } = body.take(rest);
        if (taken === 0) throw new Error("nothing is taken");
        if (content !== null) parts.push(content);
        rest = rest.subarray(taken);
      }
      left += rest.length;
    }
  } catch (error) {
    if (error instanceof CodecError) return error.code;
    throw error;
  }
  return [concatBytes(parts).toHex(), body.isOver, body.mayEnd, left, ...body.trailers].join(" ");
}

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  putLatin1(text, bytes, 0);
  return bytes;
}
