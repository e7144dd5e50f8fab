import type { ConnectionFacts } from "../base/connection.ts";
import { Http3Connection } from "../carrier/http3_connection.ts";
import type { Http3Stream } from "../carrier/http3_stream.ts";
import { HTTP3_ERROR } from "../codec/http3_error.ts";
import type { RequestHead } from "../codec/http_fields.ts";
import type { Asked } from "./asked.ts";
import type { EdgeOptions } from "./edge.ts";
import type { TakeOver } from "./env.ts";
import type { Forward } from "./exchange.ts";
import { failedAnswer } from "./failed_answer.ts";
import { Http3Exchange } from "./http3_exchange.ts";
import { headOf, requestOf, sendResponse } from "./http3_messages.ts";

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
      onRequest: (head, stream) => void this.#answer({ head, stream, facts }, timer),
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

  async #answer(asking: Asking, timer: IdleTimer): Promise<void> {
    const { head, stream } = asking;
    this.#requests++;
    timer.begin();
    void stream.gone.then(() => timer.end());
    const { response, takeOver, forward } = await this.#ask(asking);
    if (forward !== null) await forward(new Http3Exchange(head, stream));
    else if (takeOver === null) await sendResponse(stream, response, head.method);
    else {
      // A tunnel that finds its stream broken says so itself.
      await stream.sendFields(headOf(response)).catch(() => {});
      await takeOver(stream, stream.datagrams);
    }
  }

  async #ask({ head, stream, facts }: Asking): Promise<Asked> {
    const isConnect = head.method === "CONNECT";
    const isPlain = isConnect && head.protocol === null;
    const asked: { takeOver: TakeOver | null; forward: Forward | null } = { takeOver: null, forward: null };
    try {
      const response = await this.#options.fetch(requestOf(head, stream), {
        connection: facts,
        connectTarget: isPlain ? head.authority : null,
        upgrade: head.protocol?.toLowerCase() ?? null,
        requestTarget: head.path ?? "",
        httpVersion: "3",
        takeOver: (run) => {
          if (!isConnect) throw new TypeError("Only CONNECT can take over a stream");
          asked.takeOver = run;
        },
        forward: (run) => {
          if (isPlain) throw new TypeError("CONNECT cannot be forwarded");
          asked.forward = run;
        },
      });
      return response.status === 200 ? { response, ...asked } : { response, takeOver: null, forward: null };
    } catch (error) {
      return { response: failedAnswer(error, this.#options.log), takeOver: null, forward: null };
    }
  }
}

interface Asking {
  readonly head: RequestHead;
  readonly stream: Http3Stream;
  readonly facts: ConnectionFacts;
}

/** Ends a connection that has no request under way for too long. */
class IdleTimer {
  readonly #options: Pick<EdgeOptions, "limits" | "clock">;
  readonly #onIdle: () => void;
  #requests = 0;
  #timer: Disposable | null = null;
  #isStopped = false;

  constructor(options: Pick<EdgeOptions, "limits" | "clock">, onIdle: () => void) {
    this.#options = options;
    this.#onIdle = onIdle;
    this.#start();
  }

  begin(): void {
    this.#requests++;
    this.#timer?.[Symbol.dispose]();
  }

  end(): void {
    if (--this.#requests === 0 && !this.#isStopped) this.#start();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.[Symbol.dispose]();
  }

  #start(): void {
    const { limits, clock } = this.#options;
    if (limits.idleTimeoutMs > 0) this.#timer = clock.timer(limits.idleTimeoutMs, this.#onIdle);
  }
}
