import type { ByteStream } from "../base/byte_stream.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import { hangUp } from "../base/hang_up.ts";
import { CodecError } from "../codec/codec_error.ts";
import { encodeFieldBlock } from "../codec/hpack.ts";
import { HTTP2_ERROR, Http2Error, type Http2ErrorName } from "../codec/http2_error.ts";
import {
  encodeHeaders,
  encodeHttp2Frame,
  encodeHttp2Goaway,
  encodeRstStream,
  HTTP2_FLAG,
  HTTP2_FRAME,
  Http2FrameDecoder,
} from "../codec/http2_frame.ts";
import {
  DEFAULT_HTTP2_SETTINGS,
  type Http2Settings,
  parseHttp2Settings,
  SETTINGS_ACK,
} from "../codec/http2_settings.ts";
import type { RequestHead } from "../codec/http_fields.ts";
import type { Field } from "../codec/qpack.ts";
import { SpareBlocks } from "./byte_queue.ts";
import { CarrierError } from "./carrier_error.ts";
import { FrameBudget } from "./_frame_budget.ts";
import { http2Hello } from "./_http2_hello.ts";
import { Http2Incoming, type Refusal } from "./_http2_incoming.ts";
import { Http2Output } from "./http2_output.ts";
import { Http2Receiver } from "./_http2_receiver.ts";
import { Http2Streams } from "./_http2_streams.ts";
import { Http2Stream, type Http2StreamHost } from "./http2_stream.ts";
import { readChunks } from "./_read_chunks.ts";

const DEFAULT_MAX_HEAD_BYTES = 64 * 1024;
/** A field block may be so many times as long as what is taken: it has to be decoded if it is refused alone. */
const BLOCK_FACTOR = 2;
const MAX_STREAM_ID = 2 ** 31 - 1;
/** Frames that cost something and are of no use, such as PING. */
const USELESS = { burst: 1000, perSecond: 100 };
/** Requests that are given up before they were answered. */
const GIVEN_UP = { burst: 1000, perSecond: 33 };
const FLUSH_MS = 1000;
/** The longest payload of DATA, whatever the peer takes: streams take turns. */
const MAX_SENT_FRAME_BYTES = 16_384;

/** How a connection ended. */
export interface Http2End {
  /** The code that either end gave (RFC 9113 section 7); `null` when it was lost. */
  readonly code: number | null;
  /** Why, for the log. */
  readonly reason: string;
}

/** How to be the server of a connection. */
export interface Http2ServerOptions {
  /** Receives each request whose head is valid, and closes its stream. Does not reject; settles when it is done. */
  readonly onRequest: (head: RequestHead, stream: Http2Stream) => Promise<void>;
  /** Learns of each request whose head is refused, and the status that it is answered with: 400 or 431. */
  readonly onRefused?: (status: number) => void;
  /** Learns of each stream that is reset, by either end. */
  readonly onReset?: () => void;
  /** Streams at once. */
  readonly maxStreams: number;
  /** Bytes of one request head, counted as RFC 9113 section 6.5.2 does. A longer one is answered 431. */
  readonly maxHeadBytes: number;
  /** A client that takes longer to say hello, or for a request head, is left. */
  readonly headTimeoutMs: () => number;
  /** For that limit. */
  readonly clock: Clock;
}

/**
 * HTTP/2 on a byte stream (RFC 9113), either end of it: streams with requests, extended CONNECT (RFC 8441). No dynamic table
 * in what is sent, no push, no priorities. Whoever makes it closes it.
 */
export class Http2Connection {
  /** Settles when the connection has ended, by whichever end; never rejects. */
  readonly closed: Promise<Http2End>;
  /** What the peer says of itself; rejects when the connection ends before. */
  readonly peerSettings: Promise<Http2Settings>;
  readonly #stream: ByteStream;
  readonly #server: Http2ServerOptions | null;
  readonly #streams = new Http2Streams();
  readonly #output: Http2Output;
  readonly #incoming: Http2Incoming;
  readonly #host: Http2StreamHost;
  readonly #closed = Promise.withResolvers<Http2End>();
  readonly #hello = Promise.withResolvers<Http2Settings>();
  readonly #reading: Promise<void>;
  #settings = DEFAULT_HTTP2_SETTINGS;
  #headTimer: Disposable | null = null;
  #isOver = false;
  #isLeaving = false;
  #goawayId = Infinity;
  /** Requests whose handlers have not settled, of which the client may have given up some. */
  #busy = 0;

  private constructor(stream: ByteStream, server: Http2ServerOptions | null) {
    this.#stream = stream;
    this.#server = server;
    this.closed = this.#closed.promise;
    this.peerSettings = this.#hello.promise;
    this.peerSettings.catch(() => {});
    this.#output = new Http2Output(stream, (error) => this.#lost(errorMessage(error), error));
    this.#incoming = this.#makeIncoming();
    this.#host = this.#makeHost();
    this.#awaitHead();
    this.#output.control(
      http2Hello({ maxStreams: server?.maxStreams ?? null, maxHeadBytes: this.#maxHeadBytes }),
    );
    this.#reading = this.#read();
  }

  /** Serves a connection that was accepted. @param stream owned by the connection from now on */
  static serve(stream: ByteStream, options: Http2ServerOptions): Http2Connection {
    return new Http2Connection(stream, options);
  }

  /** Becomes the client of a connection. @param stream owned by the connection from now on */
  static connect(stream: ByteStream): Http2Connection {
    return new Http2Connection(stream, null);
  }

  /** Streams with a request under way. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** Whether the connection has ended. */
  get isClosed(): boolean {
    return this.#isOver;
  }

  /** Whether the peer has said that it takes no more requests (RFC 9113 section 6.8). */
  get isGoingAway(): boolean {
    return this.#goawayId !== Infinity;
  }

  /** Whether the peer takes no more requests before one of those under way is over. */
  get isFull(): boolean {
    return this.#streams.size >= this.#settings.maxStreams;
  }

  /**
   * Sends a request, as client.
   *
   * @param fields pseudo-header fields first
   * @returns the stream, whose answer is read next; the caller closes it
   * @throws {CarrierError} `carrier/closed`; `carrier/going-away`; `carrier/too-many-streams`: another connection may take
   * it; `carrier/unsupported`: the server does not offer extended CONNECT
   */
  async request(fields: readonly Field[]): Promise<Http2Stream> {
    if (this.#server !== null) throw new TypeError("Cannot send a request as a server");
    const isExtended = fields.some(([name]) => name === ":protocol");
    if (isExtended && !(await this.peerSettings).enableConnectProtocol) {
      throw new CarrierError(
        "carrier/unsupported",
        "Cannot send the request: no extended CONNECT is offered",
      );
    }
    if (this.#isOver) throw closedError();
    const id = this.#streams.lastId === 0 ? 1 : this.#streams.lastId + 2;
    if (this.isGoingAway || id > MAX_STREAM_ID) throw goingAway();
    if (this.isFull) {
      throw new CarrierError("carrier/too-many-streams", "Cannot send the request: too many are under way");
    }
    const isTunnel = fields.some(([name, value]) => name === ":method" && value === "CONNECT");
    const stream = this.#add(id, { contentLength: null, isTunnel, isEnded: false });
    await stream.sendFields(fields);
    return stream;
  }

  /**
   * Takes no more requests, as server, and says so to the client (RFC 9113 section 6.8). Requests under way go on.
   *
   * @returns when none is under way any more
   */
  async drain(): Promise<void> {
    if (!this.#isLeaving) {
      this.#isLeaving = true;
      this.#output.control(encodeHttp2Goaway(this.#streams.lastId, HTTP2_ERROR.NO_ERROR));
    }
    await this.#streams.quiet();
  }

  /** Ends the connection, and with it what is under way: says why, and closes it once that is sent. Safe to call twice. */
  close(name: Http2ErrorName = "NO_ERROR", reason: string = ""): void {
    if (this.#isOver) return;
    if (!this.#isLeaving || name !== "NO_ERROR") {
      this.#output.control(encodeHttp2Goaway(this.#streams.lastId, HTTP2_ERROR[name]));
    }
    const flushed = this.#output.flushed();
    this.#end({ code: HTTP2_ERROR[name], reason });
    void this.#hangUp(flushed);
  }

  /** Ends the connection at once, without a word. Safe to call twice. */
  destroy(): void {
    this.#end({ code: null, reason: "it was closed" });
    this.#output.close();
    this.#stream.close();
  }

  #makeIncoming(): Http2Incoming {
    const clock = this.#clock;
    return new Http2Incoming({
      streams: this.#streams,
      output: this.#output,
      maxHeadBytes: this.#maxHeadBytes,
      useless: new FrameBudget({ ...USELESS, clock }),
      givenUp: new FrameBudget({ ...GIVEN_UP, clock }),
      hooks: {
        open: (id, head, isLast) => this.#open(id, { head, isLast }),
        wasReset: () => this.#server?.onReset?.(),
        reset: (id, name) => this.#reset(id, name),
        blockBegun: () => this.#awaitHead(),
        blockEnded: () => this.#headTimer?.[Symbol.dispose](),
        settings: (payload) => this.#onSettings(payload),
        ping: (payload) => this.#onPing(payload),
        goaway: (lastStreamId) => this.#onGoaway(lastStreamId),
      },
    });
  }

  #makeHost(): Http2StreamHost {
    return {
      output: this.#output,
      spareBlocks: new SpareBlocks(),
      clock: this.#clock,
      consumed: (bytes) => this.#incoming.consumed(bytes),
      framesOf: (streamId, fields) =>
        encodeHeaders(encodeFieldBlock(fields), { streamId, maxFrameBytes: this.#output.maxFrameBytes }),
      over: (stream, reset) => this.#onStreamOver(stream, reset),
    };
  }

  get #clock(): Clock {
    return this.#server?.clock ?? systemClock;
  }

  get #maxHeadBytes(): number {
    return this.#server?.maxHeadBytes ?? DEFAULT_MAX_HEAD_BYTES;
  }

  async #read(): Promise<void> {
    const receiver = new Http2Receiver(this.#incoming, { maxBlockBytes: BLOCK_FACTOR * this.#maxHeadBytes });
    const decoder = new Http2FrameDecoder(receiver, { from: this.#server === null ? "server" : "client" });
    try {
      await readChunks(this.#stream, (chunk) => {
        if (!this.#isOver) decoder.push(chunk);
        return !this.#isOver;
      });
      if (!this.#isOver) this.#lost("the peer has ended it");
    } catch (error) {
      if (error instanceof CodecError) this.close(nameOf(error), error.message);
      else this.#lost(errorMessage(error), error);
    }
  }

  /** A client opens a stream. */
  #open(id: number, { head, isLast }: { head: RequestHead | Refusal; isLast: boolean }): void {
    const server = this.#server;
    if (server === null || id % 2 === 0) {
      throw new Http2Error("PROTOCOL_ERROR", "Cannot take a stream: only a client opens any");
    }
    this.#streams.begin(id);
    if (this.#isLeaving || this.#isOver) return this.#streams.ignore(id);
    if (this.#streams.size >= server.maxStreams || this.#busy >= 2 * server.maxStreams) {
      this.#incoming.useless();
      return this.#reset(id, "REFUSED_STREAM");
    }
    const isRefused = typeof head === "number";
    const contentLength = isRefused ? null : head.contentLength;
    const isTunnel = !isRefused && head.method === "CONNECT";
    const stream = this.#add(id, { contentLength, isTunnel, isEnded: isLast });
    if (isRefused) this.#refuse(stream, head);
    else void this.#serve(head, { stream, server });
  }

  async #serve(
    head: RequestHead,
    { stream, server }: { stream: Http2Stream; server: Http2ServerOptions },
  ): Promise<void> {
    this.#busy++;
    await server.onRequest(head, stream).finally(() => this.#busy--);
  }

  #refuse(stream: Http2Stream, status: number): void {
    this.#server!.onRefused?.(status);
    void stream.sendFields([[":status", String(status)], ["content-length", "0"]]);
    stream.closeWrite().catch(() => {});
    stream.stopReading();
  }

  #add(id: number, kind: { contentLength: number | null; isTunnel: boolean; isEnded: boolean }): Http2Stream {
    this.#streams.begin(id);
    const stream = new Http2Stream(id, this.#host, {
      ...kind,
      isServer: this.#server !== null,
      sendWindow: this.#settings.initialWindowBytes,
    });
    this.#streams.add(stream);
    return stream;
  }

  #onStreamOver(stream: Http2Stream, reset: Http2ErrorName | null): void {
    if (this.#isOver) return this.#streams.remove(stream.id);
    if (reset !== null) this.#reset(stream.id, reset);
    if (reset !== null && reset !== "NO_ERROR") this.#server?.onReset?.();
    this.#streams.remove(stream.id);
  }

  #reset(id: number, name: Http2ErrorName): void {
    this.#streams.ignore(id);
    this.#answer(encodeRstStream(id, HTTP2_ERROR[name]));
  }

  /** Sends what the peer made necessary. */
  #answer(frame: Uint8Array): void {
    if (!this.#output.control(frame)) {
      this.close("ENHANCE_YOUR_CALM", "the peer does not read what it asks for");
    }
  }

  #onSettings(payload: Uint8Array): void {
    const before = this.#settings;
    this.#settings = parseHttp2Settings(payload, before);
    this.#output.maxFrameBytes = Math.min(this.#settings.maxFrameBytes, MAX_SENT_FRAME_BYTES);
    const increment = this.#settings.initialWindowBytes - before.initialWindowBytes;
    for (const stream of this.#streams.all()) {
      if (!stream.grant(increment)) {
        throw new Http2Error("FLOW_CONTROL_ERROR", "Cannot take so large a window");
      }
    }
    this.#headTimer?.[Symbol.dispose]();
    this.#answer(SETTINGS_ACK);
    this.#hello.resolve(this.#settings);
  }

  #onPing(payload: Uint8Array): void {
    const head = { type: HTTP2_FRAME.ping, flags: HTTP2_FLAG.ack, streamId: 0 };
    this.#answer(encodeHttp2Frame(head, payload));
  }

  #onGoaway(lastStreamId: number): void {
    // A client's says which pushes it takes: there are none.
    if (this.#server !== null) return;
    this.#goawayId = lastStreamId;
    for (const stream of this.#streams.all()) if (stream.id > lastStreamId) stream.give(goingAway(), null);
  }

  #awaitHead(): void {
    const server = this.#server;
    if (server === null) return;
    this.#headTimer?.[Symbol.dispose]();
    this.#headTimer = server.clock.timer(
      server.headTimeoutMs(),
      () => this.close("NO_ERROR", "a head took too long"),
    );
  }

  #lost(reason: string, cause?: unknown): void {
    this.#end({ code: null, reason }, cause);
    this.#output.close();
    this.#stream.close();
  }

  #end(end: Http2End, cause?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#headTimer?.[Symbol.dispose]();
    this.#hello.reject(closedError(cause));
    for (const stream of this.#streams.all()) stream.give(closedError(cause), null);
    this.#closed.resolve(end);
  }

  async #hangUp(flushed: Promise<void>): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, FLUSH_MS);
    await Promise.race([flushed, late]);
    clearTimeout(timer);
    this.#output.close();
    await hangUp(this.#stream, { after: this.#reading });
  }
}

function nameOf(error: CodecError): Http2ErrorName {
  return error instanceof Http2Error ? error.http2Name : "INTERNAL_ERROR";
}

function closedError(cause?: unknown): CarrierError {
  return new CarrierError("carrier/closed", "Cannot go on as the connection was closed", { cause });
}

function goingAway(): CarrierError {
  return new CarrierError("carrier/going-away", "Cannot have an answer as the peer takes no more requests");
}
