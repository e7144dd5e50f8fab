import type { DatagramFlow } from "../base/datagram_flow.ts";
import { MAX_UDP_PAYLOAD_BYTES, udpDatagramPrefix, udpPayloadAt } from "../codec/http_datagram.ts";
import { varintLengthAt } from "../codec/varint.ts";
import type { DatagramSender } from "./stream_host.ts";

/** Datagrams that come before somebody receives them. */
const MAX_EARLY = 32;

/** The UDP payloads in the datagrams of one request stream (RFC 9297 section 2.1, RFC 9298 section 5). */
export class StreamDatagrams implements DatagramFlow {
  readonly #sender: DatagramSender;
  readonly #prefix: Uint8Array;
  readonly #ended = Promise.withResolvers<void>();
  #deliver: ((payload: Uint8Array) => void) | null = null;
  #early: Uint8Array[] = [];
  #isOpen = true;

  /** Datagrams of the stream `streamId`. */
  constructor(streamId: number, sender: DatagramSender) {
    this.#sender = sender;
    this.#prefix = udpDatagramPrefix(streamId);
    this.#ended.promise.catch(() => {});
  }

  get maxPayloadBytes(): number {
    return Math.min(Math.max(this.#sender.maxBytes - this.#prefix.length, 0), MAX_UDP_PAYLOAD_BYTES);
  }

  send(payload: Uint8Array): boolean {
    return this.#isOpen && this.#sender.send(this.#prefix, payload);
  }

  async receive(deliver: (payload: Uint8Array) => void): Promise<void> {
    const early = this.#early;
    this.#early = [];
    if (this.#isOpen) this.#deliver = deliver;
    for (const payload of early) deliver(payload);
    await this.#ended.promise;
  }

  close(): void {
    this.end();
  }

  /**
   * Takes a QUIC datagram that was addressed to the stream.
   *
   * @returns whether somebody has it or will have it
   * @throws {CodecError} when it is not valid; the stream has to end
   */
  push(datagram: Uint8Array): boolean {
    const payload = udpPayloadAt(datagram, varintLengthAt(datagram, 0));
    if (payload === null || !this.#isOpen) return false;
    if (this.#deliver !== null) this.#deliver(payload);
    else if (this.#early.length === MAX_EARLY) return false;
    else this.#early.push(payload);
    return true;
  }

  /** Ends the flow, with what broke it if something did. Safe to call twice. */
  end(failure?: unknown): void {
    this.#isOpen = false;
    this.#deliver = null;
    if (failure === undefined) this.#ended.resolve();
    else this.#ended.reject(failure);
  }
}
