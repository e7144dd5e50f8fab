import { CodecError } from "../codec/codec_error.ts";
import { FieldBlockDecoder } from "../codec/hpack.ts";
import { HTTP2_ERROR, Http2Error, type Http2ErrorName } from "../codec/http2_error.ts";
import { encodeWindowUpdate } from "../codec/http2_frame.ts";
import { parseRequestHead, type RequestHead } from "../codec/http_fields.ts";
import type { Field } from "../codec/qpack.ts";
import { CarrierError } from "./carrier_error.ts";
import type { FrameBudget } from "./_frame_budget.ts";
import { CONNECTION_WINDOW_BYTES } from "./_http2_hello.ts";
import type { Http2Output } from "./http2_output.ts";
import type { Http2Frames } from "./_http2_receiver.ts";
import type { Http2Streams } from "./_http2_streams.ts";
import type { Http2Stream } from "./http2_stream.ts";

/** Fields of one section: browsers send each cookie as one. */
const MAX_FIELDS = 1000;
const MAX_WINDOW = 2 ** 31 - 1;

/** What the connection does with what streams are not concerned with. */
export interface IncomingHooks {
  /** A client opens a stream. @throws {Http2Error} ends the connection */
  open(streamId: number, head: RequestHead | Refusal, isLast: boolean): void;
  /** The peer has given a stream up. */
  wasReset(): void;
  /** The peer is to be told that a stream is over. */
  reset(streamId: number, name: Http2ErrorName): void;
  /** See {@link Http2Frames.blockBegun}. */
  blockBegun(): void;
  /** A field block is whole. */
  blockEnded(): void;
  /** See {@link Http2Frames.settings}. @throws {Http2Error} */
  settings(payload: Uint8Array): void;
  /** See {@link Http2Frames.ping}. */
  ping(payload: Uint8Array): void;
  /** See {@link Http2Frames.goaway}. */
  goaway(lastStreamId: number, code: number): void;
}

/** The status that a head is answered with which is malformed, or too long. */
export type Refusal = 400 | 431;

/** What it works on. */
export interface IncomingOptions {
  readonly streams: Http2Streams;
  readonly output: Http2Output;
  readonly maxHeadBytes: number;
  /** Frames that are of no use. */
  readonly useless: FrameBudget;
  /** Requests that are given up before they were answered. */
  readonly givenUp: FrameBudget;
  readonly hooks: IncomingHooks;
}

/** Hands frames to the streams they are for. What is wrong with a stream ends that; the rest ends the connection. */
export class Http2Incoming implements Http2Frames {
  readonly #options: IncomingOptions;
  readonly #decoder = new FieldBlockDecoder();
  /** What the peer may send, and what was read of it since that was told. */
  #window = CONNECTION_WINDOW_BYTES;
  #unacknowledged = 0;
  /** Of the DATA frame under way; `null`: nobody wants it. */
  #dataStream: Http2Stream | null = null;
  #hasContent = false;

  constructor(options: IncomingOptions) {
    this.#options = options;
  }

  beginData(streamId: number, length: number): void {
    this.#window -= length;
    if (this.#window < 0) throw new Http2Error("FLOW_CONTROL_ERROR", "Cannot take content beyond the window");
    this.#hasContent = false;
    const stream = this.#streamOf(streamId, { isContent: true });
    this.#dataStream = stream;
    if (stream !== null && !this.#try(stream, () => stream.beginData(length))) this.#dataStream = null;
  }

  data(_streamId: number, part: Uint8Array): void {
    const stream = this.#dataStream;
    this.#hasContent = true;
    if (stream === null) this.consumed(part.length);
    else if (!this.#try(stream, () => stream.take(part))) {
      this.#dataStream = null;
      this.consumed(part.length);
    }
  }

  endData(_streamId: number, { isLast, paddingBytes }: { isLast: boolean; paddingBytes: number }): void {
    const stream = this.#dataStream;
    this.#dataStream = null;
    this.consumed(paddingBytes);
    stream?.endData(paddingBytes);
    if (!this.#hasContent && !isLast) this.useless();
    // What nobody takes makes up for nothing.
    if (this.#hasContent && stream !== null) this.#options.useless.earn();
    if (stream !== null && isLast) this.#try(stream, () => stream.end());
  }

  blockBegun(): void {
    this.#options.hooks.blockBegun();
  }

  fields(streamId: number, block: Uint8Array, isLast: boolean): void {
    const { streams, hooks, maxHeadBytes } = this.#options;
    hooks.blockEnded();
    const fields = this.#decoder.decode(block, { maxBytes: maxHeadBytes, maxFields: MAX_FIELDS });
    const stream = streams.get(streamId);
    const state = streams.stateOf(streamId);
    if (state === "closed") {
      throw new Http2Error("STREAM_CLOSED", "Cannot take fields of a stream that is over");
    }
    if (state === "idle") return hooks.open(streamId, headOf(fields, isLast), isLast);
    if (stream === undefined) return this.useless();
    this.#try(stream, () => {
      if (fields === null) {
        throw new Http2Error("ENHANCE_YOUR_CALM", "Cannot take fields: there are too many");
      }
      stream.takeFields(fields, isLast);
      if (isLast) stream.end();
    });
  }

  settings(payload: Uint8Array): void {
    this.#options.hooks.settings(payload);
    this.useless();
  }

  ping(payload: Uint8Array): void {
    this.#options.hooks.ping(payload);
    this.useless();
  }

  reset(streamId: number, code: number): void {
    const stream = this.#streamOf(streamId, { isContent: false });
    if (stream === null) return this.useless();
    this.#charge(stream);
    const message = `Cannot go on as the peer gave up the stream with code ${code}`;
    if (code !== HTTP2_ERROR.NO_ERROR) this.#options.hooks.wasReset();
    const isRefused = code === HTTP2_ERROR.REFUSED_STREAM;
    stream.give(new CarrierError(isRefused ? "carrier/refused" : "carrier/reset", message), null);
  }

  goaway(lastStreamId: number, code: number): void {
    this.useless();
    this.#options.hooks.goaway(lastStreamId, code);
  }

  windowUpdate(streamId: number, increment: number): void {
    const { output } = this.#options;
    if (streamId === 0) {
      if (increment === 0) throw new Http2Error("PROTOCOL_ERROR", "Cannot take a window update of nothing");
      if (output.window + increment > MAX_WINDOW) throw tooLargeWindow();
      return output.grant(increment);
    }
    const stream = this.#streamOf(streamId, { isContent: false });
    if (stream === null) return;
    this.#try(stream, () => {
      if (increment === 0) throw new Http2Error("PROTOCOL_ERROR", "Cannot take a window update of nothing");
      if (!stream.grant(increment)) throw tooLargeWindow();
    });
  }

  useless(): void {
    if (!this.#options.useless.take()) throw tooMuch("frames that are of no use");
  }

  /** Content was read, or dropped: the peer may send as much again. */
  consumed(bytes: number): void {
    this.#unacknowledged += bytes;
    if (this.#unacknowledged < CONNECTION_WINDOW_BYTES / 2) return;
    this.#options.output.control(encodeWindowUpdate(0, this.#unacknowledged));
    this.#window += this.#unacknowledged;
    this.#unacknowledged = 0;
  }

  /** @returns `null` for one that is over. @throws {Http2Error} for one that has not begun */
  #streamOf(streamId: number, { isContent }: { isContent: boolean }): Http2Stream | null {
    const { streams, hooks } = this.#options;
    const stream = streams.get(streamId);
    if (stream !== undefined) return stream;
    const state = streams.stateOf(streamId);
    if (state === "idle") {
      throw new Http2Error("PROTOCOL_ERROR", "Cannot take a frame of a stream that has not begun");
    }
    if (isContent && state === "closed") {
      this.useless();
      hooks.reset(streamId, "STREAM_CLOSED");
    }
    return null;
  }

  /** @returns whether it went well; if not, the stream was reset */
  #try(stream: Http2Stream, work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#charge(stream);
      stream.give(error, resetOf(error));
      return false;
    }
  }

  /** Who opens and gives up has others work for nothing, and who makes us give up as well. */
  #charge(stream: Http2Stream): void {
    if (!stream.hasSent && !this.#options.givenUp.take()) throw tooMuch("streams that are given up");
  }
}

function headOf(fields: readonly Field[] | null, isLast: boolean): RequestHead | Refusal {
  if (fields === null) return 431;
  try {
    const head = parseRequestHead(fields);
    return isLast && (head.contentLength ?? 0) > 0 ? 400 : head;
  } catch (error) {
    if (error instanceof CodecError) return 400;
    throw error;
  }
}

/** Fields that make no message are an error of the stream (RFC 9113 section 8.1.1). */
function resetOf(error: Error): Http2ErrorName {
  return error instanceof Http2Error ? error.http2Name : "PROTOCOL_ERROR";
}

function tooLargeWindow(): Http2Error {
  return new Http2Error("FLOW_CONTROL_ERROR", "Cannot take a window of more than 2^31-1 bytes");
}

function tooMuch(what: string): Http2Error {
  return new Http2Error("ENHANCE_YOUR_CALM", `Cannot take more ${what}`);
}
