import type { ByteStream } from "../base/byte_stream.ts";
import { concatBytes } from "../base/bytes.ts";
import type { DatagramFlow } from "../base/datagram_flow.ts";
import { CapsuleDecoder, encodeUdpCapsule } from "../codec/capsule.ts";
import { MAX_UDP_PAYLOAD_BYTES } from "../codec/http_datagram.ts";
import { readChunks } from "./_read_chunks.ts";

const MAX_WAITING_BYTES = 256 * 1024;

/** Bounds of a flow in capsules. */
export interface CapsuleFlowOptions {
  /** Longer UDP payloads are dropped, either way; default and most 65,527. */
  readonly maxPayloadBytes?: number;
  /** What is sent is dropped while so many bytes wait for a write that is under way; default 262,144. */
  readonly maxWaitingBytes?: number;
}

/**
 * UDP payloads in DATAGRAM capsules on a byte stream (RFC 9297 section 3.5, RFC 9298 section 5), as HTTP/1.1 and HTTP/2
 * carry them. A datagram is written at once; only while a write is under way do others wait for it, to follow in one piece.
 *
 * `receive` throws {@link CodecError}: `codec/truncated` when the stream ends within a capsule, `codec/malformed`,
 * `codec/too-large`; and what reading or writing the stream failed with.
 *
 * @param stream owned by the flow from now on: closing the flow closes it
 */
export function capsuleFlow(stream: ByteStream, options: CapsuleFlowOptions = {}): DatagramFlow {
  return new CapsuleFlow(stream, options);
}

class CapsuleFlow implements DatagramFlow {
  readonly maxPayloadBytes: number;
  readonly #maxWaitingBytes: number;
  readonly #stream: ByteStream;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #isClosed = false;
  #failure: { readonly error: unknown } | null = null;

  constructor(stream: ByteStream, options: CapsuleFlowOptions) {
    this.#stream = stream;
    this.maxPayloadBytes = options.maxPayloadBytes ?? MAX_UDP_PAYLOAD_BYTES;
    this.#maxWaitingBytes = options.maxWaitingBytes ?? MAX_WAITING_BYTES;
  }

  send(payload: Uint8Array): boolean {
    if (this.#isClosed || payload.length > this.maxPayloadBytes) return false;
    if (this.#waitingBytes + payload.length > this.#maxWaitingBytes) return false;
    const capsule = encodeUdpCapsule(payload);
    this.#waiting.push(capsule);
    this.#waitingBytes += capsule.length;
    if (!this.#isWriting) void this.#write();
    return true;
  }

  async receive(deliver: (payload: Uint8Array) => void): Promise<void> {
    const decoder = new CapsuleDecoder({ maxPayloadBytes: this.maxPayloadBytes });
    await readChunks({ read: (into) => this.#read(into) }, (chunk) => {
      if (!this.#isClosed) decoder.push(chunk, deliver);
      return !this.#isClosed;
    });
    if (!this.#isClosed) decoder.end();
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
    this.#stream.close();
  }

  async #read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const count = await this.#stream.read(into).catch((error) => {
      if (this.#isClosed) return null;
      throw error;
    });
    if (this.#failure !== null) throw this.#failure.error;
    return count;
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#waiting.length > 0) {
        const capsules = this.#waiting;
        this.#waiting = [];
        this.#waitingBytes = 0;
        await this.#stream.write(capsules.length === 1 ? capsules[0]! : concatBytes(capsules));
      }
      this.#isWriting = false;
    } catch (error) {
      // Whoever receives hears of it; nothing more is taken.
      if (!this.#isClosed) this.#failure = { error };
      this.close();
    }
  }
}
