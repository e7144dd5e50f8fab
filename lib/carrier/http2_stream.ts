import type { Clock } from "../base/clock.ts";
import { Http2Error, type Http2ErrorName } from "../codec/http2_error.ts";
import { encodeWindowUpdate } from "../codec/http2_frame.ts";
import { checkTrailers, parseResponseHead, type ResponseHead } from "../codec/http_fields.ts";
import type { Field } from "../codec/qpack.ts";
import { ByteQueue, type SpareBlocks } from "./byte_queue.ts";
import { CarrierError } from "./carrier_error.ts";
import { STREAM_WINDOW_BYTES } from "./_http2_hello.ts";
import type { Http2Output } from "./http2_output.ts";
import { StreamSender } from "./_http2_sender.ts";
import type { MessageStream } from "./message_stream.ts";

/** Interim answers before the final one. */
const MAX_INTERIM = 16;

/**
 * The end of an answer is held back from a client that is sending its request, until it has sent nothing for so long: curl
 * 7.88 never finishes when it comes earlier.
 */
const HOLD_MS = 500;
const MAX_HOLDS = 60;
/** A client that is still sending when its answer is over is stopped once it has sent nothing for so long. */
const LINGER_MS = 2000;
/** So often that is looked at; then it is stopped in any case. */
const MAX_LINGERS = 15;

/** What a stream needs of its connection. */
export interface Http2StreamHost {
  /** Where frames go out. */
  readonly output: Http2Output;
  /** Memory for what has come. */
  readonly spareBlocks: SpareBlocks;
  /** For what is waited for. */
  readonly clock: Clock;
  /** Content was read, or dropped: the peer may send as much again. */
  consumed(bytes: number): void;
  /** A field section in whole frames. */
  framesOf(streamId: number, fields: readonly Field[]): Uint8Array[];
  /** The stream is over. @param reset the code that it is given up with, if it is */
  over(stream: Http2Stream, reset: Http2ErrorName | null): void;
}

/** What is known of a stream when it begins. */
export interface Http2StreamOptions {
  /** Bytes of content that come; `null` when unknown. */
  readonly contentLength: number | null;
  /** Whether the peer is the client. */
  readonly isServer: boolean;
  /** Nothing but content may come (RFC 9113 section 8.5). */
  readonly isTunnel: boolean;
  /** Whether the peer has said all. */
  readonly isEnded: boolean;
  /** What may be sent at first. */
  readonly sendWindow: number;
}

/** One request and its answer on an HTTP/2 connection (RFC 9113 section 5). Closing it resets it unless both ends have ended. */
export class Http2Stream implements MessageStream {
  /** Odd: a client opens it. */
  readonly id: number;
  /** {@inheritDoc MessageStream.gone} */
  readonly gone: Promise<void>;
  /** There are none: datagrams travel in capsules. */
  readonly datagrams = null;
  /** Hears of interim answers, as client. */
  onInterim: (head: ResponseHead) => void = () => {};
  readonly #host: Http2StreamHost;
  readonly #sender: StreamSender;
  readonly #isServer: boolean;
  readonly #isTunnel: boolean;
  readonly #gone = Promise.withResolvers<void>();
  /** Settles when the peer has said all, or the stream is over. */
  readonly #heard = Promise.withResolvers<void>();
  readonly #answer = Promise.withResolvers<ResponseHead>();
  readonly #queue: ByteQueue;
  #into: Uint8Array | null = null;
  #filled = 0;
  #wake = () => {};
  #left: number | null;
  /** What the peer may send, and what was read of it since that was told. */
  #window = STREAM_WINDOW_BYTES;
  #unacknowledged = 0;
  #interim = 0;
  #hasAnswer = false;
  #isRemoteEnded: boolean;
  #isLocalEnded = false;
  #isReading = true;
  #isOver = false;
  #linger: Disposable | null = null;
  /** Content that came. */
  #received = 0;
  #failure: Error | null = null;
  #trailers: readonly Field[] = [];
  #ownTrailers: readonly Field[] = [];

  /** A stream that the connection has opened. */
  constructor(id: number, host: Http2StreamHost, options: Http2StreamOptions) {
    this.id = id;
    this.#host = host;
    this.#queue = new ByteQueue(host.spareBlocks);
    this.#left = options.contentLength;
    this.#isServer = options.isServer;
    this.#isTunnel = options.isTunnel;
    this.#isRemoteEnded = options.isEnded;
    this.gone = this.#gone.promise;
    this.#answer.promise.catch(() => {});
    this.#sender = new StreamSender(id, {
      output: host.output,
      window: options.sendWindow,
      onEnded: () => this.#localEnded(),
    });
    this.#sender.isUrgent = options.isTunnel;
  }

  /** {@inheritDoc MessageStream.hasContent} */
  get hasContent(): boolean {
    return !this.#isRemoteEnded || this.#queue.length > 0;
  }

  /** Whether nothing more is sent, for whatever reason. */
  get isWriteOver(): boolean {
    return this.#isOver || this.#isLocalEnded;
  }

  /** {@inheritDoc MessageStream.hasSent} */
  get hasSent(): boolean {
    return this.#sender.hasSent;
  }

  /** {@inheritDoc MessageStream.trailers} */
  get trailers(): readonly Field[] {
    return this.#trailers;
  }

  /** Waits for the head of the final answer, as client. @throws {CarrierError}, {@link Http2Error} and what reads fields */
  readAnswer(): Promise<ResponseHead> {
    return this.#answer.promise;
  }

  /** Reads content; `null` after its end. @throws {CarrierError}; {@link Http2Error} when the peer broke a rule */
  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    let count = this.#queue.take(into);
    if (count === 0 && this.#isWaiting) count = await this.#arrival(into);
    if (count > 0) {
      this.#consumed(count);
      return count;
    }
    if (this.#failure !== null) throw this.#failure;
    return null;
  }

  /** Sends a message head; trailers, which have no pseudo-header, go out with the end. @throws {CarrierError} */
  sendFields(fields: readonly Field[]): Promise<void> {
    return Promise.try(() => {
      if (fields[0]?.[0].startsWith(":")) this.#sender.fields(this.#host.framesOf(this.id, fields));
      else this.#ownTrailers = fields;
    });
  }

  /** Sends content; resolves when there is room for more. @throws {CarrierError} */
  write(bytes: Uint8Array): Promise<void> {
    return this.#sender.data(bytes);
  }

  /** Ends what is sent. @throws {CarrierError} */
  async closeWrite(): Promise<void> {
    if (this.#isServer && !this.#isTunnel) await this.#requestOver();
    // In one go, as trailers that do not end the stream are an error (RFC 9113 section 8.1).
    const trailers = this.#ownTrailers;
    this.#ownTrailers = [];
    if (trailers.length > 0) this.#sender.fields(this.#host.framesOf(this.id, trailers));
    await this.#sender.end();
  }

  /** {@inheritDoc MessageStream.stopReading} */
  stopReading(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#consumed(this.#queue.clear());
    if (this.#isRemoteEnded) return;
    this.#failure ??= closed();
    this.#wake();
    if (this.#isLocalEnded) this.#lingers();
  }

  /** Gives up the stream at once. Safe to call twice. */
  close(): void {
    this.give(closed(), this.#isLocalEnded ? "NO_ERROR" : "CANCEL");
  }

  /** {@inheritDoc MessageStream.abort} */
  abort(): void {
    this.give(closed(), "INTERNAL_ERROR");
  }

  /** Gives up the stream: what reads and writes it fails with `failure`. @param reset to be told to the peer, if something is */
  give(failure: Error, reset: Http2ErrorName | null): void {
    this.#isReading = false;
    this.#host.consumed(this.#queue.clear());
    this.#failure ??= failure;
    this.#finish(reset);
  }

  /** The peer takes more of it. @returns whether the window is one that may be */
  grant(increment: number): boolean {
    return this.#sender.grant(increment);
  }

  /** A DATA frame begins. @throws {Http2Error} ends the stream */
  beginData(length: number): void {
    if (this.#isRemoteEnded) {
      throw new Http2Error("STREAM_CLOSED", "Cannot take content of a stream that was ended");
    }
    this.#window -= length;
    if (this.#window < 0) throw new Http2Error("FLOW_CONTROL_ERROR", "Cannot take content beyond the window");
  }

  /** Takes content; keeps no reference to it. @throws {Http2Error} ends the stream */
  take(part: Uint8Array): void {
    if (this.#left !== null && (this.#left -= part.length) < 0) throw wrongLength();
    // What nobody wants is dropped as it comes: the client may have to send all of it before it reads an answer.
    this.#received += part.length;
    if (!this.#isReading) return this.#consumed(part.length);
    let rest = part;
    if (this.#into !== null && this.#queue.length === 0) {
      const count = Math.min(part.length, this.#into.length - this.#filled);
      this.#into.set(part.subarray(0, count), this.#filled);
      this.#filled += count;
      rest = part.subarray(count);
      this.#wake();
    }
    if (rest.length > 0) this.#queue.push(rest);
  }

  /** A DATA frame is over. @param paddingBytes need not be read */
  endData(paddingBytes: number): void {
    if (paddingBytes > 0) this.#acknowledge(paddingBytes);
  }

  /** Takes fields that come after those that opened the stream. @throws {Http2Error} and what reads fields; ends the stream */
  takeFields(fields: readonly Field[], isLast: boolean): void {
    if (this.#isRemoteEnded) {
      throw new Http2Error("STREAM_CLOSED", "Cannot take fields of a stream that was ended");
    }
    if (!this.#isServer && !this.#hasAnswer) return this.#takeAnswer(parseResponseHead(fields), isLast);
    if (this.#isTunnel || !isLast) throw new Http2Error("PROTOCOL_ERROR", "Cannot take fields amid content");
    checkTrailers(fields);
    this.#trailers = fields;
  }

  /** The peer has said all. @throws {Http2Error} ends the stream */
  end(): void {
    if (this.#left !== null && this.#left > 0) throw wrongLength();
    this.#isRemoteEnded = true;
    this.#heard.resolve();
    this.#wake();
    if (this.#isLocalEnded) this.#finish(null);
  }

  #takeAnswer(head: ResponseHead, isLast: boolean): void {
    if (head.status >= 200) {
      this.#hasAnswer = true;
      this.#answer.resolve(head);
    } else if (isLast || ++this.#interim > MAX_INTERIM) {
      throw new Http2Error("PROTOCOL_ERROR", "Cannot take an answer: there is no final one");
    } else this.onInterim(head);
  }

  get #isWaiting(): boolean {
    return !this.#isRemoteEnded && this.#failure === null;
  }

  /** Waits until something comes, the peer ends, or the stream breaks. @returns how many bytes came */
  async #arrival(into: Uint8Array): Promise<number> {
    this.#into = into;
    this.#filled = 0;
    await new Promise<void>((resolve) => this.#wake = resolve);
    this.#into = null;
    return this.#filled;
  }

  #consumed(count: number): void {
    this.#host.consumed(count);
    this.#acknowledge(count);
  }

  #acknowledge(count: number): void {
    this.#unacknowledged += count;
    if (this.#isRemoteEnded || this.#isOver || this.#unacknowledged < STREAM_WINDOW_BYTES / 2) return;
    this.#host.output.control(encodeWindowUpdate(this.id, this.#unacknowledged));
    this.#window += this.#unacknowledged;
    this.#unacknowledged = 0;
  }

  #localEnded(): void {
    this.#isLocalEnded = true;
    if (this.#isRemoteEnded) this.#finish(null);
    else if (!this.#isReading) this.#lingers();
  }

  /** Waits until the client has sent its request, or sends no more of it. What nobody reads meanwhile is dropped. */
  async #requestOver(): Promise<void> {
    for (let holds = 0; holds < MAX_HOLDS && !this.#isRemoteEnded && !this.#isOver; holds++) {
      const before = this.#received;
      const { promise: late, resolve } = Promise.withResolvers<void>();
      using _timer = this.#host.clock.timer(HOLD_MS, resolve);
      await Promise.race([this.#heard.promise, late]);
      if (this.#received > before) continue;
      if (this.#queue.length === 0) return;
      this.stopReading();
    }
  }

  /** What comes is dropped until the peer has ended: not every client likes to be stopped. */
  #lingers(times = 1): void {
    const before = this.#received;
    this.#linger = this.#host.clock.timer(LINGER_MS, () => {
      if (this.#received === before || times === MAX_LINGERS) this.#finish("NO_ERROR");
      else this.#lingers(times + 1);
    });
  }

  #finish(reset: Http2ErrorName | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#linger?.[Symbol.dispose]();
    const failure = this.#failure ?? closed();
    this.#sender.close(failure instanceof CarrierError ? failure : broken(failure));
    this.#answer.reject(failure);
    this.#wake();
    this.#heard.resolve();
    this.#gone.resolve();
    this.#host.over(this, reset);
  }
}

function closed(): CarrierError {
  return new CarrierError("carrier/closed", "Cannot go on as the stream was closed");
}

function broken(cause: Error): CarrierError {
  return new CarrierError("carrier/reset", "Cannot go on as the peer broke a rule", { cause });
}

function wrongLength(): Http2Error {
  return new Http2Error("PROTOCOL_ERROR", "Cannot read a message: its length is not what it says");
}
