import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest, ServerHttp2Stream } from "node:http2";
import { RequestError } from "@hono/node-server";
import type { ByteStream } from "../base/byte_stream.ts";
import { nodeStream } from "../base/node_stream.ts";
import type { ConnectionDuplex } from "./connection_duplex.ts";
import type { EdgeBindings, TakeOver } from "./env.ts";
import type { Forward } from "./exchange.ts";
import { originForm } from "./malformed.ts";
import { answerRaw, rawHead } from "./raw_answer.ts";
import { groupedFields } from "./raw_headers.ts";

/** What the edge knows of a request, for its bindings. */
export type RequestFacts = Omit<EdgeBindings, "takeOver" | "forward">;

/** What the application wants. */
export interface Asked {
  /** Its answer. */
  readonly response: Response;
  /** Goes on with the bytes after the answer. */
  readonly takeOver: TakeOver | null;
  /** Answers instead. */
  readonly forward: Forward | null;
}

/** What every request says; a CONNECT and an upgrade say more. */
export function factsOf(incoming: IncomingMessage | Http2ServerRequest): RequestFacts {
  const socket = "stream" in incoming ? incoming.stream.session?.socket : incoming.socket;
  return {
    connection: duplexOf(socket).facts,
    connectTarget: null,
    upgrade: null,
    requestTarget: originForm(incoming.url ?? ""),
    httpVersion: incoming.httpVersion,
  };
}

/**
 * The URL of a request that asks for another protocol.
 *
 * @throws {RequestError} when host or path cannot be part of a URL
 */
export function upgradeUrl(scheme: string, host: string | undefined, target: string): string {
  const url = host !== undefined && target.startsWith("/") ? URL.parse(`${scheme}://${host}${target}`) : null;
  const isPlain = url !== null && url.username === "" && url.host === new URL(`${scheme}://${host}`).host;
  if (!isPlain || !/^https?$/.test(scheme)) {
    throw new RequestError("The request does not name a host and a path");
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
  await takeOver(stream, null);
}

/** Answers on a stream of its own, and goes on with it or ends it. */
export async function answerHttp2(stream: ServerHttp2Stream, { response, takeOver }: Asked): Promise<void> {
  const body = new Uint8Array(await response.arrayBuffer());
  if (stream.destroyed) {
    await takeOver?.(nodeStream(stream), null);
    return;
  }
  const isLast = takeOver === null && body.length === 0;
  const headers = groupedFields([...response.headers].flat());
  stream.respond({ ":status": response.status, ...headers }, {
    endStream: isLast,
  });
  if (takeOver !== null) await takeOver(nodeStream(stream), null);
  else if (!isLast) stream.end(body);
}

/** An HTTP/2 session shows its socket through a proxy; the duplex's own property passes through it. */
export function duplexOf(socket: unknown): ConnectionDuplex {
  return (socket as { self: ConnectionDuplex }).self;
}
