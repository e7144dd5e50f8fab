import type { Clock } from "../base/clock.ts";
import type { Connection } from "../base/connection.ts";
import type { Log } from "../observe/log.ts";
import type { Asked } from "./asked.ts";
import type { EdgeBindings, TakeOver } from "./env.ts";
import type { Forward } from "./exchange.ts";
import { failedAnswer } from "./failed_answer.ts";
import { Http1Connection, type Http1Options } from "./http1_connection.ts";
import { Http2Edge } from "./http2_edge.ts";
import type { RequestFacts } from "./request_context.ts";

/** Bounds on what one connection may ask for. */
export interface EdgeLimits {
  /** A longer request head is refused: 431. */
  readonly maxHeadBytes: number;
  /** A request head that takes longer is refused: 408. */
  readonly headTimeoutMs: number;
  /** A connection without requests is closed after so long; 0 is never. */
  readonly idleTimeoutMs: number;
  /** HTTP/2 streams at once on one connection; HTTP/1.1 has one request after the other. */
  readonly maxStreams: number;
}

/** What the edge is made of. */
export interface EdgeOptions {
  /** The application: every request goes through it, CONNECT included. */
  readonly fetch: (request: Request, bindings: EdgeBindings) => Response | Promise<Response>;
  /** {@inheritDoc Http1Options.direct} Default `null`: the application answers everything. */
  readonly direct?: Http1Options["direct"];
  /** Bounds on each connection. */
  readonly limits: EdgeLimits;
  /** For the limits in time. */
  readonly clock: Clock;
  /** Where failed connections and malformed requests are noted. */
  readonly log: Log;
}

/** What clients of HTTP/1.1 and HTTP/2 did against the rules, or gave up, so far. */
export interface HttpFigures {
  /** Requests whose head is not HTTP. */
  readonly malformedHeads: number;
  /** Requests whose head is too long. */
  readonly longHeads: number;
  /** HTTP/2 connections that ended because of an error, floods of frames among them. */
  readonly failedSessions: number;
  /** HTTP/2 streams that were reset, by either end. */
  readonly resetStreams: number;
}

/**
 * Between connections and the application: HTTP/1.1 and HTTP/2. It turns
 * messages into `Request`s and `Response`s and, after the answer to a CONNECT, lets the tunnel have the bytes.
 */
export class HttpEdge {
  readonly #options: EdgeOptions;
  readonly #http1 = new Set<Http1Connection>();
  readonly #http2: Http2Edge;
  readonly #whenEmpty: (() => void)[] = [];
  readonly #figures = { malformedHeads: 0, longHeads: 0, failedSessions: 0, resetStreams: 0 };

  /**
   * It does nothing before {@link HttpEdge.serve}.
   *
   * @param options limits and the application
   */
  constructor(options: EdgeOptions) {
    this.#options = options;
    this.#http2 = new Http2Edge(options, this.#figures);
  }

  /** Serves one connection; closes it when it is done. */
  serve(connection: Connection): void {
    if (connection.facts.alpn === "h2") return this.#http2.serve(connection);
    const { limits, clock, log, direct = null } = this.#options;
    const http1 = new Http1Connection(connection, {
      ...{ limits, clock, log, direct },
      ask: (request, facts) => this.#ask(request, facts),
      onRefused: (status) => this.#figures[status === 431 ? "longHeads" : "malformedHeads"]++,
      onLeave: () => this.#forget(http1),
    });
    this.#http1.add(http1);
    void http1.run();
  }

  /** Connections in the HTTP layer: tunnels over HTTP/1.1 have left it and are not counted. */
  get size(): number {
    return this.#http1.size + this.#http2.size;
  }

  /** What clients did wrong so far; it is kept current. */
  get figures(): HttpFigures {
    return this.#figures;
  }

  /** Closes connections without a request under way, those of HTTP/2 as soon as they have none. */
  drain(): void {
    this.#http2.drain();
    for (const connection of this.#http1) connection.drain();
  }

  /** Waits until no connection is in the HTTP layer. */
  async empty(): Promise<void> {
    if (this.#http1.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
    await this.#http2.empty();
  }

  /** Closes every connection that is in the HTTP layer. */
  close(): void {
    this.#http2.close();
    for (const connection of this.#http1) connection.close();
  }

  async #ask(request: Request, facts: RequestFacts): Promise<Asked> {
    const asked: { takeOver: TakeOver | null; forward: Forward | null } = { takeOver: null, forward: null };
    const canTakeOver = request.method === "CONNECT" || facts.upgrade !== null;
    try {
      const response = await this.#options.fetch(request, {
        ...facts,
        takeOver: (run) => {
          if (!canTakeOver) throw new TypeError("Only CONNECT and upgrades can take over a connection");
          asked.takeOver = run;
        },
        forward: (run) => {
          if (facts.connectTarget !== null) throw new TypeError("CONNECT cannot be forwarded");
          asked.forward = run;
        },
      });
      const takesOver = response.status === 200 || (response.status === 101 && facts.upgrade !== null);
      return {
        response,
        takeOver: takesOver ? asked.takeOver : null,
        forward: response.status === 200 ? asked.forward : null,
      };
    } catch (error) {
      return { response: failedAnswer(error, this.#options.log), takeOver: null, forward: null };
    }
  }

  #forget(connection: Http1Connection): void {
    this.#http1.delete(connection);
    if (this.#http1.size === 0) this.#whenEmpty.splice(0).forEach((resolve) => resolve());
  }
}
