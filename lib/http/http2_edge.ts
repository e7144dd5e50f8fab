import type { Connection } from "../base/connection.ts";
import { Http2Connection } from "../carrier/http2_connection.ts";
import { answerStream } from "./answer_stream.ts";
import type { EdgeOptions } from "./edge.ts";
import { IdleTimer } from "./idle_timer.ts";

/** What clients of HTTP/2 did against the rules, or gave up, so far. */
export interface Http2Figures {
  /** Requests whose head makes none. */
  malformedHeads: number;
  /** Requests whose head is too long. */
  longHeads: number;
  /** Connections that ended because of an error, floods of frames among them. */
  failedSessions: number;
  /** Streams that were reset, by either end. */
  resetStreams: number;
}

/** Between connections that agreed on `h2` and the application. */
export class Http2Edge {
  readonly #options: EdgeOptions;
  readonly #figures: Http2Figures;
  readonly #connections = new Set<Http2Connection>();
  readonly #whenEmpty: (() => void)[] = [];

  /** It does nothing before {@link Http2Edge.serve}. @param figures counted up */
  constructor(options: EdgeOptions, figures: Http2Figures) {
    this.#options = options;
    this.#figures = figures;
  }

  /** Serves one connection; closes it when it is done. */
  serve({ facts, stream }: Connection): void {
    const { limits, clock, log } = this.#options;
    const connection = Http2Connection.serve(stream, {
      onRequest: (head, stream) => {
        timer.begin();
        void stream.gone.then(() => timer.end());
        return answerStream({ head, stream, facts, httpVersion: "2.0" }, this.#options);
      },
      onRefused: (status) => {
        const isLong = status === 431;
        this.#figures[isLong ? "longHeads" : "malformedHeads"]++;
        const error = isLong ? "codec/too-large" : "codec/malformed";
        log.debug("malformed request", { ip: facts.peer.address, error });
      },
      onReset: () => void this.#figures.resetStreams++,
      maxStreams: limits.maxStreams,
      maxHeadBytes: limits.maxHeadBytes,
      headTimeoutMs: () => limits.headTimeoutMs,
      clock,
    });
    const timer = new IdleTimer(this.#options, () => void leave(connection));
    this.#connections.add(connection);
    void connection.closed.then(({ code, reason }) => {
      timer.stop();
      if (code !== null && code !== 0) {
        this.#figures.failedSessions++;
        log.debug("HTTP/2 session failed", { ip: facts.peer.address, code, error: reason });
      }
      this.#connections.delete(connection);
      if (this.size === 0) this.#whenEmpty.splice(0).forEach((resolve) => resolve());
    });
  }

  /** Connections that are open, those with tunnels included. */
  get size(): number {
    return this.#connections.size;
  }

  /** Says GOAWAY to every client; each connection is closed when its requests and tunnels are over. */
  drain(): void {
    for (const connection of this.#connections) void leave(connection);
  }

  /** Waits until no connection is open. */
  async empty(): Promise<void> {
    if (this.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  /** Closes every connection. */
  close(): void {
    for (const connection of this.#connections) connection.destroy();
  }
}

async function leave(connection: Http2Connection): Promise<void> {
  await connection.drain();
  connection.close();
}
