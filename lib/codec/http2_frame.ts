import { Assembly } from "./_assembly.ts";
import { Http2Error } from "./http2_error.ts";

/** Types of frames (RFC 9113 section 6). */
export const HTTP2_FRAME = {
  /** Content. */
  data: 0,
  /** A field block, which may go on in CONTINUATION. */
  headers: 1,
  /** Deprecated. */
  priority: 2,
  /** Ends one stream. */
  rstStream: 3,
  /** What an end says of itself. */
  settings: 4,
  /** A request that the server expects. */
  pushPromise: 5,
  /** To be answered with the same. */
  ping: 6,
  /** No more streams are taken. */
  goaway: 7,
  /** More may be sent. */
  windowUpdate: 8,
  /** The next part of a field block. */
  continuation: 9,
} as const;

/** Flags of frames, each for the types that have it. */
export const HTTP2_FLAG = {
  /** Of SETTINGS and PING: an answer. */
  ack: 1,
  /** Of DATA and HEADERS: nothing follows. */
  endStream: 1,
  /** Of HEADERS and CONTINUATION: the field block is whole. */
  endHeaders: 4,
  /** Of DATA and HEADERS: with padding. */
  padded: 8,
  /** Of HEADERS: with priority. */
  priority: 0x20,
} as const;

/** Bytes of the head of a frame. */
export const FRAME_HEAD_BYTES = 9;
/** The longest payload that is sent or taken as long as no setting says otherwise (RFC 9113 section 4.2). */
export const DEFAULT_FRAME_BYTES = 16_384;
/** How a client begins (RFC 9113 section 3.4). */
export const CLIENT_PREFACE: Uint8Array = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

const PRIORITY_BYTES = 5;
const NO_PADDING = 0;

/** The head of a frame (RFC 9113 section 4.1). */
export interface Http2FrameHead {
  /** One of {@link HTTP2_FRAME}, or another, which is ignored. */
  readonly type: number;
  /** Bits of {@link HTTP2_FLAG}. */
  readonly flags: number;
  /** 0 for the connection. */
  readonly streamId: number;
}

/** Takes the frames of a connection in their order. What is lent may be kept until the function returns. */
export interface Http2FrameSink {
  /** A DATA frame of `length` bytes begins, its padding counted. @throws {Http2Error} when there is no room */
  beginData(streamId: number, length: number): void;
  /** Part of the content of that frame. */
  data(streamId: number, part: Uint8Array): void;
  /** That frame is over. */
  endData(streamId: number, end: { readonly isLast: boolean; readonly paddingBytes: number }): void;
  /** Any other frame. */
  frame(head: Http2FrameHead, payload: Uint8Array): void;
}

/** Divides what one end of a connection sends into frames, however it is divided over chunks. */
export class Http2FrameDecoder {
  readonly #sink: Http2FrameSink;
  readonly #head = new Uint8Array(FRAME_HEAD_BYTES);
  readonly #assembly = new Assembly();
  #headFilled = 0;
  /** Bytes of the preface that have not come. */
  #prefaceLeft: number;
  /** Of the frame under way. */
  #type = 0;
  #flags = 0;
  #streamId = 0;
  /** Bytes that have not come: of the payload without padding, then of the padding. */
  #left = 0;
  #paddingLeft = 0;
  #paddingBytes = 0;
  #isPaddingKnown = true;

  /** At the beginning of a connection. @param from `client`: its bytes begin with the connection preface */
  constructor(sink: Http2FrameSink, { from }: { from: "client" | "server" }) {
    this.#sink = sink;
    this.#prefaceLeft = from === "client" ? CLIENT_PREFACE.length : 0;
  }

  /** Takes the next bytes; keeps no reference to `chunk`. @throws {Http2Error} also what the sink throws */
  push(chunk: Uint8Array): void {
    let at = this.#prefaceLeft > 0 ? this.#takePreface(chunk) : 0;
    while (at < chunk.length) {
      at = this.#left + this.#paddingLeft > 0 ? this.#takePayload(chunk, at) : this.#takeHead(chunk, at);
    }
  }

  #takePreface(chunk: Uint8Array): number {
    let at = 0;
    for (; at < chunk.length && this.#prefaceLeft > 0; at++, this.#prefaceLeft--) {
      if (chunk[at] !== CLIENT_PREFACE[CLIENT_PREFACE.length - this.#prefaceLeft]) {
        throw new Http2Error("PROTOCOL_ERROR", "Cannot read a connection: it does not begin as HTTP/2");
      }
    }
    return at;
  }

  #takeHead(chunk: Uint8Array, offset: number): number {
    let at = offset;
    while (at < chunk.length && this.#headFilled < FRAME_HEAD_BYTES) {
      this.#head[this.#headFilled++] = chunk[at++]!;
    }
    if (this.#headFilled === FRAME_HEAD_BYTES) this.#begin();
    return at;
  }

  #begin(): void {
    const [high = 0, middle = 0, low = 0, type = 0, flags = 0, a = 0, b = 0, c = 0, d = 0] = this.#head;
    const length = high * 65536 + middle * 256 + low;
    this.#headFilled = 0;
    this.#type = type;
    this.#flags = flags;
    this.#streamId = (a & 0x7f) * 2 ** 24 + b * 65536 + c * 256 + d;
    this.#left = length;
    if (length > DEFAULT_FRAME_BYTES) throw wrongSize("a frame", length);
    if (type === HTTP2_FRAME.data) this.#beginData(length);
    else {
      this.#assembly.begin(length);
      if (length === 0) this.#end();
    }
  }

  #beginData(length: number): void {
    this.#sink.beginData(this.#streamId, length);
    this.#isPaddingKnown = (this.#flags & HTTP2_FLAG.padded) === 0;
    this.#paddingBytes = 0;
    if (!this.#isPaddingKnown && length === 0) throw wrongSize("a frame with padding", length);
    if (length === 0) this.#endData();
  }

  #takePayload(chunk: Uint8Array, at: number): number {
    if (this.#type !== HTTP2_FRAME.data) {
      const end = this.#assembly.take(chunk, at);
      this.#left -= end - at;
      if (this.#left === 0) this.#end();
      return end;
    }
    if (!this.#isPaddingKnown) return this.#takePaddingLength(chunk, at);
    const end = Math.min(chunk.length, at + (this.#left || this.#paddingLeft));
    if (this.#left > 0) {
      this.#left -= end - at;
      this.#sink.data(this.#streamId, chunk.subarray(at, end));
    } else this.#paddingLeft -= end - at;
    if (this.#left + this.#paddingLeft === 0) this.#endData();
    return end;
  }

  #takePaddingLength(chunk: Uint8Array, at: number): number {
    const padding = chunk[at]!;
    this.#isPaddingKnown = true;
    this.#left -= 1 + padding;
    if (this.#left < 0) throw tooMuchPadding();
    this.#paddingLeft = padding;
    this.#paddingBytes = 1 + padding;
    if (this.#left + padding === 0) this.#endData();
    return at + 1;
  }

  #endData(): void {
    const isLast = (this.#flags & HTTP2_FLAG.endStream) !== 0;
    this.#sink.endData(this.#streamId, { isLast, paddingBytes: this.#paddingBytes });
  }

  #end(): void {
    const head = { type: this.#type, flags: this.#flags, streamId: this.#streamId };
    this.#sink.frame(head, this.#assembly.bytes);
  }
}

/**
 * The part of a field block in the payload of HEADERS, without padding and priority (RFC 9113 section 6.2).
 *
 * @throws {Http2Error} `FRAME_SIZE_ERROR`, `PROTOCOL_ERROR`
 */
export function fieldBlockPart(flags: number, payload: Uint8Array): Uint8Array {
  const isPadded = (flags & HTTP2_FLAG.padded) !== 0;
  const padding = isPadded ? payload[0] : NO_PADDING;
  const start = (isPadded ? 1 : 0) + ((flags & HTTP2_FLAG.priority) === 0 ? 0 : PRIORITY_BYTES);
  if (padding === undefined || start > payload.length) throw wrongSize("HEADERS", payload.length);
  if (start + padding > payload.length) throw tooMuchPadding();
  return payload.subarray(start, payload.length - padding);
}

/** The number in the last 31 bits of four bytes: a stream, or the increment of a window. */
export function uint31At(bytes: Uint8Array, offset: number): number {
  return uint32At(bytes, offset) % 2 ** 31;
}

/** The number in four bytes: an error code, or the value of a setting. */
export function uint32At(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) |
    bytes[offset + 3]!) >>> 0;
}

/** Writes the head of a frame into the nine bytes at `offset`. */
export function writeFrameHead(
  into: Uint8Array,
  offset: number,
  { type, flags, streamId, length }: Http2FrameHead & { readonly length: number },
): void {
  into[offset] = length >> 16;
  into[offset + 1] = length >> 8;
  into[offset + 2] = length;
  into[offset + 3] = type;
  into[offset + 4] = flags;
  writeUint32(into, offset + 5, streamId);
}

/** A whole frame. */
export function encodeHttp2Frame(head: Http2FrameHead, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(FRAME_HEAD_BYTES + payload.length);
  writeFrameHead(frame, 0, { ...head, length: payload.length });
  frame.set(payload, FRAME_HEAD_BYTES);
  return frame;
}

/** A field block as HEADERS that do not end the stream, and as much CONTINUATION as it needs. */
export function encodeHeaders(
  block: Uint8Array,
  { streamId, maxFrameBytes }: { streamId: number; maxFrameBytes: number },
): Uint8Array<ArrayBuffer>[] {
  const frames: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at === 0 || at < block.length; at += maxFrameBytes) {
    const type = at === 0 ? HTTP2_FRAME.headers : HTTP2_FRAME.continuation;
    const flags = at + maxFrameBytes >= block.length ? HTTP2_FLAG.endHeaders : 0;
    frames.push(encodeHttp2Frame({ type, flags, streamId }, block.subarray(at, at + maxFrameBytes)));
  }
  return frames;
}

/** RST_STREAM (RFC 9113 section 6.4). */
export function encodeRstStream(streamId: number, code: number): Uint8Array<ArrayBuffer> {
  return encodeHttp2Frame({ type: HTTP2_FRAME.rstStream, flags: 0, streamId }, uint32Bytes(code));
}

/** WINDOW_UPDATE (RFC 9113 section 6.9). */
export function encodeWindowUpdate(streamId: number, increment: number): Uint8Array<ArrayBuffer> {
  return encodeHttp2Frame({ type: HTTP2_FRAME.windowUpdate, flags: 0, streamId }, uint32Bytes(increment));
}

/** GOAWAY without debug data (RFC 9113 section 6.8). */
export function encodeHttp2Goaway(lastStreamId: number, code: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(8);
  writeUint32(payload, 0, lastStreamId);
  writeUint32(payload, 4, code);
  return encodeHttp2Frame({ type: HTTP2_FRAME.goaway, flags: 0, streamId: 0 }, payload);
}

/** Writes four bytes in network order. */
export function writeUint32(into: Uint8Array, offset: number, value: number): void {
  into[offset] = value >>> 24;
  into[offset + 1] = value >>> 16;
  into[offset + 2] = value >>> 8;
  into[offset + 3] = value;
}

/** For a frame whose length is not what its type has. */
export function wrongSize(what: string, length: number): Http2Error {
  return new Http2Error("FRAME_SIZE_ERROR", `Cannot read ${what}: it has ${length} bytes`);
}

function uint32Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeUint32(bytes, 0, value);
  return bytes;
}

function tooMuchPadding(): Http2Error {
  return new Http2Error("PROTOCOL_ERROR", "Cannot read a frame: it is shorter than its padding");
}
