import { BadRequest } from "./bad_request.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import type { Clock } from "../base/clock.ts";
import type { Connection, ConnectionFacts } from "../base/connection.ts";
import { errorMessage } from "../base/errors.ts";
import { hangUp } from "../base/hang_up.ts";
import { CodecError } from "../codec/codec_error.ts";
import { Http1Body } from "../codec/http1_body.ts";
import { headEnd } from "../codec/http1_lines.ts";
import { decodeHttp1RequestHead, type Http1RequestHead } from "../codec/http1_request_head.ts";
import type { Log } from "../observe/log.ts";
import { answerHttp1, type Asked } from "./asked.ts";
import { ConnectRequest } from "./connect_request.ts";
import type { Forward } from "./exchange.ts";
import { failedAnswer } from "./failed_answer.ts";
import { type Http1Carrier, Http1Exchange } from "./http1_exchange.ts";
import { Http1Input } from "./http1_input.ts";
import { Http1Output } from "./http1_output.ts";
import { Http1Request } from "./http1_request.ts";
import { originForm } from "./malformed.ts";
import type { RequestFacts } from "./request_context.ts";
import { answerRaw } from "./raw_answer.ts";
import { headersOf } from "./raw_headers.ts";
import { writeResponse } from "./forward/write_response.ts";

/** What serves a connection. */
export interface Http1Options {
  /** As they are at each moment they are asked for. */
  readonly limits: {
    /** A longer request head is refused: 431. */
    readonly maxHeadBytes: number;
    /** A request head that takes longer is refused: 408. */
    readonly headTimeoutMs: number;
    /** A connection without requests is closed after so long; 0 is never. */
    readonly idleTimeoutMs: number;
  };
  /** For the limits in time. */
  readonly clock: Clock;
  /** Where malformed requests are noted. */
  readonly log: Log;
  /** Asks the application. */
  readonly ask: (request: Request, facts: RequestFacts) => Promise<Asked>;
  /** Answers what goes on to a service without the application; `null` when that shall be asked. */
  readonly direct: ((head: Http1RequestHead, facts: RequestFacts) => Promise<Forward | null>) | null;
  /** Hears of a head that is refused, with the status. */
  readonly onRefused: (status: 400 | 431) => void;
  /** Called once, when the connection is closed or has become a tunnel. */
  readonly onLeave: () => void;
}

/** A connection of HTTP/1.1: one request after the other (RFC 9112 section 9.3.2). */
export class Http1Connection {
  readonly #facts: ConnectionFacts;
  readonly #stream: ByteStream;
  readonly #options: Http1Options;
  readonly #carrier: Http1Carrier;
  #timer: Disposable | null = null;
  #isBusy = false;
  /** No byte of the next head has come. */
  #isIdle = false;
  /** The one under way. */
  #exchange: Http1Exchange | null = null;
  #hasLeft = false;
  #isClosed = false;

  /** Takes over a connection; nothing is read yet. */
  constructor({ facts, stream }: Connection, options: Http1Options) {
    this.#facts = facts;
    this.#stream = stream;
    this.#options = options;
    this.#carrier = {
      input: new Http1Input(stream),
      output: new Http1Output(stream),
      close: () => this.close(),
    };
  }

  /** Serves its requests. Does not reject. */
  async run(): Promise<void> {
    const { log } = this.#options;
    try {
      this.#setHeadTimer();
      for (let head = await this.#nextHead(); head !== null; head = await this.#nextHead()) {
        this.#setTimer(0, () => {});
        this.#isBusy = true;
        if (!await this.#serve(head)) return;
        this.#isBusy = false;
        this.#exchange = null;
        this.#setIdleTimer();
      }
      this.close();
    } catch (error) {
      if (!this.#isClosed) log.debug("connection failed", { error: errorMessage(error) });
      this.close();
    }
  }

  /** Closes it as soon as no request is under way. */
  drain(): void {
    // Its answer says so when it has not begun (RFC 9112 section 9.6).
    if (this.#exchange !== null) this.#exchange.keepsAlive = false;
    if (!this.#isBusy) this.close();
  }

  /** Closes it at once. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#leave();
    this.#stream.close();
  }

  /** @returns `null` when no other comes */
  async #nextHead(): Promise<Http1RequestHead | null> {
    const { input } = this.#carrier;
    input.rest();
    let seen = 0;
    let isFirst = true;
    try {
      for (;;) {
        if (this.#isClosed) return null;
        // Some send a line end behind a body, and it is no head (RFC 9112 section 2.2).
        if (isFirst && input.length > 1) {
          isFirst = false;
          if (startsWithLineEnd(input.bytes)) {
            input.skip(2);
            seen = 0;
          }
        }
        const { bytes } = input;
        const end = headEnd(bytes, seen);
        if (
          end > this.#options.limits.maxHeadBytes ||
          end < 0 && bytes.length >= this.#options.limits.maxHeadBytes
        ) {
          throw new CodecError("codec/too-large", "A request head is too large");
        }
        if (end > 0) {
          const head = decodeHttp1RequestHead(bytes, end);
          input.skip(end);
          return head;
        }
        if (this.#isIdle && bytes.length > 0) this.#setHeadTimer();
        seen = bytes.length;
        if (!await input.fill()) return null;
      }
    } catch (error) {
      if (!(error instanceof CodecError) || this.#isClosed) throw error;
      this.#refuse(error);
      return null;
    }
  }

  /** @returns whether another request may follow */
  async #serve(head: Http1RequestHead): Promise<boolean> {
    const facts: RequestFacts = {
      connection: this.#facts,
      connectTarget: null,
      upgrade: head.upgrade,
      requestTarget: originForm(head.target),
      httpVersion: head.version,
    };
    if (head.method === "CONNECT") return await this.#serveConnect(head, facts);
    if (head.upgrade !== null) return await this.#serveUpgrade(head, facts);
    const exchange = this.#exchange = new Http1Exchange(head, this.#carrier);
    const forward = await this.#findDirect(head, facts);
    if (forward !== null) await this.#forward(exchange, forward);
    else await this.#askFor(exchange, { head, facts });
    return await this.#isNext(exchange);
  }

  async #findDirect(head: Http1RequestHead, facts: RequestFacts): Promise<Forward | null> {
    try {
      return await this.#options.direct?.(head, facts) ?? null;
    } catch (error) {
      // The application meets the same, and answers for it.
      this.#options.log.error("a request handler failed", { error: errorMessage(error) });
      return null;
    }
  }

  async #askFor(
    exchange: Http1Exchange,
    { head, facts }: { head: Http1RequestHead; facts: RequestFacts },
  ): Promise<void> {
    const { response, forward } = await this.#ask(() => Http1Request.of(head, exchange), facts);
    if (forward !== null) return await this.#forward(exchange, forward);
    try {
      exchange.discard();
    } catch (error) {
      return this.#refuse(error as CodecError);
    }
    // Nobody reads the rest of it.
    if (!exchange.isReceived) exchange.keepsAlive = false;
    await writeResponse(exchange, response);
  }

  async #forward(exchange: Http1Exchange, forward: Forward): Promise<void> {
    exchange.watch();
    try {
      await forward(exchange);
    } catch (error) {
      this.#options.log.error("a request handler failed", { error: errorMessage(error) });
      this.close();
    }
  }

  /** Whether another request may follow; otherwise the connection is ended. */
  async #isNext(exchange: Http1Exchange): Promise<boolean> {
    await exchange.settled();
    if (this.#isClosed || this.#hasLeft) return false;
    if (exchange.isOver && exchange.isReceived && exchange.keepsAlive) return true;
    if (exchange.isOver) void hangUp(this.#detach());
    else this.close();
    return false;
  }

  async #serveConnect(head: Http1RequestHead, facts: RequestFacts): Promise<false> {
    const stream = this.#detach();
    const request = new ConnectRequest(headersOf(head.fields));
    const asked = await this.#options.ask(request, {
      ...facts,
      upgrade: null,
      connectTarget: head.target,
      requestTarget: "",
    });
    await answerHttp1(stream, asked);
    return false;
  }

  async #serveUpgrade(head: Http1RequestHead, facts: RequestFacts): Promise<boolean> {
    const asked = await this.#ask(() => {
      if (!new Http1Body(head.framing).isOver) throw new BadRequest("A body before another protocol");
      return Http1Request.of(head, null);
    }, facts);
    if (asked.forward === null) {
      await answerHttp1(this.#detach(), asked);
      return false;
    }
    const exchange = new Http1Exchange({ ...head, keepsAlive: false }, this.#carrier);
    await this.#forward(exchange, asked.forward);
    return await this.#isNext(exchange);
  }

  async #ask(request: () => Request, facts: RequestFacts): Promise<Asked> {
    try {
      return await this.#options.ask(request(), facts);
    } catch (error) {
      return { response: failedAnswer(error, this.#options.log), takeOver: null, forward: null };
    }
  }

  #refuse({ code }: CodecError): void {
    const status = code === "codec/too-large" ? 431 : 400;
    this.#options.onRefused(status);
    this.#options.log.debug("malformed request", { ip: this.#facts.peer.address, error: code });
    const reason = status === 431 ? "The request head is too large" : "The request is not HTTP";
    const headers = { "proxy-status": "sallyport; error=http_request_error" };
    void answerRaw(this.#detach(), new Response(`${reason}.\n`, { status, headers }));
  }

  #setHeadTimer(): void {
    this.#isIdle = false;
    this.#setTimer(this.#options.limits.headTimeoutMs, () => {
      this.#options.log.debug("request head took too long", { ip: this.#facts.peer.address });
      void answerRaw(
        this.#detach(),
        new Response("The request head took too long.\n", { status: 408 }),
      );
    });
  }

  #setIdleTimer(): void {
    if (this.#hasLeft) return;
    this.#isIdle = true;
    this.#setTimer(this.#options.limits.idleTimeoutMs, () => this.close());
  }

  /** @param delayMs 0: none runs */
  #setTimer(delayMs: number, run: () => void): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = delayMs > 0 ? this.#options.clock.timer(delayMs, run) : null;
  }

  /** The connection without HTTP; whoever has it closes it. */
  #detach(): ByteStream {
    this.#leave();
    this.#isClosed = true;
    return this.#carrier.input.detach(this.#stream);
  }

  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#setTimer(0, () => {});
    this.#options.onLeave();
  }
}

function startsWithLineEnd(bytes: Uint8Array): boolean {
  return bytes[0] === 13 && bytes[1] === 10;
}
