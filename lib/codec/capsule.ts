import { Assembly } from "./_assembly.ts";
import { encodeTypeLengthValue, TypeLengthDecoder } from "./_type_length.ts";
import { CodecError } from "./codec_error.ts";
import {
  checkUdpPayloadLength,
  MAX_UDP_PAYLOAD_BYTES,
  UDP_CONTEXT_ID,
  udpPayloadAt,
} from "./http_datagram.ts";
import { MAX_VARINT_BYTES, varintAt, varintLength, varintLengthAt, writeVarint } from "./varint.ts";

/** The type of the DATAGRAM capsule (RFC 9297 section 3.5). */
export const DATAGRAM_CAPSULE = 0x00;

/** Of a DATAGRAM capsule with the longest UDP payload, behind the shortest context id. */
const MAX_VALUE_BYTES = 1 + MAX_UDP_PAYLOAD_BYTES;

/** Encodes a capsule (RFC 9297 section 3.2). @throws {RangeError} when `type` is not an integer from 0 to 2^53-1 */
export function encodeCapsule(type: number, value: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeTypeLengthValue(type, value);
}

/** Encodes a DATAGRAM capsule that carries a UDP payload (RFC 9298 section 5), in one allocation. */
export function encodeUdpCapsule(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = payload.length + 1;
  const start = 1 + varintLength(length) + 1;
  const bytes = new Uint8Array(start + payload.length);
  bytes[writeVarint(bytes, length, writeVarint(bytes, DATAGRAM_CAPSULE))] = UDP_CONTEXT_ID;
  bytes.set(payload, start);
  return bytes;
}

/**
 * Finds the UDP payloads in a stream of capsules (RFC 9297 section 3.2, RFC 9298 section 5), however it is divided over
 * chunks. Capsules of other types and of other contexts are skipped, of whatever length, without being kept. Once it has
 * failed, it must not be used again.
 *
 * @example
 * ```ts
 * import { CapsuleDecoder, encodeUdpCapsule } from "./capsule.ts";
 * const decoder = new CapsuleDecoder();
 * const lengths: number[] = [];
 * decoder.push(encodeUdpCapsule(new Uint8Array(100)), (payload) => lengths.push(payload.length));
 * decoder.end();
 * if (lengths[0] !== 100) throw new Error();
 * ```
 */
export class CapsuleDecoder {
  readonly #maxPayloadBytes: number;
  readonly #head = new TypeLengthDecoder();
  readonly #assembly = new Assembly();
  /** Within the chunk that is being taken. */
  #at = 0;
  /** Bytes of the value of a capsule that have not come, whether they are kept or not. */
  #left = 0;
  /** What is kept of the value of a capsule that is divided over chunks. */
  #keeping: "all" | "context-id" | "nothing" = "nothing";

  /**
   * A decoder at the start of a stream.
   *
   * @param options `maxPayloadBytes`: longer UDP payloads are dropped without being kept; default and most 65527
   */
  constructor(options: { maxPayloadBytes?: number } = {}) {
    this.#maxPayloadBytes = options.maxPayloadBytes ?? MAX_UDP_PAYLOAD_BYTES;
  }

  /**
   * Takes the next bytes.
   *
   * @param chunk not kept
   * @param deliver is lent each UDP payload until it returns; does not throw
   * @throws {CodecError} `codec/malformed`: a datagram without context id; `codec/too-large`: a UDP payload of more than
   * 65527 bytes, before it has come
   */
  push(chunk: Uint8Array, deliver: (payload: Uint8Array) => void): void {
    this.#at = 0;
    while (this.#at < chunk.length) {
      if (this.#left > 0) this.#continue(chunk, deliver);
      else {
        this.#at = this.#head.take(chunk, this.#at);
        if (this.#head.complete) this.#begin(chunk, deliver);
      }
    }
  }

  /** Says that the stream has ended. @throws {CodecError} `codec/truncated`: within a capsule */
  end(): void {
    if (this.#left === 0 && !this.#head.begun) return;
    throw new CodecError("codec/truncated", "Cannot read a capsule: the stream ended within it");
  }

  #begin(chunk: Uint8Array, deliver: (payload: Uint8Array) => void): void {
    const { length } = this.#head;
    this.#keeping = this.#worthKeeping();
    if (this.#keeping === "all" && this.#at + length <= chunk.length) {
      const value = chunk.subarray(this.#at, this.#at + length);
      this.#at += length;
      this.#deliver(value, deliver);
      return;
    }
    this.#left = length;
    if (this.#keeping !== "nothing") {
      this.#assembly.begin(this.#keeping === "all" ? length : MAX_VARINT_BYTES);
    }
  }

  /** Of the value of the capsule whose head has come. */
  #worthKeeping(): "all" | "context-id" | "nothing" {
    const { type, length } = this.#head;
    if (type !== DATAGRAM_CAPSULE) return "nothing";
    if (length > MAX_VALUE_BYTES) return "context-id";
    return length <= this.#maxPayloadBytes + MAX_VARINT_BYTES ? "all" : "nothing";
  }

  #continue(chunk: Uint8Array, deliver: (payload: Uint8Array) => void): void {
    const start = this.#at;
    this.#at = this.#keeping === "nothing"
      ? Math.min(chunk.length, start + this.#left)
      : this.#assembly.take(chunk, start);
    this.#left -= this.#at - start;
    if (this.#keeping === "nothing" || !this.#assembly.complete) return;
    const value = this.#assembly.bytes;
    if (this.#keeping === "all") this.#deliver(value, deliver);
    else if (varintAt(value, 0) === UDP_CONTEXT_ID) {
      checkUdpPayloadLength(this.#head.length - varintLengthAt(value, 0));
    }
    this.#keeping = "nothing";
  }

  #deliver(value: Uint8Array, deliver: (payload: Uint8Array) => void): void {
    const payload = udpPayloadAt(value);
    if (payload !== null && payload.length <= this.#maxPayloadBytes) deliver(payload);
  }
}
