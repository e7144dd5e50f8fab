import { Http3Error } from "./http3_error.ts";

/** Set Dynamic Table Capacity to 0 (RFC 9204 section 4.3.1). */
const CAPACITY_0 = 0x20;
/** Stream Cancellation (RFC 9204 section 4.4.2): its first two bits, and those of the id after them. */
const CANCELLATION = 0x40;
const CANCELLATION_ID = 0x3f;
/** After the first byte: as many as a stream id of 62 bits needs. */
const MAX_MORE_BYTES = 9;

/**
 * Checks the next bytes of the QPACK encoder stream of a peer that was allowed no dynamic table: it may only say that it
 * uses none.
 *
 * @throws {Http3Error} `QPACK_ENCODER_STREAM_ERROR`
 */
export function checkQpackEncoderStream(chunk: Uint8Array): void {
  if (chunk.every((byte) => byte === CAPACITY_0)) return;
  throw new Http3Error("QPACK_ENCODER_STREAM_ERROR", "Cannot take an instruction: there is no dynamic table");
}

/**
 * Checks the QPACK decoder stream of a peer that is sent no dynamic table entries: it may only say that it gave up streams,
 * and nothing follows from that (RFC 9204 section 4.4).
 */
export class QpackDecoderStreamChecker {
  /** Bytes that the id of a cancelled stream may still have; 0 between instructions. */
  #moreBytes = 0;

  /** Takes the next bytes. @throws {Http3Error} `QPACK_DECODER_STREAM_ERROR` */
  push(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (this.#moreBytes > 0) this.#continue(byte);
      else this.#begin(byte);
    }
  }

  #begin(byte: number): void {
    if ((byte & 0xc0) !== CANCELLATION) throw decoderStreamError();
    if ((byte & CANCELLATION_ID) === CANCELLATION_ID) this.#moreBytes = MAX_MORE_BYTES;
  }

  #continue(byte: number): void {
    this.#moreBytes--;
    if (byte < 0x80) this.#moreBytes = 0;
    else if (this.#moreBytes === 0) throw decoderStreamError();
  }
}

function decoderStreamError(): Http3Error {
  return new Http3Error("QPACK_DECODER_STREAM_ERROR", "Cannot take an instruction: nothing was inserted");
}
