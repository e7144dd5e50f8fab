import { CodecError, type CodecErrorCode } from "./codec_error.ts";

/** Error codes of HTTP/3 (RFC 9114 section 8.1), QPACK (RFC 9204 section 6) and HTTP datagrams (RFC 9297 section 5.2). */
export const HTTP3_ERROR = {
  /** The other end sent a datagram that breaks the rules. */
  H3_DATAGRAM_ERROR: 0x33,
  /** Nothing is wrong: the connection or stream is no longer needed. */
  H3_NO_ERROR: 0x100,
  /** A rule was broken that has no code of its own. */
  H3_GENERAL_PROTOCOL_ERROR: 0x101,
  /** Our own fault. */
  H3_INTERNAL_ERROR: 0x102,
  /** A stream that will not be accepted, such as a second control stream. */
  H3_STREAM_CREATION_ERROR: 0x103,
  /** A stream that the connection needs was closed. */
  H3_CLOSED_CRITICAL_STREAM: 0x104,
  /** A frame that is not allowed at this place. */
  H3_FRAME_UNEXPECTED: 0x105,
  /** A frame with the wrong layout or size. */
  H3_FRAME_ERROR: 0x106,
  /** More than this end wants to take. */
  H3_EXCESSIVE_LOAD: 0x107,
  /** A stream id or push id that is not allowed. */
  H3_ID_ERROR: 0x108,
  /** A wrong SETTINGS frame. */
  H3_SETTINGS_ERROR: 0x109,
  /** A control stream that does not begin with SETTINGS. */
  H3_MISSING_SETTINGS: 0x10a,
  /** A request that was not acted upon, and may be repeated. */
  H3_REQUEST_REJECTED: 0x10b,
  /** The request or its answer is no longer wanted. */
  H3_REQUEST_CANCELLED: 0x10c,
  /** The stream ended before the request did. */
  H3_REQUEST_INCOMPLETE: 0x10d,
  /** A message that is malformed. */
  H3_MESSAGE_ERROR: 0x10e,
  /** The connection behind a CONNECT broke. */
  H3_CONNECT_ERROR: 0x10f,
  /** The request must be repeated over HTTP/1.1. */
  H3_VERSION_FALLBACK: 0x110,
  /** A field section that cannot be decoded. */
  QPACK_DECOMPRESSION_FAILED: 0x200,
  /** An instruction on the encoder stream that is not allowed. */
  QPACK_ENCODER_STREAM_ERROR: 0x201,
  /** An instruction on the decoder stream that is not allowed. */
  QPACK_DECODER_STREAM_ERROR: 0x202,
} as const;

/** The name that the RFC gives to an error code. */
export type Http3ErrorName = keyof typeof HTTP3_ERROR;

/**
 * What the peer sent over HTTP/3 breaks its rules. H3_MESSAGE_ERROR and H3_REQUEST_INCOMPLETE end the stream, and the
 * others the connection, unless the function that throws says otherwise.
 */
export class Http3Error extends CodecError {
  /** The number that a stream or connection is closed with. */
  readonly http3Code: number;

  /**
   * An error for one input; its {@link CodecErrorCode} follows from `http3Name`.
   *
   * @param http3Name which rule was broken
   * @param message what was being read, and what was found
   */
  constructor(readonly http3Name: Http3ErrorName, message: string) {
    super(codecErrorCode(http3Name), message);
    this.http3Code = HTTP3_ERROR[http3Name];
  }
}

function codecErrorCode(name: Http3ErrorName): CodecErrorCode {
  if (name === "H3_EXCESSIVE_LOAD") return "codec/too-large";
  if (name === "H3_FRAME_UNEXPECTED" || name === "H3_MISSING_SETTINGS") return "codec/unexpected";
  return name === "H3_REQUEST_INCOMPLETE" ? "codec/truncated" : "codec/malformed";
}
