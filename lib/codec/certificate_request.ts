import { concatBytes } from "../base/bytes.ts";
import { VectorReader } from "./_vectors.ts";
import { CodecError } from "./codec_error.ts";

/** Whether a server asks for a certificate, as TLS 1.2 says it in clear. */
export interface CertificateWish {
  /** Whether it asks at all. */
  readonly isAsked: boolean;
  /** The distinguished names, in DER, of the authorities it accepts; empty when it names none. */
  readonly authorities: readonly Uint8Array<ArrayBuffer>[];
}

/** Bytes that are looked at, the headers of records included. */
export const MAX_SERVER_FLIGHT_BYTES = 256 * 1024;

const HANDSHAKE_RECORD = 22;
const RECORD_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;
const CERTIFICATE_REQUEST = 13;
const SERVER_HELLO_DONE = 14;
/** What may come before: ServerHello, Certificate, ServerKeyExchange, CertificateStatus (RFC 6066 section 8). */
const EARLIER = new Set([2, 11, 12, 22]);

/**
 * Looks for the CertificateRequest (RFC 5246 section 7.4.4) in what a server of TLS 1.2 answers to a ClientHello. Once it
 * has failed or is complete, it must not be used again.
 */
export class CertificateRequestDecoder {
  #bytes = new Uint8Array(0);

  /**
   * Takes the next bytes of the server.
   *
   * @returns what the server wishes, or `null` when there must be more
   * @throws {CodecError} `codec/unexpected`: the server refuses, or it is no such answer; `codec/malformed`;
   *   `codec/too-large`: beyond {@link MAX_SERVER_FLIGHT_BYTES}
   */
  push(chunk: Uint8Array): CertificateWish | null {
    this.#bytes = concatBytes([this.#bytes, chunk]);
    if (this.#bytes.length > MAX_SERVER_FLIGHT_BYTES) {
      throw new CodecError("codec/too-large", "Cannot read the answer of a TLS server: it is too large");
    }
    for (const { type, body } of messagesIn(fragmentsIn(this.#bytes))) {
      if (type === CERTIFICATE_REQUEST) return { isAsked: true, authorities: parseAuthorities(body) };
      if (type === SERVER_HELLO_DONE) return { isAsked: false, authorities: [] };
      if (!EARLIER.has(type)) throw unexpected(`has a message of type ${type}`);
    }
    return null;
  }
}

/** The handshake messages of the records that have come, as far as they have. */
function fragmentsIn(bytes: Uint8Array): Uint8Array {
  const fragments: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length;) {
    if (bytes[offset] !== HANDSHAKE_RECORD) throw unexpected("is not a handshake");
    if (offset + RECORD_HEADER_BYTES > bytes.length) break;
    const start = offset + RECORD_HEADER_BYTES;
    const end = start + bytes[offset + 3]! * 256 + bytes[offset + 4]!;
    fragments.push(bytes.subarray(start, end));
    offset = end;
  }
  return concatBytes(fragments);
}

function* messagesIn(bytes: Uint8Array): Generator<{ type: number; body: Uint8Array }> {
  for (let offset = 0; offset + MESSAGE_HEADER_BYTES <= bytes.length;) {
    const [type, a, b, c] = bytes.subarray(offset);
    const start = offset + MESSAGE_HEADER_BYTES;
    const end = start + a! * 2 ** 16 + b! * 2 ** 8 + c!;
    if (end > bytes.length) return;
    yield { type: type!, body: bytes.subarray(start, end) };
    offset = end;
  }
}

function parseAuthorities(body: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const reader = new VectorReader(body, "a CertificateRequest");
  reader.vector(1, { min: 1 }); // certificate_types
  reader.vector(2, { min: 2, multipleOf: 2 }); // supported_signature_algorithms
  const list = new VectorReader(reader.vector(2, { min: 0 }), "a CertificateRequest");
  reader.end();
  const authorities: Uint8Array<ArrayBuffer>[] = [];
  while (!list.done) authorities.push(new Uint8Array(list.vector(2, { min: 1 })));
  return authorities;
}

function unexpected(found: string): CodecError {
  return new CodecError("codec/unexpected", `Cannot read the answer of a TLS server: it ${found}`);
}
