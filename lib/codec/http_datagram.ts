import { malformed } from "./_vectors.ts";
import { CodecError } from "./codec_error.ts";
import { Http3Error } from "./http3_error.ts";
import { encodeVarint, varintAt, varintLength, varintLengthAt, writeVarint } from "./varint.ts";

/** The longest UDP payload in an HTTP datagram, in bytes (RFC 9298 section 5). */
export const MAX_UDP_PAYLOAD_BYTES = 65_527;

/** The context id of UDP payloads (RFC 9298 section 4). */
export const UDP_CONTEXT_ID = 0;

/** An HTTP datagram of CONNECT-UDP (RFC 9298 section 5). */
export interface HttpDatagram {
  /** {@link UDP_CONTEXT_ID} for a UDP payload; above 2^53-1 rounded, and at least 2^53. */
  readonly contextId: number;
  /** May be empty. */
  readonly payload: Uint8Array;
}

/** Encodes a context id, at most 2^53-1, and its payload. @throws {RangeError} when the id is out of bounds */
export function encodeHttpDatagram({ contextId, payload }: HttpDatagram): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(varintLength(contextId) + payload.length);
  bytes.set(payload, writeVarint(bytes, contextId));
  return bytes;
}

/**
 * Splits an HTTP datagram into context id and payload, a part of `bytes`.
 *
 * @throws {CodecError} `codec/malformed`: there is no whole context id
 */
export function decodeHttpDatagram(bytes: Uint8Array): HttpDatagram {
  const contextId = varintAt(bytes, 0);
  if (contextId < 0) throw malformed("an HTTP datagram", "has no context id");
  return { contextId, payload: bytes.subarray(varintLengthAt(bytes, 0)) };
}

/**
 * Finds the UDP payload of the HTTP datagram that begins at `offset`, such as after the quarter stream id. For each
 * packet: allocates nothing but the view that it returns.
 *
 * @returns the payload, a part of `bytes`; `null` when it is one of another context, which is to be dropped
 * @throws {CodecError} `codec/malformed`: there is no whole context id; `codec/too-large`: longer than
 * {@link MAX_UDP_PAYLOAD_BYTES}. Either ends the stream
 */
export function udpPayloadAt(bytes: Uint8Array, offset = 0): Uint8Array | null {
  const contextId = varintAt(bytes, offset);
  if (contextId < 0) throw malformed("an HTTP datagram", "has no context id");
  if (contextId !== UDP_CONTEXT_ID) return null;
  const start = offset + varintLengthAt(bytes, offset);
  checkUdpPayloadLength(bytes.length - start);
  return bytes.subarray(start);
}

/** Refuses more than {@link MAX_UDP_PAYLOAD_BYTES}. @throws {CodecError} `codec/too-large` */
export function checkUdpPayloadLength(bytes: number): void {
  if (bytes <= MAX_UDP_PAYLOAD_BYTES) return;
  throw new CodecError("codec/too-large", `Cannot read a UDP payload: it has ${bytes} bytes`);
}

/**
 * What stands before each UDP payload that is sent in a QUIC datagram for a request stream: the quarter stream id (RFC 9297
 * section 2.1) and {@link UDP_CONTEXT_ID}.
 *
 * @param streamId of a bidirectional stream of the client: a multiple of 4, at most 2^53-1
 * @throws {RangeError} when it is no multiple of 4, or negative
 */
export function udpDatagramPrefix(streamId: number): Uint8Array<ArrayBuffer> {
  return encodeHttp3Datagram(streamId, encodeVarint(UDP_CONTEXT_ID));
}

/** Encodes the QUIC datagram that carries `datagram` for a request stream, as in {@link udpDatagramPrefix}. */
export function encodeHttp3Datagram(streamId: number, datagram: Uint8Array): Uint8Array<ArrayBuffer> {
  if (streamId % 4 !== 0) throw new RangeError(`Cannot send a datagram for stream ${streamId}`);
  const bytes = new Uint8Array(varintLength(streamId / 4) + datagram.length);
  bytes.set(datagram, writeVarint(bytes, streamId / 4));
  return bytes;
}

/**
 * The stream that a QUIC datagram of HTTP/3 belongs to (RFC 9297 section 2.1). The HTTP datagram begins after it, at
 * {@link varintLengthAt}.
 *
 * @returns a stream id; above 2^53-1 rounded, and at least 2^53
 * @throws {Http3Error} `H3_DATAGRAM_ERROR`: there is no quarter stream id, or it is above 2^60-1
 */
export function datagramStreamId(bytes: Uint8Array): number {
  const quarter = varintAt(bytes, 0);
  // Looked at as bytes, since 2^60-1 and 2^60 are the same number here.
  if (quarter < 0 || bytes[0]! > 0xcf) {
    throw new Http3Error("H3_DATAGRAM_ERROR", "Cannot read a datagram: it has no valid stream");
  }
  return quarter * 4;
}
