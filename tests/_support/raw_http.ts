import { utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { readAll, type TestGateway } from "./test_gateway.ts";

/** An HTTP/1.1 answer as it came. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** Everything that the gateway sent, further answers included. */
  readonly text: string;
}

/**
 * Sends bytes as they are over TLS, and reads until the gateway closes: the request should ask for that, or be refused.
 *
 * @param request text, or bytes as Latin-1 characters
 */
export async function sendRaw(gateway: TestGateway, request: string): Promise<RawAnswer> {
  const stream = denoStream(await gateway.dial());
  try {
    await stream.write(utf8(request));
    return parseAnswer(new TextDecoder().decode(await readAll(stream)));
  } finally {
    stream.close();
  }
}

/** A GET with header fields as they are given, after which the gateway shall close. */
export function getRequest(path: string, fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ ...fields, Connection: "close" }).map(([name, value]) =>
    `${name}: ${value}\r\n`
  );
  return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** The status of every answer in a text. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...fields] = text.slice(0, end).split("\r\n");
  const headers = new Headers(fields.map((field) => field.split(/: ?(.*)/).slice(0, 2) as [string, string]));
  return { status: Number(statusLine.split(" ")[1]), headers, body: text.slice(end + 4), text };
}
