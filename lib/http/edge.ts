import { Buffer } from "node:buffer";
import http, { type IncomingMessage } from "node:http";
import http2, {
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import { getRequestListener, RequestError } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Clock } from "../base/clock.ts";
import type { Connection } from "../base/connection.ts";
import { errorMessage } from "../base/errors.ts";
import { hangUp } from "../base/hang_up.ts";
import type { Log } from "../observe/log.ts";
import { ConnectRequest } from "./connect_request.ts";
import { ConnectionDuplex } from "./connection_duplex.ts";
import { ConnectionTimers } from "./connection_timers.ts";
import {
  answerHttp1,
  answerHttp2,
  type Asked,
  duplexOf,
  factsOf,
  type RequestFacts,
  upgradeUrl,
} from "./asked.ts";
import { continueOnRead } from "./continue_on_read.ts";
import type { EdgeBindings, TakeOver } from "./env.ts";
import type { Forward } from "./exchange.ts";
import { failedAnswer } from "./failed_answer.ts";
import { Http1Exchange } from "./http1_exchange.ts";
import { Http2Exchange } from "./http2_exchange.ts";
import { malformation, originForm, upgradeOf } from "./malformed.ts";
import { answerRaw } from "./raw_answer.ts";
import { headersOf, joinCookies } from "./raw_headers.ts";

/** Bounds on what one connection may ask for. */
export interface EdgeLimits {
  /** A longer request head is refused: 431. */
  readonly maxHeadBytes: number;
  /** A request head that takes longer is refused: 408. */
  readonly headTimeoutMs: number;
  /** A connection without requests is closed after so long; 0 is never. */
  readonly idleTimeoutMs: number;
  /** HTTP/2 streams, or requests of HTTP/1.1 that wait for their answers, at once on one connection. */
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

/** What clients of HTTP/1.1 and HTTP/2 did against the rules, or gave up, so far. */
export interface HttpFigures {
  /** HTTP/1.1 requests whose head is not HTTP. */
  readonly malformedHeads: number;
  /** HTTP/1.1 requests whose head is too long. */
  readonly longHeads: number;
  /** HTTP/2 connections that ended because of an error, floods of frames among them. */
  readonly failedSessions: number;
  /** HTTP/2 streams that were reset, by either end. */
  readonly resetStreams: number;
}

type Http2Listener = (incoming: Http2ServerRequest, outgoing: Http2ServerResponse) => void;

/** HTTP/2 flow control: large enough that one stream is not held up on a long path (RFC 9113 section 5.2). */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const SESSION_WINDOW_BYTES = 8 * 1024 * 1024;

/** A client that breaks a rule after its request, in the same bytes, has no connection any more when the request is told of. */
function isOver({ stream }: Http2ServerResponse): boolean {
  return stream?.session?.socket === undefined;
}

/**
 * Between connections and the application: the platform's HTTP/1.1 and HTTP/2 parsers on our own sockets. It turns
 * messages into `Request`s and `Response`s and, after the answer to a CONNECT, lets the tunnel have the bytes.
 */
export class HttpEdge {
  readonly #options: EdgeOptions;
  readonly #http1: http.Server;
  readonly #http2: http2.Http2Server;
  readonly #connections = new Map<ConnectionDuplex, ConnectionTimers>();
  readonly #distrusted = new WeakSet<ConnectionDuplex>();
  readonly #whenEmpty: (() => void)[] = [];
  readonly #figures = { malformedHeads: 0, longHeads: 0, failedSessions: 0, resetStreams: 0 };

  /**
   * Makes the parsers; they do nothing before {@link HttpEdge.serve}.
   *
   * @param options limits and the application
   */
  constructor(options: EdgeOptions) {
    this.#options = options;
    const listener = getRequestListener(
      (request, { incoming, outgoing }) => this.#answer(request, { incoming, outgoing }),
      { overrideGlobalObjects: false, errorHandler: (error) => failedAnswer(error, this.#options.log) },
    );
    this.#http1 = this.#createHttp1(listener);
    this.#http2 = this.#createHttp2(listener);
  }

  /** Serves one connection; closes it when it is done. */
  serve(connection: Connection): void {
    const duplex = new ConnectionDuplex(connection);
    duplex.setMaxListeners(0);
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

  /** What clients did wrong so far; it is kept current. */
  get figures(): HttpFigures {
    return this.#figures;
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
    const onRequest: http.RequestListener = (incoming, outgoing) => {
      const socket = incoming.socket as unknown as ConnectionDuplex;
      // What comes behind a head that can be read in two ways may be part of its body.
      if (this.#distrusted.has(socket) || socket.destroyed) return;
      if (malformation(incoming) !== null) {
        this.#distrusted.add(socket);
        outgoing.shouldKeepAlive = false;
      }
      const timers = this.#connections.get(socket);
      // The platform begins whatever was sent ahead.
      if (timers !== undefined && timers.requests >= this.#options.limits.maxStreams) {
        return void socket.destroy();
      }
      timers?.begin();
      outgoing.once("close", () => timers?.end());
      return listener(incoming, outgoing);
    };
    const options = { maxHeaderSize: this.#options.limits.maxHeadBytes, requireHostHeader: false };
    const server = http.createServer(options, onRequest);
    // The platform ends a connection after one answer when its server does not listen itself. The limits are ours.
    Object.defineProperty(server, "listening", { value: true });
    server.keepAliveTimeout = 0;
    server.on("checkContinue", (incoming, outgoing) => {
      continueOnRead(incoming, outgoing);
      onRequest(incoming, outgoing);
    });
    server.on("connect", (incoming: IncomingMessage, socket: unknown, head: Buffer) => {
      this.#watch(this.#connectHttp1(incoming, socket as ConnectionDuplex, head));
    });
    server.on("upgrade", (incoming: IncomingMessage, socket: unknown, head: Buffer) => {
      this.#watch(this.#upgradeHttp1(incoming, socket as ConnectionDuplex, head));
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
      enableConnectProtocol: true,
    };
    const onRequest: Http2Listener = (incoming, outgoing) => {
      if (isOver(outgoing)) return;
      joinCookies(incoming.rawHeaders);
      return (listener as unknown as Http2Listener)(incoming, outgoing);
    };
    const server = http2.createServer({ settings }, onRequest);
    server.on("checkContinue", (incoming: Http2ServerRequest, outgoing: Http2ServerResponse) => {
      continueOnRead(incoming, outgoing);
      onRequest(incoming, outgoing);
    });
    server.on("session", (session) => this.#watchSession(session));
    server.on("connect", (incoming: Http2ServerRequest, outgoing: Http2ServerResponse) => {
      if (!isOver(outgoing)) this.#watch(this.#connectHttp2(incoming, outgoing));
    });
    return server;
  }

  #watchSession(session: ServerHttp2Session): void {
    session.on("error", (error) => {
      this.#figures.failedSessions++;
      this.#options.log.debug("HTTP/2 session failed", { error: error.message });
    });
    session.setLocalWindowSize?.(SESSION_WINDOW_BYTES);
    const timers = this.#connections.get(duplexOf(session.socket));
    session.on("stream", (stream) => {
      timers?.begin();
      stream.once("close", () => {
        timers?.end();
        if (stream.rstCode !== 0) this.#figures.resetStreams++;
      });
    });
  }

  /** A request that neither asks for a tunnel nor for another protocol. */
  async #answer(
    request: Request,
    { incoming, outgoing }: {
      incoming: IncomingMessage | Http2ServerRequest;
      outgoing: http.ServerResponse | Http2ServerResponse;
    },
  ): Promise<Response> {
    const malformed = malformation(incoming);
    if (malformed !== null) throw new RequestError(malformed);
    const { response, forward } = await this.#ask(request, factsOf(incoming));
    if (forward === null) return response;
    await forward(
      "stream" in outgoing
        ? new Http2Exchange(incoming as Http2ServerRequest, outgoing)
        : new Http1Exchange(incoming as IncomingMessage, outgoing),
    );
    return RESPONSE_ALREADY_SENT;
  }

  async #connectHttp1(incoming: IncomingMessage, socket: ConnectionDuplex, head: Buffer): Promise<void> {
    if (!await this.#isNext(socket)) return;
    this.#forget(socket);
    const stream = socket.detach(head);
    const request = new ConnectRequest(headersOf(incoming.rawHeaders));
    const asked = await this.#ask(request, {
      ...factsOf(incoming),
      connection: socket.facts,
      connectTarget: incoming.url ?? "",
      requestTarget: "",
    });
    await answerHttp1(stream, asked);
  }

  async #upgradeHttp1(incoming: IncomingMessage, socket: ConnectionDuplex, head: Buffer): Promise<void> {
    if (!await this.#isNext(socket)) return;
    this.#connections.get(socket)?.begin();
    const asked = await this.#askUpgrade(incoming, socket);
    if (asked.forward === null) {
      this.#forget(socket);
      return await answerHttp1(socket.detach(head), asked);
    }
    const outgoing = new http.ServerResponse(incoming);
    outgoing.shouldKeepAlive = false;
    outgoing.assignSocket(socket as never);
    // A client that goes away is noticed by reading, as in any other request.
    socket.once("end", () => socket.destroy());
    socket.resume();
    await asked.forward(new Http1Exchange(incoming, outgoing));
    this.#forget(socket);
    await hangUp(socket.detach(Buffer.alloc(0)));
  }

  /**
   * Waits until the requests that were sent ahead are answered. @returns whether another is answered on the connection: not
   * behind one that was its last
   */
  async #isNext(socket: ConnectionDuplex): Promise<boolean> {
    await this.#connections.get(socket)?.quiet();
    if (!this.#distrusted.has(socket) && !socket.destroyed && !socket.writableEnded) return true;
    // Its parser has left it.
    socket.once("end", () => socket.destroy());
    socket.resume();
    return false;
  }

  async #askUpgrade(incoming: IncomingMessage, socket: ConnectionDuplex): Promise<Asked> {
    const { headers, rawHeaders, url = "" } = incoming;
    const hasBody = headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
    try {
      const malformed = malformation(incoming) ?? (hasBody ? "A body before another protocol" : null);
      if (malformed !== null) throw new RequestError(malformed);
      const request = new Request(upgradeUrl("https", headers.host, originForm(url)), {
        method: incoming.method ?? "GET",
        headers: headersOf(rawHeaders),
      });
      const facts = { ...factsOf(incoming), connection: socket.facts, upgrade: upgradeOf(rawHeaders) };
      return await this.#ask(request, facts);
    } catch (error) {
      return { response: failedAnswer(error, this.#options.log), takeOver: null, forward: null };
    }
  }

  async #connectHttp2(incoming: Http2ServerRequest, outgoing: Http2ServerResponse): Promise<void> {
    const { stream } = outgoing;
    stream.on("error", () => {});
    joinCookies(incoming.rawHeaders);
    const asked = await this.#askHttp2(incoming);
    if (asked.forward !== null) return await asked.forward(new Http2Exchange(incoming, outgoing));
    await answerHttp2(stream, asked);
  }

  async #askHttp2(incoming: Http2ServerRequest): Promise<Asked> {
    const protocol = incoming.headers[":protocol"];
    const headers = headersOf(incoming.rawHeaders);
    const facts = factsOf(incoming);
    if (typeof protocol !== "string") {
      const connect = { ...facts, connectTarget: incoming.authority, requestTarget: "" };
      return await this.#ask(new ConnectRequest(headers), connect);
    }
    try {
      const malformed = malformation(incoming);
      if (malformed !== null) throw new RequestError(malformed);
      const url = upgradeUrl(incoming.scheme, incoming.authority, incoming.url);
      return await this.#ask(new ConnectRequest(headers, url), { ...facts, upgrade: protocol.toLowerCase() });
    } catch (error) {
      return { response: failedAnswer(error, this.#options.log), takeOver: null, forward: null };
    }
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

  /** What nobody waits for must not end the process. */
  #watch(work: Promise<void>): void {
    work.catch((error) =>
      this.#options.log.error("a request handler failed", { error: errorMessage(error) })
    );
  }

  #refuseHttp1(error: NodeJS.ErrnoException, socket: ConnectionDuplex): void {
    if (!this.#connections.has(socket) || this.#distrusted.has(socket)) return;
    const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : 400;
    this.#figures[status === 431 ? "longHeads" : "malformedHeads"]++;
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
}
