import { Buffer } from "node:buffer";
import { STATUS_CODES } from "node:http";
import type { ByteStream } from "../base/byte_stream.ts";
import { utf8 } from "../base/bytes.ts";
import { hangUp } from "../base/hang_up.ts";

/** Status line and header fields of an answer to CONNECT, without framing (RFC 9110 section 9.3.6). */
export function rawHead(response: Response): Uint8Array {
  const lines = [`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ""}`];
  for (const [name, value] of response.headers) lines.push(`${name}: ${value}`);
  return utf8(`${lines.join("\r\n")}\r\n\r\n`);
}

/** Who does not take a short answer in this time does not want it. */
const SEND_MS = 30_000;

/** Writes a whole answer to a connection that has left the HTTP layer, and closes it. */
export async function answerRaw(stream: ByteStream, response: Response): Promise<void> {
  const timer = setTimeout(() => stream.close(), SEND_MS);
  try {
    const body = new Uint8Array(await response.arrayBuffer());
    response.headers.set("content-length", String(body.length));
    response.headers.set("connection", "close");
    response.headers.set("date", new Date().toUTCString());
    await stream.write(Buffer.concat([rawHead(response), body]));
  } catch {
    // The client has gone.
  }
  clearTimeout(timer);
  await hangUp(stream);
}
