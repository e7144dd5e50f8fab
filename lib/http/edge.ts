import { Buffer } from "node:buffer";
import http, { type IncomingMessage } from "node:http";
import http2, {
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import { getRequestListener, RequestError } from "@hono/node-server";
import type { Clock } from "../base/clock.ts";
import type { Connection, ConnectionFacts } from "../base/connection.ts";
import { errorMessage } from "../base/errors.ts";
import { nodeStream } from "../base/node_stream.ts";
import type { Log } from "../observe/log.ts";
import { ConnectRequest } from "./connect_request.ts";
import { ConnectionDuplex } from "./connection_duplex.ts";
import { ConnectionTimers } from "./connection_timers.ts";
import type { EdgeBindings, TakeOver } from "./env.ts";
import { answerRaw, rawHead } from "./raw_answer.ts";
import { hasTwoHosts, headersOf, joinCookies } from "./raw_headers.ts";

/** Bounds on what one connection may ask for. */
export interface EdgeLimits {
  /** A longer request head is refused: 431. */
  readonly maxHeadBytes: number;
  /** A request head that takes longer is refused: 408. */
  readonly headTimeoutMs: number;
  /** A connection without requests is closed after so long; 0 is never. */
  readonly idleTimeoutMs: number;
  /** HTTP/2 streams at once on one connection. */
  readonly maxStreams: number;
}

/** What the edge is made of. */
export interface EdgeOptions {
  /** The application: every request goes through it, CONNECT included. */
  readonly fetch: (request: Request, bindings: EdgeBindings) => Response | Promise<Response>;
  /** Bounds on each connection. */
  readonly limits: EdgeLimits;
  /** For the limits in time. */
  readonly clock: Clock;
  /** Where failed connections and malformed requests are noted. */
  readonly log: Log;
}

type Http2Listener = (incoming: Http2ServerRequest, outgoing: Http2ServerResponse) => void;

/** HTTP/2 flow control: large enough that one stream is not held up on a long path (RFC 9113 section 5.2). */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const SESSION_WINDOW_BYTES = 8 * 1024 * 1024;

/**
 * Between connections and the application: the platform's HTTP/1.1 and HTTP/2 parsers on our own sockets. It turns
 * messages into `Request`s and `Response`s and, after the answer to a CONNECT, lets the tunnel have the bytes.
 */
export class HttpEdge {
  readonly #options: EdgeOptions;
  readonly #http1: http.Server;
  readonly #http2: http2.Http2Server;
  readonly #connections = new Map<ConnectionDuplex, ConnectionTimers>();
  readonly #whenEmpty: (() => void)[] = [];

  /**
   * Makes the parsers; they do nothing before {@link HttpEdge.serve}.
   *
   * @param options limits and the application
   */
  constructor(options: EdgeOptions) {
    this.#options = options;
    const listener = getRequestListener(
      (request, { incoming }) => options.fetch(request, this.#bindings(incoming)),
      { overrideGlobalObjects: false, errorHandler: (error) => this.#onError(error) },
    );
    this.#http1 = this.#createHttp1(listener);
    this.#http2 = this.#createHttp2(listener);
  }

  /** Serves one connection; closes it when it is done. */
  serve(connection: Connection): void {
    const duplex = new ConnectionDuplex(connection);
    const timers = new ConnectionTimers(duplex, this.#options);
    this.#connections.set(duplex, timers);
    duplex.on(
      "error",
      (error) => this.#options.log.debug("connection failed", { error: errorMessage(error) }),
    );
    duplex.on("close", () => this.#forget(duplex));
    if (connection.facts.alpn === "h2") {
      this.#http2.emit("connection", duplex);
      timers.idle();
    } else {
      timers.head();
      this.#http1.emit("connection", duplex);
    }
  }

  /** Connections in the HTTP layer: tunnels over HTTP/1.1 have left it and are not counted. */
  get size(): number {
    return this.#connections.size;
  }

  /**
   * Closes connections without a request under way. HTTP/2 clients get no GOAWAY: the platform's HTTP/2 (Deno 2.9.6) can fail
   * an assertion in sending one, which ends the whole process.
   */
  drain(): void {
    for (const [duplex, timers] of this.#connections) if (!timers.isBusy) duplex.destroy();
  }

  /** Waits until no connection is in the HTTP layer. */
  async empty(): Promise<void> {
    if (this.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  /** Closes every connection that is in the HTTP layer. */
  close(): void {
    for (const duplex of this.#connections.keys()) duplex.destroy();
  }

  #createHttp1(listener: http.RequestListener): http.Server {
    const server = http.createServer(
      { maxHeaderSize: this.#options.limits.maxHeadBytes },
      (incoming, outgoing) => {
        const timers = this.#connections.get(incoming.socket as unknown as ConnectionDuplex);
        timers?.begin();
        outgoing.once("close", () => timers?.end());
        return listener(incoming, outgoing);
      },
    );
    // The platform ends a connection after one answer when its server does not listen itself. The limits are ours.
    Object.defineProperty(server, "listening", { value: true });
    server.keepAliveTimeout = 0;
    server.on("connect", (incoming: IncomingMessage, socket: unknown, head: Buffer) => {
      void this.#connectHttp1(incoming, socket as ConnectionDuplex, head);
    });
    server.on("upgrade", (_incoming: IncomingMessage, socket: ConnectionDuplex) => {
      void answerRaw(
        socket.detach(Buffer.alloc(0)),
        new Response("Upgrades are not served here.\n", { status: 501 }),
      );
      this.#forget(socket);
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket: unknown) => {
      this.#refuseHttp1(error, socket as ConnectionDuplex);
    });
    return server;
  }

  #createHttp2(listener: http.RequestListener): http2.Http2Server {
    const { limits } = this.#options;
    const settings = {
      maxConcurrentStreams: limits.maxStreams,
      maxHeaderListSize: limits.maxHeadBytes,
      initialWindowSize: STREAM_WINDOW_BYTES,
      enablePush: false,
    };
    const server = http2.createServer({ settings }, (incoming, outgoing) => {
      joinCookies(incoming.rawHeaders);
      return (listener as unknown as Http2Listener)(incoming, outgoing);
    });
    server.on("session", (session) => this.#watchSession(session));
    server.on("connect", (incoming: Http2ServerRequest, outgoing: Http2ServerResponse) => {
      void this.#connectHttp2(incoming, outgoing);
    });
    server.on(
      "sessionError",
      (error) => this.#options.log.debug("HTTP/2 session failed", { error: error.message }),
    );
    return server;
  }

  #watchSession(session: ServerHttp2Session): void {
    session.on(
      "error",
      (error) => this.#options.log.debug("HTTP/2 session failed", { error: error.message }),
    );
    session.setLocalWindowSize?.(SESSION_WINDOW_BYTES);
    const timers = this.#connections.get(duplexOf(session.socket));
    session.on("stream", (stream) => {
      timers?.begin();
      stream.once("close", () => timers?.end());
    });
  }

  async #connectHttp1(incoming: IncomingMessage, socket: ConnectionDuplex, head: Buffer): Promise<void> {
    // Requests that were sent ahead are answered first.
    await this.#connections.get(socket)?.quiet();
    this.#forget(socket);
    const stream = socket.detach(head);
    const { response, takeOver } = await this.#ask(incoming, {
      target: incoming.url ?? "",
      facts: socket.facts,
    });
    if (takeOver === null) return await answerRaw(stream, response);
    try {
      await stream.write(rawHead(response));
    } catch {
      // The tunnel finds the connection broken and says so.
    }
    await takeOver(stream, null);
  }

  async #connectHttp2(incoming: Http2ServerRequest, outgoing: Http2ServerResponse): Promise<void> {
    const { stream } = outgoing;
    stream.on("error", () => {});
    joinCookies(incoming.rawHeaders);
    const facts = duplexOf(stream.session!.socket).facts;
    const { response, takeOver } = await this.#ask(incoming, { target: incoming.authority, facts });
    const body = new Uint8Array(await response.arrayBuffer());
    if (stream.destroyed) {
      await takeOver?.(nodeStream(stream), null);
      return;
    }
    stream.respond({ ":status": response.status, ...Object.fromEntries(response.headers) }, {
      endStream: takeOver === null && body.length === 0,
    });
    if (takeOver !== null) await takeOver(nodeStream(stream), null);
    else if (body.length > 0) stream.end(body);
  }

  async #ask(
    incoming: IncomingMessage | Http2ServerRequest,
    options: { target: string; facts: ConnectionFacts },
  ): Promise<{ response: Response; takeOver: TakeOver | null }> {
    const asked: { takeOver: TakeOver | null } = { takeOver: null };
    try {
      const response = await this.#options.fetch(new ConnectRequest(headersOf(incoming.rawHeaders)), {
        connection: options.facts,
        connectTarget: options.target,
        upgrade: null,
        httpVersion: incoming.httpVersion,
        takeOver: (run) => void (asked.takeOver = run),
      });
      return { response, takeOver: response.status === 200 ? asked.takeOver : null };
    } catch (error) {
      return { response: this.#onError(error), takeOver: null };
    }
  }

  #bindings(incoming: IncomingMessage | Http2ServerRequest): EdgeBindings {
    if (hasTwoHosts(incoming.rawHeaders)) throw new RequestError("More than one Host");
    const socket = "stream" in incoming ? incoming.stream.session?.socket : incoming.socket;
    return {
      connection: duplexOf(socket).facts,
      connectTarget: null,
      upgrade: null,
      httpVersion: incoming.httpVersion,
      takeOver: () => {
        throw new TypeError("Only CONNECT can take over a connection");
      },
    };
  }

  #refuseHttp1(error: NodeJS.ErrnoException, socket: ConnectionDuplex): void {
    if (!this.#connections.has(socket)) return;
    const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : 400;
    const reason = status === 431 ? "The request head is too large" : "The request is not HTTP";
    this.#options.log.debug("malformed request", { ip: socket.facts.peer.address, error: error.code });
    this.#forget(socket);
    const headers = { "proxy-status": "sallyport; error=http_request_error" };
    void answerRaw(socket.detach(Buffer.alloc(0)), new Response(`${reason}.\n`, { status, headers }));
  }

  #forget(duplex: ConnectionDuplex): void {
    this.#connections.get(duplex)?.stop();
    this.#connections.delete(duplex);
    if (this.size === 0) this.#whenEmpty.splice(0).forEach((resolve) => resolve());
  }

  #onError(error: unknown): Response {
    if (error instanceof RequestError) {
      this.#options.log.debug("malformed request", { error: error.message });
      const headers = { "proxy-status": "sallyport; error=http_request_error" };
      return new Response("The request does not name a host and a path.\n", { status: 400, headers });
    }
    this.#options.log.error("a request handler failed", { error: errorMessage(error) });
    return new Response("Internal error.\n", { status: 500 });
  }
}

/** An HTTP/2 session shows its socket through a proxy; the duplex's own property passes through it. */
function duplexOf(socket: unknown): ConnectionDuplex {
  return (socket as { self: ConnectionDuplex }).self;
}
