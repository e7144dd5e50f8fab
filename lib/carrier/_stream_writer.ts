import { encodeDataHead, encodeHeadersFrame } from "../codec/http3_frame.ts";
import { encodeFieldSection, type Field } from "../codec/qpack.ts";
import { CarrierError } from "./carrier_error.ts";

const MAX_DATA_BYTES = 64 * 1024;
/** No message may have it at its end (RFC 9114 section 4.3): whoever reads it knows that the message is not whole. */
const BROKEN_END = encodeHeadersFrame(encodeFieldSection([[":status", "500"]]));

/**
 * Writes the frames of one request stream. The platform cannot reset a stream, and giving one up in the midst of a frame
 * would look like an end there, which is an error of the whole connection (RFC 9114 section 7.1). So a frame under way is
 * always finished, in the background once the stream is closed.
 */
export class StreamWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #frame = new Uint8Array(0);
  #giveUp: ((error: CarrierError) => void) | null = null;
  #isEnded = false;
  /** Whether something was sent. */
  hasSent = false;

  /** @param writable owned by the writer from now on; `onGone` is called once, when nothing more will be sent */
  constructor(writable: Deno.QuicSendStream, onGone: () => void) {
    this.#writer = writable.getWriter();
    this.#writer.closed.then(onGone, onGone);
  }

  /** Sends a field section. @throws {CarrierError} */
  async fields(fields: readonly Field[]): Promise<void> {
    this.hasSent = true;
    await this.#send(encodeHeadersFrame(encodeFieldSection(fields)));
  }

  /** Sends content; resolves when the transport has taken all of it. @throws {CarrierError} */
  async data(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += MAX_DATA_BYTES) {
      await this.#send(this.#dataFrame(bytes.subarray(at, at + MAX_DATA_BYTES)));
    }
  }

  /** Says that nothing more comes. @throws {CarrierError} */
  async end(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    await this.#writer.close().catch(failed);
  }

  /**
   * Stops sending: a write that waits fails, and the end follows what it has begun. Safe to call twice.
   *
   * @param options `broken`: the message is not whole, and the peer is told so
   */
  close(options: { broken?: boolean } = {}): void {
    this.#giveUp?.(closed());
    if (this.#isEnded) return;
    if (options.broken && this.hasSent) this.#writer.write(BROKEN_END).catch(() => {});
    this.end().catch(() => {});
  }

  /** In one buffer, which is used again, as it is free once the platform has taken the frame. */
  #dataFrame(part: Uint8Array): Uint8Array {
    const head = encodeDataHead(part.length);
    const length = head.length + part.length;
    if (this.#frame.length < length || this.#frame.length > 4 * length) this.#frame = new Uint8Array(length);
    this.#frame.set(head);
    this.#frame.set(part, head.length);
    return this.#frame.subarray(0, length);
  }

  async #send(frame: Uint8Array): Promise<void> {
    if (this.#isEnded) throw closed();
    const givenUp = Promise.withResolvers<never>();
    this.#giveUp = givenUp.reject;
    try {
      await Promise.race([this.#writer.write(frame).catch(failed), givenUp.promise]);
    } finally {
      this.#giveUp = null;
    }
  }
}

function closed(): CarrierError {
  return new CarrierError("carrier/closed", "Cannot write as the stream was closed");
}

function failed(cause: unknown): never {
  throw new CarrierError("carrier/reset", "Cannot write as the peer reads no more", { cause });
}
