import http, { type ClientRequest } from "node:http";
import type { Duplex } from "node:stream";
import { StreamDuplex } from "../../base/stream_duplex.ts";
import type { Grant } from "../../policy/grant.ts";
import type { UpstreamConnection } from "../../upstream/upstream_connection.ts";

/** Connects to the service; rejects with a `DialError`. */
export type Connect = (grant: Grant) => Promise<UpstreamConnection>;

/** A connection without a request is closed after so long. */
const IDLE_MS = 30_000;
const MAX_IDLE_CONNECTIONS = 64;
/** A longer head of an answer is none. */
export const MAX_ANSWER_HEAD_BYTES = 64 * 1024;

/** Keeps the HTTP/1.1 connections to one service. Requests are made with the option `grant`. */
export class Http1Agent extends http.Agent {
  readonly #connect: Connect;
  readonly #idle = new WeakMap<Duplex, { timer: ReturnType<typeof setTimeout>; close: () => void }>();

  /** Opens nothing before the first request. @param options `keeps`: whether a connection serves more than one request */
  constructor(connect: Connect, { keeps = true }: { keeps?: boolean } = {}) {
    super({ keepAlive: keeps, maxFreeSockets: MAX_IDLE_CONNECTIONS, scheduling: "lifo" });
    this.#connect = connect;
  }

  /** Part of the agent: makes a connection. */
  override createConnection(
    options: http.ClientRequestArgs & { readonly grant?: Grant },
    done?: (error: Error | null, stream: Duplex) => void,
  ): Duplex {
    this.#connect(options.grant!).then(
      ({ stream }) => done!(null, serviceSocket(new StreamDuplex(stream))),
      (error) => done!(error, null as never),
    );
    // It comes later.
    return undefined as never;
  }

  /** Part of the agent: all connections lead to the same service. */
  override getName(): string {
    return "service";
  }

  /** Part of the agent: a request is over, and its connection could serve another. */
  override keepSocketAlive(socket: Duplex): boolean {
    const close = () => void socket.destroy();
    this.#idle.set(socket, { timer: setTimeout(close, IDLE_MS), close });
    // What comes unasked could be taken for the answer to the next request.
    socket.once("data", close);
    return !socket.destroyed;
  }

  /** Part of the agent: a connection serves another request. */
  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    const idle = this.#idle.get(socket);
    if (idle !== undefined) {
      clearTimeout(idle.timer);
      socket.off("data", idle.close);
    }
    super.reuseSocket(socket, request);
  }
}

/** A connection that the service ends serves no further request, however far an answer has been read. */
export function serviceSocket(duplex: StreamDuplex): StreamDuplex {
  duplex.on("error", () => {});
  duplex.once("end", () => setTimeout(() => duplex.destroy()));
  return duplex;
}
