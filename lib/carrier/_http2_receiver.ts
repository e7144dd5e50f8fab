import { concatBytes } from "../base/bytes.ts";
import { Http2Error } from "../codec/http2_error.ts";
import {
  fieldBlockPart,
  HTTP2_FLAG,
  HTTP2_FRAME,
  type Http2FrameHead,
  type Http2FrameSink,
  uint31At,
  uint32At,
  wrongSize,
} from "../codec/http2_frame.ts";

/** CONTINUATION frames of one field block. */
const MAX_BLOCK_FRAMES = 64;

/** What frames mean to a connection. Each may throw {@link Http2Error}, which ends it. */
export interface Http2Frames {
  /** A DATA frame begins. */
  beginData(streamId: number, length: number): void;
  /** Part of its content. */
  data(streamId: number, part: Uint8Array): void;
  /** It is over. */
  endData(streamId: number, end: { readonly isLast: boolean; readonly paddingBytes: number }): void;
  /** A field block begins that goes on in CONTINUATION. */
  blockBegun(): void;
  /** A field block is whole. */
  fields(streamId: number, block: Uint8Array, isLast: boolean): void;
  /** What the peer says of itself. */
  settings(payload: Uint8Array): void;
  /** To be answered. */
  ping(payload: Uint8Array): void;
  /** The peer gives a stream up. */
  reset(streamId: number, code: number): void;
  /** The peer takes no streams above `lastStreamId`. */
  goaway(lastStreamId: number, code: number): void;
  /** The peer takes more: of a stream, or with 0 of all. */
  windowUpdate(streamId: number, increment: number): void;
  /** A frame that is of no use. */
  useless(): void;
}

/** Checks the frames of a connection by themselves and in their order (RFC 9113 section 6). */
export class Http2Receiver implements Http2FrameSink {
  readonly #frames: Http2Frames;
  readonly #maxBlockBytes: number;
  #hasBegun = false;
  /** The field block under way. */
  #block: Uint8Array[] = [];
  #blockBytes = 0;
  #blockStream = 0;
  #isBlockLast = false;

  /** @param maxBlockBytes of a field block as it is encoded; a longer one ends the connection */
  constructor(frames: Http2Frames, { maxBlockBytes }: { maxBlockBytes: number }) {
    this.#frames = frames;
    this.#maxBlockBytes = maxBlockBytes;
  }

  beginData(streamId: number, length: number): void {
    this.#checkOrder({ type: HTTP2_FRAME.data, flags: 0, streamId });
    requireStream(streamId);
    this.#frames.beginData(streamId, length);
  }

  data(streamId: number, part: Uint8Array): void {
    this.#frames.data(streamId, part);
  }

  endData(streamId: number, end: { readonly isLast: boolean; readonly paddingBytes: number }): void {
    this.#frames.endData(streamId, end);
  }

  frame(head: Http2FrameHead, payload: Uint8Array): void {
    this.#checkOrder(head);
    const { type, streamId } = head;
    switch (type) {
      case HTTP2_FRAME.headers:
        return this.#headers(head, payload);
      case HTTP2_FRAME.continuation:
        return this.#continuation(head, payload);
      case HTTP2_FRAME.settings:
        return this.#settings(head, payload);
      case HTTP2_FRAME.ping:
        return this.#ping(head, payload);
      case HTTP2_FRAME.goaway:
        requireConnection(streamId);
        if (payload.length < 8) throw wrongSize("GOAWAY", payload.length);
        return this.#frames.goaway(uint31At(payload, 0), uint32At(payload, 4));
      case HTTP2_FRAME.rstStream:
        requireStream(streamId);
        requireLength(payload, 4);
        return this.#frames.reset(streamId, uint32At(payload, 0));
      case HTTP2_FRAME.windowUpdate:
        requireLength(payload, 4);
        return this.#frames.windowUpdate(streamId, uint31At(payload, 0));
      case HTTP2_FRAME.pushPromise:
        throw protocolError("a push is not taken");
      case HTTP2_FRAME.priority:
        requireStream(streamId);
        requireLength(payload, 5);
    }
    this.#frames.useless();
  }

  /** SETTINGS come first, and nothing comes amid a field block (RFC 9113 sections 3.4 and 4.3). */
  #checkOrder({ type, flags, streamId }: Http2FrameHead): void {
    if (!this.#hasBegun && (type !== HTTP2_FRAME.settings || (flags & HTTP2_FLAG.ack) !== 0)) {
      throw protocolError("it does not begin with SETTINGS");
    }
    this.#hasBegun = true;
    const isContinuation = type === HTTP2_FRAME.continuation;
    if (isContinuation !== (this.#blockStream !== 0) || (isContinuation && streamId !== this.#blockStream)) {
      throw protocolError("a field block is cut off");
    }
  }

  #headers({ flags, streamId }: Http2FrameHead, payload: Uint8Array): void {
    requireStream(streamId);
    const part = fieldBlockPart(flags, payload);
    const isLast = (flags & HTTP2_FLAG.endStream) !== 0;
    if ((flags & HTTP2_FLAG.endHeaders) !== 0) return this.#frames.fields(streamId, part, isLast);
    this.#blockStream = streamId;
    this.#isBlockLast = isLast;
    this.#addToBlock(part);
    this.#frames.blockBegun();
  }

  #continuation({ flags, streamId }: Http2FrameHead, payload: Uint8Array): void {
    this.#addToBlock(payload);
    if ((flags & HTTP2_FLAG.endHeaders) === 0) return;
    const block = concatBytes(this.#block);
    this.#block = [];
    this.#blockBytes = 0;
    this.#blockStream = 0;
    this.#frames.fields(streamId, block, this.#isBlockLast);
  }

  #addToBlock(part: Uint8Array): void {
    this.#blockBytes += part.length;
    if (this.#blockBytes > this.#maxBlockBytes || this.#block.length === MAX_BLOCK_FRAMES) {
      throw new Http2Error("ENHANCE_YOUR_CALM", "Cannot take a field block: it is too long");
    }
    this.#block.push(part.slice());
  }

  #settings({ flags, streamId }: Http2FrameHead, payload: Uint8Array): void {
    requireConnection(streamId);
    if ((flags & HTTP2_FLAG.ack) === 0) return this.#frames.settings(payload);
    requireLength(payload, 0);
    this.#frames.useless();
  }

  #ping({ flags, streamId }: Http2FrameHead, payload: Uint8Array): void {
    requireConnection(streamId);
    requireLength(payload, 8);
    if ((flags & HTTP2_FLAG.ack) === 0) this.#frames.ping(payload);
    else this.#frames.useless();
  }
}

function requireStream(streamId: number): void {
  if (streamId === 0) throw protocolError("a frame of a stream names none");
}

function requireConnection(streamId: number): void {
  if (streamId !== 0) throw protocolError("a frame of the connection names a stream");
}

function requireLength(payload: Uint8Array, bytes: number): void {
  if (payload.length !== bytes) throw wrongSize("a frame of fixed size", payload.length);
}

function protocolError(what: string): Http2Error {
  return new Http2Error("PROTOCOL_ERROR", `Cannot take a frame: ${what}`);
}
