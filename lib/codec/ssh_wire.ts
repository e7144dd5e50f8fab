import { concatBytes, fromUtf8, utf8 } from "../base/bytes.ts";
import { CodecError } from "./codec_error.ts";

/** Reads the data types of SSH (RFC 4251 section 5) from bytes, one after the other. */
export class SshReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  /** Reads from the beginning of `bytes`, which it does not copy. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes that were read. */
  get offset(): number {
    return this.#at;
  }

  /** Whether nothing is left. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** `byte`. @throws {CodecError} `codec/truncated` */
  byte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  /** `uint32`. @throws {CodecError} `codec/truncated` */
  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** `uint64`. @throws {CodecError} `codec/truncated` */
  uint64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** `string` as bytes, which are not copied. @throws {CodecError} `codec/truncated` */
  bytes(): Uint8Array {
    const length = this.uint32();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** `string` as text. @throws {CodecError} `codec/truncated`, `codec/malformed` when it is not UTF-8 */
  text(): string {
    const bytes = this.bytes();
    try {
      return fromUtf8(bytes);
    } catch {
      throw new CodecError("codec/malformed", "Cannot read a text of SSH: it is not UTF-8");
    }
  }

  /** `mpint` of a number that is not negative, without leading zeros. @throws {CodecError} */
  unsigned(): Uint8Array {
    const bytes = this.bytes();
    if (bytes.length > 0 && bytes[0]! >= 0x80) {
      throw new CodecError("codec/malformed", "Cannot read a number of SSH: it is negative");
    }
    const first = bytes.findIndex((byte) => byte !== 0);
    return first < 0 ? bytes.subarray(bytes.length) : bytes.subarray(first);
  }

  #take(length: number): number {
    const start = this.#at;
    if (this.#bytes.length - start < length) {
      throw new CodecError("codec/truncated", "Cannot read SSH data: it ends too early");
    }
    this.#at += length;
    return start;
  }
}

/** `string` (RFC 4251 section 5). */
export function sshString(value: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = typeof value === "string" ? utf8(value) : value;
  return concatBytes([sshUint32(bytes.length), bytes]);
}

/** `uint32`. */
export function sshUint32(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** `uint64`. */
export function sshUint64(value: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** `mpint` of a number that is not negative. @param value most significant byte first */
export function sshUnsigned(value: Uint8Array): Uint8Array<ArrayBuffer> {
  const first = value.findIndex((byte) => byte !== 0);
  const bytes = first < 0 ? value.subarray(value.length) : value.subarray(first);
  return sshString(bytes.length > 0 && bytes[0]! >= 0x80 ? concatBytes([new Uint8Array(1), bytes]) : bytes);
}
