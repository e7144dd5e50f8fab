import { BadRequest } from "./bad_request.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import type { TakeOver } from "./env.ts";
import type { Forward } from "./exchange.ts";
import { answerRaw, rawHead } from "./raw_answer.ts";

/** A name or an address, and perhaps a port (RFC 3986 section 3.2.2), without anything that a URL could end it with. */
const HOST = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::\d*)?$/;

/** What the application wants. */
export interface Asked {
  /** Its answer. */
  readonly response: Response;
  /** Goes on with the bytes after the answer. */
  readonly takeOver: TakeOver | null;
  /** Answers instead. */
  readonly forward: Forward | null;
}

/**
 * The URL of a request.
 *
 * @throws {BadRequest} when host or path cannot be part of a URL
 */
export function upgradeUrl(scheme: string, host: string | undefined, target: string): string {
  const isPlain = host !== undefined && HOST.test(host) && target.startsWith("/");
  const url = isPlain ? URL.parse(`${scheme}://${host}${target}`) : null;
  if (url === null || !/^https?$/.test(scheme)) {
    throw new BadRequest("The request does not name a host and a path");
  }
  return url.href;
}

/** Answers on a connection that has left the HTTP layer, and goes on with it or closes it. */
export async function answerHttp1(stream: ByteStream, { response, takeOver }: Asked): Promise<void> {
  if (takeOver === null) return await answerRaw(stream, response);
  try {
    await stream.write(rawHead(response));
  } catch {
    // The tunnel finds the connection broken and says so.
  }
  takeOver(stream, null);
}
