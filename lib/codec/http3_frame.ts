import { FRAME, FrameDecoder, type FrameTreatment, treatOther } from "./_frame_decoder.ts";
import { encodeTypeLengthValue } from "./_type_length.ts";
import { Http3Error } from "./http3_error.ts";
import { decodeHttp3Settings, encodeHttp3Settings, type Http3Settings } from "./http3_settings.ts";
import { encodeVarint, varintAt, varintLength, varintLengthAt, writeVarint } from "./varint.ts";

/** The type of a unidirectional stream (RFC 9114 section 6.2, RFC 9204 section 4.2), as a variable-length integer before it. */
export const HTTP3_STREAM = { control: 0x00, push: 0x01, qpackEncoder: 0x02, qpackDecoder: 0x03 } as const;

/** The longest payload of a frame that is read from a control stream, in bytes. */
const MAX_CONTROL_FRAME_BYTES = 1024;

/** What becomes of the frames of a request stream. No method may throw, and what it is lent ends with its return. */
export interface RequestStreamSink {
  /** An encoded field section: the message head, one of an interim answer, or trailers. */
  headers(section: Uint8Array): void;
  /** The next part of the content. Not empty. */
  data(part: Uint8Array): void;
}

/**
 * Decodes the frames of a request stream, either way (RFC 9114 section 4.1). Frames of unknown types are skipped without
 * being kept. Once it has failed, it must not be used again.
 */
export class RequestStreamDecoder {
  readonly #frames: FrameDecoder;
  readonly #peer: "client" | "server";
  readonly #maxSectionBytes: number;
  #state: "start" | "head" | "content" | "trailers" = "start";

  /**
   * A decoder at the start of a stream.
   *
   * @param options `peer`: who sends it; `maxSectionBytes`: most that an encoded field section may have, default 64 KiB
   */
  constructor(sink: RequestStreamSink, options: { peer: "client" | "server"; maxSectionBytes?: number }) {
    this.#peer = options.peer;
    this.#maxSectionBytes = options.maxSectionBytes ?? 64 * 1024;
    this.#frames = new FrameDecoder({
      begin: (type) => this.#begin(type),
      part: (bytes) => sink.data(bytes),
      whole: (_, section) => sink.headers(section),
    });
  }

  /**
   * Takes the next bytes.
   *
   * @param chunk not kept
   * @throws {Http3Error} `H3_FRAME_UNEXPECTED`: a frame that is not allowed on the stream, or at this place;
   * `H3_EXCESSIVE_LOAD`: a field section above its bound (ends the stream only)
   */
  push(chunk: Uint8Array): void {
    this.#frames.push(chunk);
  }

  /**
   * Says that the stream has ended.
   *
   * @throws {Http3Error} `H3_FRAME_ERROR`: within a frame; `H3_REQUEST_INCOMPLETE`: before a message head
   */
  end(): void {
    this.#frames.end();
    if (this.#state !== "start") return;
    throw new Http3Error("H3_REQUEST_INCOMPLETE", "Cannot read a message: the stream ended before it");
  }

  #begin(type: number): FrameTreatment {
    if (type === FRAME.headers && this.#state !== "trailers") {
      // Only a server sends several heads: those of interim answers.
      const isHead = this.#state === "start" || (this.#state === "head" && this.#peer === "server");
      this.#state = isHead ? "head" : "trailers";
      return { keepBytes: this.#maxSectionBytes };
    }
    if (type === FRAME.data && (this.#state === "head" || this.#state === "content")) {
      this.#state = "content";
      return "pass-on";
    }
    return treatOther(type);
  }
}

/** What becomes of the frames of a control stream. No method may throw. */
export interface ControlStreamSink {
  /** Called once, before the others. */
  settings(settings: Http3Settings): void;
  /** The peer goes away: the first id that it will not act upon; of a stream from a server, of a push from a client. */
  goaway(id: number): void;
}

/**
 * Decodes the frames of a control stream (RFC 9114 section 6.2.1), after its type. There is no push here: its frames are
 * only checked. Once it has failed, it must not be used again.
 */
export class ControlStreamDecoder {
  readonly #frames: FrameDecoder;
  readonly #peer: "client" | "server";
  #begun = false;
  #lastGoaway = Infinity;
  #maxPushId = 0;

  /**
   * A decoder at the start of a stream, after its type.
   *
   * @param options `peer`: who sends it
   */
  constructor(sink: ControlStreamSink, options: { peer: "client" | "server" }) {
    this.#peer = options.peer;
    this.#frames = new FrameDecoder({
      begin: (type) => this.#begin(type),
      part: () => {},
      whole: (type, payload) => {
        if (type === FRAME.settings) sink.settings(decodeHttp3Settings(payload));
        else if (type === FRAME.goaway) sink.goaway(this.#goaway(decodeId(payload)));
        else this.#checkPush(type, decodeId(payload));
      },
    });
  }

  /**
   * Takes the next bytes.
   *
   * @param chunk not kept
   * @throws {Http3Error} `H3_MISSING_SETTINGS`: another frame comes first; `H3_FRAME_UNEXPECTED`: a frame that is not
   * allowed on the stream, or SETTINGS twice; `H3_FRAME_ERROR`: of wrong layout; `H3_SETTINGS_ERROR`; `H3_ID_ERROR`: an id
   * that is not allowed; `H3_EXCESSIVE_LOAD`: above a bound
   */
  push(chunk: Uint8Array): void {
    this.#frames.push(chunk);
  }

  #begin(type: number): FrameTreatment {
    if (!this.#begun) {
      if (type !== FRAME.settings) {
        throw new Http3Error("H3_MISSING_SETTINGS", `Cannot begin with a frame of type ${type}`);
      }
      this.#begun = true;
      return { keepBytes: MAX_CONTROL_FRAME_BYTES };
    }
    const allowed = type === FRAME.goaway || type === FRAME.cancelPush ||
      (type === FRAME.maxPushId && this.#peer === "client");
    return allowed ? { keepBytes: MAX_CONTROL_FRAME_BYTES } : treatOther(type);
  }

  #goaway(id: number): number {
    if (id > this.#lastGoaway || (this.#peer === "server" && id % 4 !== 0)) throw idError("GOAWAY", id);
    this.#lastGoaway = id;
    return id;
  }

  #checkPush(type: number, id: number): void {
    // Nothing was ever promised, nor may it be.
    if (type === FRAME.cancelPush) throw idError("CANCEL_PUSH", id);
    if (id < this.#maxPushId) throw idError("MAX_PUSH_ID", id);
    this.#maxPushId = id;
  }
}

/** The head of a DATA frame whose payload of `length` bytes follows (RFC 9114 section 7.2.1). */
export function encodeDataHead(length: number): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(1 + varintLength(length));
  writeVarint(head, length, writeVarint(head, FRAME.data));
  return head;
}

/** A HEADERS frame with an encoded field section (RFC 9114 section 7.2.2). */
export function encodeHeadersFrame(section: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeTypeLengthValue(FRAME.headers, section);
}

/** A SETTINGS frame (RFC 9114 section 7.2.4), which begins a control stream. */
export function encodeSettingsFrame(settings: Partial<Http3Settings>): Uint8Array<ArrayBuffer> {
  return encodeTypeLengthValue(FRAME.settings, encodeHttp3Settings(settings));
}

/** A GOAWAY frame (RFC 9114 section 7.2.6). @throws {RangeError} when `id` is not an integer from 0 to 2^53-1 */
export function encodeGoawayFrame(id: number): Uint8Array<ArrayBuffer> {
  return encodeTypeLengthValue(FRAME.goaway, encodeVarint(id));
}

function decodeId(payload: Uint8Array): number {
  const id = varintAt(payload, 0);
  if (id >= 0 && varintLengthAt(payload, 0) === payload.length) return id;
  throw new Http3Error("H3_FRAME_ERROR", "Cannot read a frame: it is not one id");
}

function idError(frame: string, id: number): Http3Error {
  return new Http3Error("H3_ID_ERROR", `Cannot take the ${frame} for ${id}`);
}
