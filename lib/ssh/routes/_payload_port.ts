// @ts-types="@types/ssh2"
import type { Client, Connection } from "ssh2";
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { afterNumber, MESSAGE } from "./_messages.ts";

/** With so much waiting to be sent, no more is taken from the other side. */
const MAX_WAITING_BYTES = 512 * 1024;
/** So many global requests may wait for their answers. */
const MAX_UNANSWERED = 1024;

/** What ssh2 1.17 keeps to itself of either end of a connection, and has to be reached to pass messages on as they are. */
interface RawEnd {
  readonly _sock: Duplex;
  readonly _protocol: {
    readonly _kex: { readonly sessionID: Uint8Array };
    readonly _kexinit: unknown;
    readonly _destruct: unknown;
    readonly _decipher: { _onPayload: OnPayload } | undefined;
    readonly _cipher: { encrypt(packet: Uint8Array): void };
    readonly _packetRW: {
      readonly write: {
        readonly allocStart: number;
        alloc(length: number): Uint8Array;
        finalize(packet: Uint8Array): Uint8Array;
      };
    };
    _queue: Uint8Array[] | undefined;
    _onPayload: OnPayload;
    _onPacket(): void;
    _onHandshakeComplete: (negotiated: unknown) => void;
    ping(): void;
  };
}

/** What it answers moves the place in the input where ssh2 goes on: `undefined` leaves it. */
type OnPayload = ((payload: Uint8Array) => unknown) & { borrows?: boolean };

/**
 * The messages of a connection of ssh2, before ssh2 reads them and after it would have written them: payloads (RFC 4253
 * section 6), first the byte that says which message it is.
 */
export class PayloadPort {
  readonly #end: RawEnd;
  #onRoom: () => void = () => {};
  #handler: ((payload: Uint8Array) => boolean) | null = null;
  /** Who asked the requests that have no answer yet, in their order (RFC 4254 section 4): others, or ssh2 itself. */
  readonly #askers: ("others" | "ssh2")[] = [];

  /** Watches one end. @param end before its key exchange, or after it */
  constructor(end: Client | Connection) {
    this.#end = end as unknown as RawEnd;
    const { _protocol: protocol, _sock: socket } = this.#end;
    const original = protocol._onPayload;
    const onPayload: OnPayload = (payload) => {
      if (payload.length === 0 || this.#isAnswerToUs(payload) || !this.#handler?.(payload)) {
        // ssh2 keeps parts of what it is given.
        return original(Buffer.from(payload));
      }
      // Whoever sends something is there.
      protocol._onPacket();
    };
    onPayload.borrows = true;
    protocol._onPayload = onPayload;
    if (protocol._decipher?._onPayload === original) protocol._decipher._onPayload = onPayload;
    const ping = protocol.ping;
    protocol.ping = () => {
      this.#askers.push("ssh2");
      ping.call(protocol);
    };
    const complete = protocol._onHandshakeComplete;
    protocol._onHandshakeComplete = (negotiated) => {
      complete(negotiated);
      this.#noteRoom();
    };
    socket.on("drain", () => this.#noteRoom());
  }

  /** Names the session in signatures (RFC 4253 section 7.2). */
  get sessionId(): Uint8Array {
    return this.#end._protocol._kex.sessionID;
  }

  /** Whether the other side had better wait: too much is on its way, or keys are being exchanged. */
  get isFull(): boolean {
    return this.isOpen &&
      (this.#end._sock.writableLength > MAX_WAITING_BYTES || this.#end._protocol._kexinit !== undefined);
  }

  /** Whether something can still be sent. */
  get isOpen(): boolean {
    return this.#end._protocol._destruct !== undefined && this.#end._sock.writable;
  }

  /** Called with each message that comes, except those of key exchanges: true takes it, false leaves it to ssh2. */
  set onPayload(handler: ((payload: Uint8Array) => boolean) | null) {
    this.#handler = handler;
  }

  /** Called when it is no longer full. */
  set onRoom(listener: () => void) {
    this.#onRoom = listener;
  }

  /** Sends a message, which is copied; after the key exchange that is under way, if there is one. */
  send(payload: Uint8Array): void {
    if (!this.isOpen) return;
    if (wantsAnswer(payload)) {
      if (this.#askers.length === MAX_UNANSWERED) throw new Error("Too many requests have no answer");
      this.#askers.push("others");
    }
    const { _protocol: protocol } = this.#end;
    const { write } = protocol._packetRW;
    const packet = write.alloc(payload.length);
    packet.set(payload, write.allocStart);
    const final = write.finalize(packet);
    if (protocol._kexinit === undefined) protocol._cipher.encrypt(final);
    else (protocol._queue ??= []).push(final);
  }

  /** Takes nothing more from the network, or goes on with it. Messages that were read already still come. */
  hold(isHeld: boolean): void {
    if (isHeld) this.#end._sock.pause();
    else this.#end._sock.resume();
  }

  /** Closes the connection at once. */
  destroy(): void {
    this.#end._sock.destroy();
  }

  #isAnswerToUs(payload: Uint8Array): boolean {
    const isAnswer = payload[0] === MESSAGE.requestSuccess || payload[0] === MESSAGE.requestFailure;
    return isAnswer && this.#askers.shift() !== "others";
  }

  #noteRoom(): void {
    if (!this.isFull) this.#onRoom();
  }
}

function wantsAnswer(payload: Uint8Array): boolean {
  if (payload[0] !== MESSAGE.globalRequest) return false;
  const reader = afterNumber(payload);
  reader.bytes();
  return reader.byte() !== 0;
}
