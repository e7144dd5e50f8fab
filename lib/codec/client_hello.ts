import { concatBytes } from "../base/bytes.ts";
import { malformed, VectorReader } from "./_vectors.ts";
import { CodecError } from "./codec_error.ts";

/** What a TLS client asks for in its first message. */
export interface ClientHello {
  /** The host name as it was sent (RFC 6066 section 3), 1 to 255 characters of visible ASCII; `null` when there is none. */
  readonly serverName: string | null;
  /** Protocols, most wanted first (RFC 7301 section 3.1), a character for each byte; empty when there are none. */
  readonly alpn: readonly string[];
}

/** Bytes that a ClientHello may take with the headers of its records. */
export const MAX_CLIENT_HELLO_BYTES = 64 * 1024;

const RECORD_HEADER_BYTES = 5;
const MAX_FRAGMENT_BYTES = 2 ** 14;
const MESSAGE_HEADER_BYTES = 4;
const MAX_NAME_LENGTH = 255;
/** RFC 8446 section 5.1. */
const HANDSHAKE_RECORD = 22;
/** RFC 8446 section 4. */
const CLIENT_HELLO = 1;
const SERVER_NAME_EXTENSION = 0;
const ALPN_EXTENSION = 16;
const HOST_NAME = 0;

/**
 * Decodes a ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2) from the start of a TLS connection, however it
 * is divided over records and over chunks. Once it has failed or is complete, it must not be used again.
 *
 * @example
 * ```ts
 * import { ClientHelloDecoder } from "./client_hello.ts";
 * const decoder = new ClientHelloDecoder();
 * if (decoder.push(Uint8Array.of(22, 3, 1)) !== null) throw new Error();
 * ```
 */
export class ClientHelloDecoder {
  readonly #recordHeader: number[] = [];
  readonly #messageHeader: number[] = [];
  readonly #body: Uint8Array[] = [];
  #fragmentLeft = 0;
  #bodyLeft = 0;
  #consumed = 0;

  /**
   * Takes the next bytes. Those after the message are not looked at.
   *
   * @param chunk not kept
   * @returns the message, or `null` when there must be more
   * @throws {CodecError} `codec/unexpected`: not a ClientHello; `codec/malformed`; `codec/too-large`: beyond
   * {@link MAX_CLIENT_HELLO_BYTES}
   */
  push(chunk: Uint8Array): ClientHello | null {
    for (let offset = 0; offset < chunk.length;) {
      const rest = chunk.subarray(offset);
      if (this.#fragmentLeft === 0) offset += this.#takeRecordByte(rest[0]!);
      else if (this.#messageHeader.length < MESSAGE_HEADER_BYTES) offset += this.#takeMessageByte(rest[0]!);
      else offset += this.#takeBody(rest);
      if (this.#messageHeader.length === MESSAGE_HEADER_BYTES && this.#bodyLeft === 0) {
        return parseBody(concatBytes(this.#body));
      }
    }
    return null;
  }

  #takeRecordByte(byte: number): 1 {
    this.#recordHeader.push(byte);
    const [type, major, , high, low] = this.#recordHeader;
    if (type !== HANDSHAKE_RECORD || (major !== undefined && major !== 3)) {
      throw new CodecError("codec/unexpected", "Cannot read a ClientHello: it is no TLS handshake");
    }
    if (low === undefined) return 1;
    const length = high! * 256 + low;
    if (length === 0 || length > MAX_FRAGMENT_BYTES) throw malformed("a TLS record", `has ${length} bytes`);
    this.#consumed += RECORD_HEADER_BYTES + length;
    this.#recordHeader.length = 0;
    this.#fragmentLeft = length;
    return 1;
  }

  #takeMessageByte(byte: number): 1 {
    this.#messageHeader.push(byte);
    this.#fragmentLeft--;
    const [type, a, b, c] = this.#messageHeader;
    if (type !== CLIENT_HELLO) {
      throw new CodecError("codec/unexpected", "Cannot read a ClientHello: it is another message");
    }
    if (c !== undefined) this.#bodyLeft = a! * 2 ** 16 + b! * 2 ** 8 + c;
    this.#checkSize();
    return 1;
  }

  #takeBody(rest: Uint8Array): number {
    const part = rest.slice(0, Math.min(this.#fragmentLeft, this.#bodyLeft));
    this.#body.push(part);
    this.#fragmentLeft -= part.length;
    this.#bodyLeft -= part.length;
    this.#checkSize();
    return part.length;
  }

  /** What has come, to the end of the record, and what must come after it at least. */
  #checkSize(): void {
    if (this.#consumed + Math.max(0, this.#bodyLeft - this.#fragmentLeft) > MAX_CLIENT_HELLO_BYTES) {
      throw new CodecError("codec/too-large", "Cannot read a ClientHello: it is too large");
    }
  }
}

function parseBody(body: Uint8Array): ClientHello {
  const reader = new VectorReader(body, "a ClientHello");
  reader.take(2 + 32); // legacy_version, random
  reader.vector(1, { min: 0, max: 32 }); // legacy_session_id
  reader.vector(2, { min: 2, multipleOf: 2 }); // cipher_suites
  reader.vector(1, { min: 1 }); // legacy_compression_methods
  // Before TLS 1.3 there need not be any.
  const extensions = reader.done
    ? new Map<number, Uint8Array>()
    : parseExtensions(reader.vector(2, { min: 0 }));
  reader.end();
  const names = extensions.get(SERVER_NAME_EXTENSION);
  const protocols = extensions.get(ALPN_EXTENSION);
  return {
    serverName: names === undefined ? null : parseServerName(names),
    alpn: protocols === undefined ? [] : parseProtocols(protocols),
  };
}

function parseExtensions(bytes: Uint8Array): Map<number, Uint8Array> {
  const reader = new VectorReader(bytes, "the extensions of a ClientHello");
  const extensions = new Map<number, Uint8Array>();
  while (!reader.done) {
    const type = reader.number(2);
    if (extensions.has(type)) throw malformed("the extensions of a ClientHello", `has ${type} twice`);
    extensions.set(type, reader.vector(2, { min: 0 }));
  }
  return extensions;
}

function parseServerName(bytes: Uint8Array): string | null {
  const outer = new VectorReader(bytes, "a server name");
  const reader = new VectorReader(outer.vector(2, { min: 1 }), "a server name");
  outer.end();
  const seen = new Map<number, Uint8Array>();
  while (!reader.done) {
    const type = reader.number(1);
    if (seen.has(type)) throw malformed("a server name", "has two of one type");
    // Whatever type will be defined: it starts with a length of two bytes.
    seen.set(type, reader.vector(2, type === HOST_NAME ? { min: 1, max: MAX_NAME_LENGTH } : { min: 0 }));
  }
  const name = seen.get(HOST_NAME);
  return name === undefined ? null : hostName(latin1(name));
}

function hostName(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) throw malformed("a server name", "has characters that no name has");
  return text;
}

function parseProtocols(bytes: Uint8Array): string[] {
  const outer = new VectorReader(bytes, "a list of protocols");
  const reader = new VectorReader(outer.vector(2, { min: 2 }), "a list of protocols");
  outer.end();
  const protocols: string[] = [];
  while (!reader.done) protocols.push(latin1(reader.vector(1, { min: 1 })));
  return protocols;
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
