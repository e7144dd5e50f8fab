import { HEAD_BYTES, LENGTH_AT, MAX_BODY_BYTES, packetCode, PLACE } from "./_packet_code.ts";

/** Before the body of a packet stands its length. */
export const LENGTH_BYTES = 4;
/** After it stands its tag. */
export const TAG_BYTES = 16;
/** A body is a number of these: its padding sees to it. */
export const PADDED_TO_BYTES = 8;
/** There is so much padding at least (RFC 4253 section 6). */
export const MIN_PADDING_BYTES = 4;

interface Exports {
  readonly memory: WebAssembly.Memory;
  /** @returns the first word of the stream that hides the length */
  lengthMask(sequence: number): number;
  /** @returns 0 when the tag was right */
  process(encrypted: number, bytes: number, sequence: number, length: number): number;
}

/**
 * Packets of chacha20-poly1305@openssh.com (PROTOCOL.chacha20poly1305), by WebAssembly with 128 bits at once. One serves all
 * connections: nothing of a packet that is kept counts for the next one.
 */
export class PacketMachine {
  readonly #exports: Exports;
  readonly #memory: Uint8Array;

  /** @throws {WebAssembly.CompileError} where WebAssembly has no SIMD */
  constructor() {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(packetCode()));
    this.#exports = instance.exports as unknown as Exports;
    this.#memory = new Uint8Array(this.#exports.memory.buffer);
  }

  /**
   * Encrypts a packet in its place.
   *
   * @param packet length, body, and room for the tag
   * @throws {RangeError} when it is longer than SSH has packets
   */
  seal(keys: Uint8Array, { sequence, packet }: { sequence: number; packet: Uint8Array }): void {
    const bytes = packet.length - LENGTH_BYTES - TAG_BYTES;
    if (bytes > MAX_BODY_BYTES) throw new RangeError(`A packet of ${bytes} bytes is too long`);
    const memory = this.#memory;
    memory.set(keys, PLACE.keys);
    memory.set(packet.subarray(LENGTH_BYTES, LENGTH_BYTES + bytes), PLACE.input + HEAD_BYTES);
    const nonce = reversed(sequence);
    const length = reversed(bytes) ^ this.#exports.lengthMask(nonce);
    this.#exports.process(PLACE.output, bytes, nonce, length);
    packet.set(memory.subarray(PLACE.output + LENGTH_AT, PLACE.output + HEAD_BYTES + bytes + TAG_BYTES));
  }

  /** Decrypts the length of a packet, which nothing has authenticated yet. @param at where it stands in `data` */
  lengthOf(
    keys: Uint8Array,
    { sequence, data, at }: { sequence: number; data: Uint8Array; at: number },
  ): number {
    this.#memory.set(keys, PLACE.keys);
    return reversed(wordOf(data, at) ^ this.#exports.lengthMask(reversed(sequence))) >>> 0;
  }

  /**
   * Decrypts a packet.
   *
   * @param data holds it from `at` on: length, as many bytes of a body, tag
   * @returns the body, in memory that the next packet of any connection takes; `null`: the tag is wrong
   */
  open(
    keys: Uint8Array,
    { sequence, data, at, bytes }: { sequence: number; data: Uint8Array; at: number; bytes: number },
  ): Uint8Array | null {
    if (bytes > MAX_BODY_BYTES) throw new RangeError(`A packet of ${bytes} bytes is too long`);
    const memory = this.#memory;
    memory.set(keys, PLACE.keys);
    const body = at + LENGTH_BYTES;
    memory.set(data.subarray(body, body + bytes + TAG_BYTES), PLACE.input + HEAD_BYTES);
    const difference = this.#exports.process(PLACE.input, bytes, reversed(sequence), wordOf(data, at));
    return difference === 0
      ? memory.subarray(PLACE.output + HEAD_BYTES, PLACE.output + HEAD_BYTES + bytes)
      : null;
  }
}

/** The four bytes, as the module loads them. */
function wordOf(data: Uint8Array, at: number): number {
  return data[at]! | data[at + 1]! << 8 | data[at + 2]! << 16 | data[at + 3]! << 24;
}

/** The other order of the bytes of a word. */
function reversed(word: number): number {
  return (word & 0xff) << 24 | (word & 0xff00) << 8 | word >>> 8 & 0xff00 | word >>> 24;
}
