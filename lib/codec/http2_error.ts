import { CodecError, type CodecErrorCode } from "./codec_error.ts";

/** Error codes of HTTP/2 (RFC 9113 section 7). */
export const HTTP2_ERROR = {
  /** Nothing is wrong: the connection or stream is no longer needed. */
  NO_ERROR: 0,
  /** A rule was broken that has no code of its own. */
  PROTOCOL_ERROR: 1,
  /** Our own fault. */
  INTERNAL_ERROR: 2,
  /** More was sent than the window allows. */
  FLOW_CONTROL_ERROR: 3,
  /** Settings were not acknowledged in time. */
  SETTINGS_TIMEOUT: 4,
  /** A frame for a stream that its sender has ended. */
  STREAM_CLOSED: 5,
  /** A frame of the wrong size. */
  FRAME_SIZE_ERROR: 6,
  /** A request that was not acted upon, and may be repeated. */
  REFUSED_STREAM: 7,
  /** The stream is no longer wanted. */
  CANCEL: 8,
  /** A field section that cannot be decoded. */
  COMPRESSION_ERROR: 9,
  /** The connection behind a CONNECT broke. */
  CONNECT_ERROR: 10,
  /** More than this end wants to take. */
  ENHANCE_YOUR_CALM: 11,
  /** The connection is not secure enough. */
  INADEQUATE_SECURITY: 12,
  /** The request must be repeated over HTTP/1.1. */
  HTTP_1_1_REQUIRED: 13,
} as const;

/** The name that the RFC gives to an error code. */
export type Http2ErrorName = keyof typeof HTTP2_ERROR;

/** What the peer sent over HTTP/2 breaks its rules. Ends the connection, unless the function that throws says otherwise. */
export class Http2Error extends CodecError {
  /** The number that a stream or connection is closed with. */
  readonly http2Code: number;

  /**
   * An error for one input; its {@link CodecErrorCode} follows from `http2Name`.
   *
   * @param http2Name which rule was broken
   * @param message what was being read, and what was found
   */
  constructor(readonly http2Name: Http2ErrorName, message: string) {
    super(codecErrorCode(http2Name), message);
    this.http2Code = HTTP2_ERROR[http2Name];
  }
}

function codecErrorCode(name: Http2ErrorName): CodecErrorCode {
  if (name === "ENHANCE_YOUR_CALM" || name === "FLOW_CONTROL_ERROR") return "codec/too-large";
  return name === "STREAM_CLOSED" ? "codec/unexpected" : "codec/malformed";
}
