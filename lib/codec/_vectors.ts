import { CodecError } from "./codec_error.ts";

/** Reads numbers and vectors of the presentation language of TLS (RFC 8446 section 3) from the start of some bytes. */
export class VectorReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #offset = 0;

  /**
   * A reader at the start of `bytes`.
   *
   * @param what it is, for messages
   */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  /** Whether everything was read. */
  get done(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** An unsigned number of `size` bytes, 1 to 4. @throws {CodecError} `codec/malformed` */
  number(size: number): number {
    return this.take(size).reduce((value, byte) => value * 256 + byte, 0);
  }

  /** The next `length` bytes. @throws {CodecError} `codec/malformed` */
  take(length: number): Uint8Array {
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw malformed(this.#what, "ends early");
    const bytes = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return bytes;
  }

  /**
   * A vector whose length is written in `lengthSize` bytes before it.
   *
   * @param bounds bytes in it; `multipleOf` is the size of one element, default 1
   * @throws {CodecError} `codec/malformed`
   */
  vector(lengthSize: number, bounds: { min: number; max?: number; multipleOf?: number }): Uint8Array {
    const length = this.number(lengthSize);
    const { min, max = Infinity, multipleOf = 1 } = bounds;
    if (length < min || length > max || length % multipleOf !== 0) {
      throw malformed(this.#what, `has a vector of ${length} bytes`);
    }
    return this.take(length);
  }

  /** Says that nothing may be left. @throws {CodecError} `codec/malformed` */
  end(): void {
    if (!this.done) throw malformed(this.#what, "goes on after its end");
  }
}

/** The error of bytes that break a rule of their own format. */
export function malformed(what: string, found: string): CodecError {
  return new CodecError("codec/malformed", `Cannot read ${what}: it ${found}`);
}
