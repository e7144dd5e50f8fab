import type { ConnectionFacts } from "../base/connection.ts";
import { Http3Connection } from "../carrier/http3_connection.ts";
import { HTTP3_ERROR } from "../codec/http3_error.ts";
import { answerStream } from "./answer_stream.ts";
import type { EdgeOptions } from "./edge.ts";
import { IdleTimer } from "./idle_timer.ts";

/** After the last answer, so that it is delivered: closing loses what is on its way. */
const LINGER_MS = 200;

const ERROR_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(HTTP3_ERROR).map(([name, code]) => [code, name]),
);

/** A QUIC connection that agreed on `h3`. */
export interface Http3Accepted {
  /** What the acceptor knows of it. */
  readonly facts: ConnectionFacts;
  /** Its platform's side. */
  readonly conn: Deno.QuicConn;
}

/** What all connections came to so far. */
export interface Http3Figures {
  /** Requests with a valid head. */
  readonly requests: number;
  /** How many requests were refused for their head, by the status that they were answered with. */
  readonly refused: Readonly<Record<string, number>>;
  /** Datagrams that belonged to no request, or for which there was no room, of connections that have ended. */
  readonly droppedDatagrams: number;
  /** How many connections ended with each error code; `lost`: without one. */
  readonly closed: Readonly<Record<string, number>>;
}

/**
 * Between QUIC connections and the application: what {@link HttpEdge} is for TLS connections. How many streams a client
 * may have at once is said when it is accepted; `limits.maxStreams` is not looked at here.
 */
export class Http3Edge {
  readonly #options: EdgeOptions;
  readonly #connections = new Map<Http3Connection, IdleTimer>();
  readonly #whenEmpty: (() => void)[] = [];
  readonly #closed: Record<string, number> = {};
  readonly #refused: Record<string, number> = {};
  #requests = 0;
  #droppedDatagrams = 0;

  /** It does nothing before {@link Http3Edge.serve}. @param options limits and the application */
  constructor(options: EdgeOptions) {
    this.#options = options;
  }

  /** Serves one connection; closes it when it is done. */
  serve({ facts, conn }: Http3Accepted): void {
    const { limits, clock, log } = this.#options;
    const connection = Http3Connection.serve(conn, {
      onRequest: (head, stream) => {
        this.#requests++;
        timer.begin();
        void stream.gone.then(() => timer.end());
        void answerStream({ head, stream, facts, httpVersion: "3" }, this.#options);
      },
      onRefused: (status) => (this.#refused[status] = (this.#refused[status] ?? 0) + 1),
      maxHeadBytes: limits.maxHeadBytes,
      headTimeoutMs: () => limits.headTimeoutMs,
      clock,
    });
    const timer = new IdleTimer(this.#options, () => void this.#leave(connection));
    this.#connections.set(connection, timer);
    void connection.closed.then(({ code, reason }) => {
      log.debug("HTTP/3 connection ended", { ip: facts.peer.address, code: code ?? undefined, reason });
      timer.stop();
      this.#count(connection, code);
      this.#connections.delete(connection);
      if (this.size === 0) this.#whenEmpty.splice(0).forEach((resolve) => resolve());
    });
  }

  /** Connections that are open, those with tunnels included. */
  get size(): number {
    return this.#connections.size;
  }

  /** What all connections came to so far. */
  get figures(): Http3Figures {
    return {
      requests: this.#requests,
      refused: this.#refused,
      droppedDatagrams: this.#droppedDatagrams,
      closed: this.#closed,
    };
  }

  /** Says GOAWAY to every client; each connection is closed when its requests and tunnels are over. */
  drain(): void {
    for (const connection of this.#connections.keys()) void this.#leave(connection);
  }

  /** Waits until no connection is open. */
  async empty(): Promise<void> {
    if (this.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  /** Closes every connection. */
  close(): void {
    for (const connection of this.#connections.keys()) connection.close();
  }

  #count({ droppedDatagrams }: Http3Connection, code: number | null): void {
    // A client may send any code: only those that have a name are told apart.
    const name = code === null ? "lost" : ERROR_NAMES.get(code) ?? "other";
    this.#closed[name] = (this.#closed[name] ?? 0) + 1;
    this.#droppedDatagrams += droppedDatagrams;
  }

  async #leave(connection: Http3Connection): Promise<void> {
    await connection.drain();
    this.#options.clock.timer(LINGER_MS, () => connection.close());
  }
}
