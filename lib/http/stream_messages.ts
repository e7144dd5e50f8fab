import { BadRequest } from "./bad_request.ts";
import type { MessageStream } from "../carrier/message_stream.ts";
import type { RequestHead } from "../codec/http_fields.ts";
import type { Field } from "../codec/qpack.ts";
import { upgradeUrl } from "./asked.ts";
import { ConnectRequest } from "./connect_request.ts";
import { contentReader } from "./stream_exchange.ts";
import { isUnmistakable } from "./malformed.ts";

const CHUNK_BYTES = 16 * 1024;

/**
 * A request of HTTP/2 or HTTP/3 as a web `Request`, whose body is read from its stream as it is asked for.
 *
 * @throws {BadRequest} when it names no host and path
 */
export function requestOf(head: RequestHead, stream: MessageStream): Request {
  const headers = new Headers(head.headers.map(([name, value]) => [name, value]));
  if (head.method === "CONNECT" && head.protocol === null) return new ConnectRequest(headers);
  if (!isUnmistakable(head.method)) throw new BadRequest("A method in lower case");
  const url = upgradeUrl(head.scheme!, head.authority ?? undefined, head.path!);
  if (head.method === "CONNECT") return new ConnectRequest(headers, url);
  const hasBody = stream.hasContent !== false && head.method !== "GET" && head.method !== "HEAD" &&
    head.contentLength !== 0;
  const body = hasBody ? { body: bodyOf(contentReader(head, stream), stream), duplex: "half" } : {};
  try {
    return new Request(url, { method: head.method, headers, ...body });
  } catch (cause) {
    throw new BadRequest("A method that is not served", { cause });
  }
}

/** Sends an answer with its body, and ends the stream. Never rejects. */
export async function sendResponse(stream: MessageStream, response: Response, method: string): Promise<void> {
  try {
    await stream.sendFields(headOf(response));
    if (method === "HEAD") await response.body?.cancel();
    else for await (const chunk of response.body ?? []) await stream.write(chunk);
    await stream.closeWrite();
    stream.stopReading();
  } catch {
    // The client has gone, or the body broke off: then the client must not take it for complete.
    stream.abort();
  }
}

/** The field section of an answer (RFC 9113 section 8.3.2, RFC 9114 section 4.3.2). */
export function headOf(response: Response): Field[] {
  const fields = [...response.headers].filter(([name]) => !CONNECTION_FIELDS.has(name));
  return [[":status", String(response.status)], ...fields];
}

const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

function bodyOf(read: MessageStream["read"], stream: MessageStream): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const chunk = new Uint8Array(CHUNK_BYTES);
      const count = await read(chunk);
      if (count === null) controller.close();
      else controller.enqueue(chunk.subarray(0, count));
    },
    cancel: () => stream.stopReading(),
  }, { highWaterMark: 0 });
}
